//! The table of a call, decoded from its messages.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::buffer::Buffer;
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::reader::{read_dictionary, read_record_batch};
use arrow::ipc::{MessageHeader, root_as_message};
use arrow_flight::FlightData;
use larder_core::{Error, RequestError};
use serde_json::Value;

use super::message::{broken, check_dictionary, check_rows, check_types};

/// What pandas says of a table with thousands of columns is shorter.
const MAX_PANDAS_BYTES: usize = 4 << 20;

/// Decodes the table of a call on a thread that may take its time; `None` if there is none. Its columns have no
/// dictionaries, and no index of pandas is among them.
///
/// # Errors
///
/// [`RequestError`] for bytes that are no table, and for a table that takes up more than `max_bytes` without its
/// dictionaries.
pub(crate) async fn decode(
    messages: Vec<FlightData>,
    max_bytes: usize,
) -> Result<Option<RecordBatch>, Error> {
    // Arrow's reader has its own way to refuse some of what is not caught by the checks before it.
    let decoding = move || {
        catch_unwind(AssertUnwindSafe(|| decode_checked(&messages, max_bytes)))
            .unwrap_or_else(|_panic| Err(broken("Arrow cannot read it")))
            .map_err(Error::from)
    };
    larder_blocking::run(decoding).await
}

fn decode_checked(messages: &[FlightData], max_bytes: usize) -> Result<Option<RecordBatch>, RequestError> {
    let mut schema: Option<SchemaRef> = None;
    let mut dictionaries: HashMap<i64, ArrayRef> = HashMap::new();
    let mut batches = Vec::new();
    let mut left = max_bytes;
    for sent in messages {
        if sent.data_header.is_empty() {
            continue;
        }
        let message = root_as_message(&sent.data_header).map_err(|error| broken(&error.to_string()))?;
        let body_bytes = sent.data_body.len();
        let known = || schema.as_ref().ok_or_else(|| broken("rows come before their columns"));
        match message.header_type() {
            MessageHeader::Schema if schema.is_none() => {
                let read = Schema::try_from(sent).map_err(cannot_read)?;
                check_types(&read)?;
                schema = Some(Arc::new(read));
            }
            MessageHeader::Schema => return Err(broken("its columns come twice")),
            MessageHeader::DictionaryBatch => {
                let known = known()?;
                let dictionary =
                    message.header_as_dictionary_batch().ok_or_else(|| broken("a dictionary is missing"))?;
                check_dictionary(&dictionary, body_bytes)?;
                let body = Buffer::from(sent.data_body.clone());
                read_dictionary(&body, dictionary, known, &mut dictionaries, &message.version())
                    .map_err(cannot_read)?;
            }
            MessageHeader::RecordBatch => {
                let known = known()?;
                let rows = message.header_as_record_batch().ok_or_else(|| broken("rows are missing"))?;
                check_rows(&rows, body_bytes)?;
                let body = Buffer::from(sent.data_body.clone());
                let schema = Arc::clone(known);
                let batch = read_record_batch(&body, rows, schema, &dictionaries, None, &message.version())
                    .map_err(cannot_read)?;
                batches.push(plain(&batch, &mut left)?);
            }
            other => {
                return Err(broken(&format!(
                    "it has a message of {}",
                    other.variant_name().unwrap_or("no kind")
                )));
            }
        }
    }
    let Some(schema) = schema else { return Ok(None) };
    let rows = match batches.as_slice() {
        [whole] => whole.clone(),
        parts => concat_batches(&plain_schema(&schema), parts).map_err(cannot_read)?,
    };
    without_index(&rows, &schema).map(Some)
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed on by `map_err`")]
fn cannot_read(error: ArrowError) -> RequestError {
    broken(&error.to_string())
}

/// The columns with the values that dictionaries and views stand for; `left` is what those may still take up.
fn plain(batch: &RecordBatch, left: &mut usize) -> Result<RecordBatch, RequestError> {
    let schema = plain_schema(batch.schema_ref());
    let mut columns = Vec::with_capacity(batch.num_columns());
    for (column, field) in batch.columns().iter().zip(schema.fields()) {
        if column.data_type() == field.data_type() {
            columns.push(Arc::clone(column));
            continue;
        }
        *left = left.checked_sub(plain_bytes(column)).ok_or_else(|| {
            RequestError::other(format!(
                "column `{}` is too large without its dictionary; send fewer rows",
                field.name()
            ))
        })?;
        columns.push(match column.as_any_dictionary_opt() {
            // Arrow looks nothing up in an empty dictionary.
            Some(dictionary) if dictionary.values().is_empty() => {
                new_null_array(field.data_type(), column.len())
            }
            _ => cast(column, field.data_type()).map_err(cannot_read)?,
        });
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema, columns, &options).map_err(cannot_read)
}

fn plain_schema(schema: &Schema) -> SchemaRef {
    let plain = |field: &Arc<Field>| match field.data_type() {
        DataType::Dictionary(_, values) => Field::new(field.name(), values.as_ref().clone(), true),
        DataType::Utf8View => Field::new(field.name(), DataType::Utf8, true),
        DataType::BinaryView => Field::new(field.name(), DataType::Binary, true),
        // What is said of columns besides is their sender's matter.
        other => Field::new(field.name(), other.clone(), true),
    };
    Arc::new(Schema::new(schema.fields().iter().map(plain).collect::<Vec<_>>()))
}

/// The bytes of the values that a column of a dictionary or of views stands for.
fn plain_bytes(column: &ArrayRef) -> usize {
    let Some(dictionary) = column.as_any_dictionary_opt() else {
        return match column.data_type() {
            DataType::Utf8View => column.as_string_view().iter().flatten().map(str::len).sum(),
            _ => column.as_binary_view().iter().flatten().map(<[u8]>::len).sum(),
        };
    };
    let values = dictionary.values();
    if values.is_empty() {
        return column.len();
    }
    let keys = dictionary.normalized_keys();
    let of_offsets = |offset: &dyn Fn(usize) -> usize| {
        keys.iter().map(|key| offset(key + 1).saturating_sub(offset(*key))).fold(0, usize::saturating_add)
    };
    let place = |offset: i32| usize::try_from(offset).unwrap_or_default();
    let far_place = |offset: i64| usize::try_from(offset).unwrap_or_default();
    match values.data_type() {
        DataType::Utf8 => {
            let offsets = values.as_string::<i32>().offsets();
            of_offsets(&|at| offsets.get(at).copied().map_or(0, place))
        }
        DataType::Binary => {
            let offsets = values.as_binary::<i32>().offsets();
            of_offsets(&|at| offsets.get(at).copied().map_or(0, place))
        }
        DataType::LargeUtf8 => {
            let offsets = values.as_string::<i64>().offsets();
            of_offsets(&|at| offsets.get(at).copied().map_or(0, far_place))
        }
        DataType::LargeBinary => {
            let offsets = values.as_binary::<i64>().offsets();
            of_offsets(&|at| offsets.get(at).copied().map_or(0, far_place))
        }
        // Of others as much as all values together may be meant by each key, if they are nested.
        other => other
            .primitive_width()
            .unwrap_or_else(|| values.get_array_memory_size())
            .saturating_mul(column.len()),
    }
}

/// The rows without the columns that pandas keeps its index in where that has no name.
fn without_index(rows: &RecordBatch, sent: &Schema) -> Result<RecordBatch, RequestError> {
    let said = sent.metadata.get("pandas").filter(|text| text.len() <= MAX_PANDAS_BYTES);
    let said: Option<Value> = said.and_then(|text| serde_json::from_str(text).ok());
    let index: Vec<&str> = said
        .as_ref()
        .and_then(|said| said.get("index_columns")?.as_array())
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .filter(|name| name.starts_with("__index_level_") && name.ends_with("__"))
        .collect();
    let kept: Vec<usize> = rows
        .schema_ref()
        .fields()
        .iter()
        .enumerate()
        .filter(|(_, field)| !index.contains(&field.name().as_str()))
        .map(|(at, _)| at)
        .collect();
    rows.project(&kept).map_err(cannot_read)
}

/// The entity rows of a call: none if its client had nothing to send, and so sent what Feast's sends then, one column
/// `key`.
pub(crate) fn entity_rows(rows: Option<RecordBatch>) -> Option<RecordBatch> {
    let is_nothing = |rows: &RecordBatch| matches!(rows.schema_ref().fields().iter().as_slice(), [only] if only.name() == "key");
    rows.filter(|rows| !is_nothing(rows))
}
