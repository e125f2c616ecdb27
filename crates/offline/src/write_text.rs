//! Rows as CSV and NDJSON, in the forms that [`file_table`](crate::file_table) reads back.

use std::io::Write;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, RecordBatch, StringArray, StructArray};
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
/// base64, a list in a CSV cell is a JSON array and a struct a JSON object, null is an empty cell or JSON's null.
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

/// The column with times in UTC and bytes as base64, also inside lists and structs.
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
        DataType::Struct(fields) => {
            let structs = array.as_struct();
            let parts = structs.columns().iter().map(|part| plain_column(name, part));
            let parts = parts.collect::<Result<Vec<_>, _>>()?;
            let fields = fields.iter().zip(&parts);
            let fields = fields.map(|(field, part)| Field::new(field.name(), part.data_type().clone(), true));
            let structs = StructArray::try_new(fields.collect(), parts, structs.nulls().cloned());
            Arc::new(structs.map_err(OfflineError::arrow("lay out structs as text"))?)
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

#[cfg(test)]
mod tests {
    use larder_core::column::{cast_column, column_from_json};
    use larder_core::{ScalarType, ValueType};
    use serde_json::json;

    use super::*;

    #[test]
    fn structs_and_lists_of_times_are_written_and_read_back() {
        let zoned = ValueType::Scalar(ScalarType::ZonedTimestamp);
        let place = ValueType::structure([
            ("seen".to_owned(), zoned.clone()),
            ("photo".to_owned(), ValueType::BYTES),
        ]);
        let cases = [
            (zoned, json!(["2024-05-01T12:00:00+02:00[Europe/Oslo]", null, "1970-01-01T00:00:00Z"])),
            (
                place.unwrap(),
                json!([{"seen": "2024-05-01T12:00:00Z", "photo": "eA=="}, {"seen": null}, null]),
            ),
            (
                ValueType::array(ValueType::UNIX_TIMESTAMP).unwrap(),
                json!([["2024-05-01T12:00:00Z", null], [], null]),
            ),
        ];
        for (value_type, values) in cases {
            let column = column_from_json("c", &value_type, values.as_array().unwrap()).unwrap();
            let rows = RecordBatch::try_from_iter([("c", Arc::clone(&column))]).unwrap();
            let written = |format| {
                let mut text = Vec::new();
                write_text(&mut text, &rows, format, false).unwrap();
                String::from_utf8(text).unwrap()
            };
            let lines = written(FileFormat::NdJson);
            let objects: Vec<Value> =
                lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["c"].clone()).collect();
            assert_eq!(&column_from_json("c", &value_type, &objects).unwrap(), &column, "{lines}");
            let cells = list_cells(&plain_column("c", &column).unwrap()).unwrap();
            assert_eq!(&cast_column("c", &cells, &value_type).unwrap(), &column, "{cells:?}");
            assert_eq!(written(FileFormat::Csv).lines().count(), 3);
        }
    }
}
