//! Rows of a file as the columns of a JSON body.

use std::collections::HashMap;

use anyhow::{Context as _, Result};
use arrow::array::{Array, RecordBatch};
use larder::VALUE_TYPE_METADATA;
use larder_core::ValueType;
use larder_core::column::{cast_column, json_value};
use serde_json::{Map, Value};

/// `{column: [values]}`, from which the server reads back every value exactly: times as RFC 3339, bytes
/// as base64, numbers that JSON cannot write as text.
pub(crate) fn json_columns(rows: &RecordBatch) -> Result<Map<String, Value>> {
    let fields = rows.schema_ref().fields().iter().zip(rows.columns());
    fields
        .map(|(field, column)| {
            let value_type = ValueType::infer(field.data_type()).with_context(|| {
                format!("column `{}` has the unknown type {}", field.name(), field.data_type())
            })?;
            let column = cast_column(field.name(), column, &value_type)?;
            let shown = |row| shown_as(field.metadata(), json_value(&column, row));
            let values = (0..column.len()).map(shown).collect();
            Ok((field.name().clone(), Value::Array(values)))
        })
        .collect()
}

/// A map is kept as text, and shown as the object it is.
fn shown_as(metadata: &HashMap<String, String>, value: Value) -> Value {
    match (metadata.get(VALUE_TYPE_METADATA).map(String::as_str), &value) {
        (Some("Map"), Value::String(text)) => serde_json::from_str(text).unwrap_or(value),
        _ => value,
    }
}
