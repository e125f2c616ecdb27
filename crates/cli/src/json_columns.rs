//! Rows of a file as the columns of a JSON body.

use anyhow::{Context as _, Result};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use larder_core::column::cast_column;
use larder_core::{Timestamp, ValueType};
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
            let values = (0..column.len()).map(|row| value(&column, row)).collect();
            Ok((field.name().clone(), Value::Array(values)))
        })
        .collect()
}

fn value(column: &ArrayRef, row: usize) -> Value {
    if column.is_null(row) {
        return Value::Null;
    }
    let float = |number: f64| {
        serde_json::Number::from_f64(number).map_or_else(|| Value::String(number.to_string()), Value::Number)
    };
    match column.data_type() {
        DataType::Boolean => column.as_boolean().value(row).into(),
        DataType::Int32 => column.as_primitive::<Int32Type>().value(row).into(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).into(),
        DataType::Float32 => float(column.as_primitive::<Float32Type>().value(row).into()),
        DataType::Float64 => float(column.as_primitive::<Float64Type>().value(row)),
        DataType::Utf8 => column.as_string::<i32>().value(row).into(),
        DataType::Binary => BASE64.encode(column.as_binary::<i32>().value(row)).into(),
        DataType::List(_) => {
            let items = column.as_list::<i32>().value(row);
            (0..items.len()).map(|item| value(&items, item)).collect()
        }
        _ => {
            let micros = column.as_primitive::<TimestampMicrosecondType>().value(row);
            Timestamp::from_micros(micros).to_string().into()
        }
    }
}
