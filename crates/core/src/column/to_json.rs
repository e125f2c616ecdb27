//! Arrow values to JSON, for types that hold values of any type.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    DataType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value};

use crate::Timestamp;

/// One value of a column of any Arrow type as JSON: numbers, texts and booleans as such, binary as
/// base64, times as RFC 3339 in UTC, lists as arrays, structs and maps as objects, a float that JSON cannot write and whatever
/// else Arrow has as the text Arrow shows.
pub fn json_value(array: &dyn Array, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    macro_rules! primitive {
        ($type:ty) => {
            Value::from(array.as_primitive::<$type>().value(row))
        };
    }
    let items =
        |items: ArrayRef| Value::Array((0..items.len()).map(|item| json_value(&items, item)).collect());
    match array.data_type() {
        DataType::Boolean => Value::Bool(array.as_boolean().value(row)),
        DataType::Int8 => primitive!(Int8Type),
        DataType::Int16 => primitive!(Int16Type),
        DataType::Int32 => primitive!(Int32Type),
        DataType::Int64 => primitive!(Int64Type),
        DataType::UInt8 => primitive!(UInt8Type),
        DataType::UInt16 => primitive!(UInt16Type),
        DataType::UInt32 => primitive!(UInt32Type),
        DataType::UInt64 => primitive!(UInt64Type),
        DataType::Float16 => float(array.as_primitive::<Float16Type>().value(row).to_f64()),
        DataType::Float32 => float(f64::from(array.as_primitive::<Float32Type>().value(row))),
        DataType::Float64 => float(array.as_primitive::<Float64Type>().value(row)),
        DataType::Utf8 => array.as_string::<i32>().value(row).into(),
        DataType::LargeUtf8 => array.as_string::<i64>().value(row).into(),
        DataType::Utf8View => array.as_string_view().value(row).into(),
        DataType::Binary => BASE64.encode(array.as_binary::<i32>().value(row)).into(),
        DataType::LargeBinary => BASE64.encode(array.as_binary::<i64>().value(row)).into(),
        DataType::BinaryView => BASE64.encode(array.as_binary_view().value(row)).into(),
        DataType::FixedSizeBinary(_) => BASE64.encode(array.as_fixed_size_binary().value(row)).into(),
        DataType::List(_) => items(array.as_list::<i32>().value(row)),
        DataType::LargeList(_) => items(array.as_list::<i64>().value(row)),
        DataType::FixedSizeList(_, _) => items(array.as_fixed_size_list().value(row)),
        DataType::Timestamp(unit, _) => {
            // Whatever the zone, the number counts from the epoch in UTC.
            let count = match unit {
                TimeUnit::Second => {
                    i128::from(array.as_primitive::<TimestampSecondType>().value(row)) * 1_000_000
                }
                TimeUnit::Millisecond => {
                    i128::from(array.as_primitive::<TimestampMillisecondType>().value(row)) * 1_000
                }
                TimeUnit::Microsecond => array.as_primitive::<TimestampMicrosecondType>().value(row).into(),
                TimeUnit::Nanosecond => {
                    i128::from(array.as_primitive::<TimestampNanosecondType>().value(row)).div_euclid(1_000)
                }
            };
            i64::try_from(count)
                .map_or(Value::Null, |micros| Timestamp::from_micros(micros).to_string().into())
        }
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns();
            let entries = fields.iter().zip(columns);
            Value::Object(
                entries.map(|(field, column)| (field.name().clone(), json_value(column, row))).collect(),
            )
        }
        DataType::Map(_, _) => {
            let entries = array.as_map().value(row);
            let (keys, values) = (entries.column(0), entries.column(1));
            let object: Map<String, Value> =
                (0..entries.len()).map(|entry| (key(keys, entry), json_value(values, entry))).collect();
            Value::Object(object)
        }
        _ => shown(array, row).into(),
    }
}

/// The pairs of key and value of a map, for maps whose keys are no text.
pub(super) fn json_pairs(array: &dyn Array, row: usize) -> Value {
    let Some(map) = array.as_map_opt().filter(|map| map.is_valid(row)) else { return json_value(array, row) };
    let entries = map.value(row);
    let (keys, values) = (entries.column(0), entries.column(1));
    let pair = |entry| Value::Array(vec![json_value(keys, entry), json_value(values, entry)]);
    Value::Array((0..entries.len()).map(pair).collect())
}

fn key(keys: &ArrayRef, entry: usize) -> String {
    match json_value(keys, entry) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

fn float(value: f64) -> Value {
    match serde_json::Number::from_f64(value) {
        Some(number) => Value::Number(number),
        None => if value.is_nan() {
            "NaN"
        } else if value > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }
        .into(),
    }
}

fn shown(array: &dyn Array, row: usize) -> String {
    ArrayFormatter::try_new(array, &FormatOptions::default())
        .map(|formatter| formatter.value(row).to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, StructArray, TimestampMillisecondArray};
    use arrow::datatypes::Field;
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_in_utc_and_floats_keep_what_json_cannot_write() {
        let times: ArrayRef =
            Arc::new(TimestampMillisecondArray::from(vec![250]).with_timezone("Asia/Tokyo"));
        let numbers: ArrayRef = Arc::new(Float64Array::from(vec![f64::NEG_INFINITY]));
        let fields = [("t", &times), ("x", &numbers)].map(|(name, column)| {
            (Arc::new(Field::new(name, column.data_type().clone(), true)), Arc::clone(column))
        });
        let structs = StructArray::from(fields.to_vec());
        assert_eq!(json_value(&structs, 0), json!({"t": "1970-01-01T00:00:00.250Z", "x": "-Infinity"}));
    }
}
