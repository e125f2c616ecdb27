//! Rows as CSV and NDJSON, in the forms that [`file_table`](crate::file_table) reads back.

use std::io::Write;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use arrow_json::WriterBuilder;
use arrow_json::writer::LineDelimited;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use larder_core::{FileFormat, Timestamp, column};
use serde_json::{Map, Value};

use crate::error::OfflineError;

/// Writes rows as lines of `format`, which is CSV or NDJSON. Times are RFC 3339 in UTC, bytes are
/// base64, a list in a CSV cell is a JSON array, null is an empty cell or JSON's null.
pub(crate) fn write_text(
    writer: &mut dyn Write,
    rows: &RecordBatch,
    format: FileFormat,
    with_header: bool,
) -> Result<(), OfflineError> {
    let schema = rows.schema();
    let columns = schema.fields().iter().zip(rows.columns());
    let columns = columns
        .map(|(field, array)| {
            let plain = plain_column(field.name(), array)?;
            match format {
                FileFormat::Csv if plain.data_type().is_nested() => list_cells(&plain),
                _ => Ok(plain),
            }
            .map_err(|_: ArrowError| OfflineError::Unwritable {
                column: field.name().clone(),
                data_type: field.data_type().to_string(),
                format: format.name(),
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let fields = schema.fields().iter().zip(&columns);
    let fields = fields.map(|(field, array)| Field::new(field.name(), array.data_type().clone(), true));
    let plain = RecordBatch::try_new(Arc::new(Schema::new(fields.collect::<Vec<_>>())), columns)
        .map_err(OfflineError::arrow("lay out rows as text"))?;
    let written = if format == FileFormat::Csv {
        arrow_csv::WriterBuilder::new().with_header(with_header).build(&mut *writer).write(&plain)
    } else {
        let builder = WriterBuilder::new().with_explicit_nulls(true);
        let mut lines = builder.build::<_, LineDelimited>(&mut *writer);
        lines.write(&plain).and_then(|()| lines.finish())
    };
    written.map_err(OfflineError::arrow("write rows as text"))
}

/// The column with times in UTC and bytes as base64, also inside lists.
fn plain_column(name: &str, array: &ArrayRef) -> Result<ArrayRef, OfflineError> {
    Ok(match array.data_type() {
        DataType::Timestamp(_, _) => {
            let times = column::to_timestamps(name, array)?;
            let text = times.iter().map(|time| time.map(|time| Timestamp::from_micros(time).to_string()));
            Arc::new(text.collect::<StringArray>())
        }
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            let bytes =
                cast(array, &DataType::Binary).map_err(OfflineError::arrow("lay out bytes as text"))?;
            let text = bytes.as_binary::<i32>().iter().map(|value| value.map(|value| BASE64.encode(value)));
            Arc::new(text.collect::<StringArray>())
        }
        DataType::List(_) => {
            let lists = array.as_list::<i32>();
            let items = plain_column(name, lists.values())?;
            let field = Arc::new(Field::new("item", items.data_type().clone(), true));
            let lists = ListArray::try_new(field, lists.offsets().clone(), items, lists.nulls().cloned());
            Arc::new(lists.map_err(OfflineError::arrow("lay out lists as text"))?)
        }
        _ => Arc::clone(array),
    })
}

/// Each value as JSON text.
fn list_cells(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let rows = RecordBatch::try_from_iter([("cell", Arc::clone(array))])?;
    let mut lines = Vec::new();
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(&mut lines);
    writer.write(&rows)?;
    writer.finish()?;
    let cells = serde_json::Deserializer::from_slice(&lines).into_iter::<Map<String, Value>>();
    let text = cells
        .map(|object| match object.map(|mut object| object.remove("cell")) {
            Ok(None | Some(Value::Null)) => Ok(None),
            Ok(Some(value)) => Ok(Some(value.to_string())),
            Err(error) => Err(ArrowError::JsonError(error.to_string())),
        })
        .collect::<Result<StringArray, _>>()?;
    Ok(Arc::new(text))
}
