//! JSON values to Arrow columns.

use std::sync::Arc;

use arrow::array::{
    ArrayBuilder, ArrayRef, BinaryBuilder, BooleanBuilder, Float32Builder, Float64Builder, Int32Builder,
    Int64Builder, ListBuilder, StringBuilder, TimestampMicrosecondBuilder,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

use crate::value_type::timestamp_data_type;
use crate::{RequestError, ScalarType, Timestamp, ValueType};

/// Builds a column of `value_type` from JSON values, one row per value, by the table of
/// [`column`](super).
///
/// # Errors
///
/// [`RequestError::InvalidValue`] names column, row and value of the first one that does not fit.
pub fn column_from_json<'a>(
    column: &str,
    value_type: ValueType,
    values: impl IntoIterator<Item = &'a Value>,
) -> Result<ArrayRef, RequestError> {
    let values = values.into_iter().enumerate();
    match value_type {
        ValueType::Scalar(scalar) => {
            let mut builder = ScalarBuilder::new(scalar);
            for (row, value) in values {
                builder.append(value).ok_or_else(|| invalid(column, row, value, value_type))?;
            }
            Ok(builder.finish())
        }
        ValueType::Array(item) => {
            let mut builder = ListBuilder::new(ScalarBuilder::new(item));
            for (row, value) in values {
                match value {
                    Value::Null => builder.append_null(),
                    Value::Array(items) => {
                        for value in items {
                            builder
                                .values()
                                .append(value)
                                .ok_or_else(|| invalid(column, row, value, value_type))?;
                        }
                        builder.append(true);
                    }
                    _ => return Err(invalid(column, row, value, value_type)),
                }
            }
            Ok(Arc::new(builder.finish()))
        }
    }
}

fn invalid(column: &str, row: usize, value: &Value, expected: ValueType) -> RequestError {
    let mut text = value.to_string();
    if text.chars().count() > 60 {
        text = text.chars().take(60).chain(['…']).collect();
    }
    RequestError::InvalidValue { column: column.to_owned(), row, value: text, expected: expected.to_string() }
}

/// A builder of any scalar type that takes JSON values.
enum ScalarBuilder {
    Bytes(BinaryBuilder),
    String(StringBuilder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Float64(Float64Builder),
    Float32(Float32Builder),
    Bool(BooleanBuilder),
    UnixTimestamp(TimestampMicrosecondBuilder),
}

/// Applies an expression to the builder of whichever type.
macro_rules! each {
    ($self:expr, $builder:ident => $body:expr) => {
        match $self {
            ScalarBuilder::Bytes($builder) => $body,
            ScalarBuilder::String($builder) => $body,
            ScalarBuilder::Int32($builder) => $body,
            ScalarBuilder::Int64($builder) => $body,
            ScalarBuilder::Float64($builder) => $body,
            ScalarBuilder::Float32($builder) => $body,
            ScalarBuilder::Bool($builder) => $body,
            ScalarBuilder::UnixTimestamp($builder) => $body,
        }
    };
}

impl ScalarBuilder {
    fn new(scalar: ScalarType) -> Self {
        match scalar {
            ScalarType::Bytes => Self::Bytes(BinaryBuilder::new()),
            ScalarType::String => Self::String(StringBuilder::new()),
            ScalarType::Int32 => Self::Int32(Int32Builder::new()),
            ScalarType::Int64 => Self::Int64(Int64Builder::new()),
            ScalarType::Float64 => Self::Float64(Float64Builder::new()),
            ScalarType::Float32 => Self::Float32(Float32Builder::new()),
            ScalarType::Bool => Self::Bool(BooleanBuilder::new()),
            ScalarType::UnixTimestamp => {
                Self::UnixTimestamp(TimestampMicrosecondBuilder::new().with_data_type(timestamp_data_type()))
            }
        }
    }

    /// Appends one value; `None`, with nothing appended, if it does not fit.
    fn append(&mut self, value: &Value) -> Option<()> {
        if value.is_null() {
            each!(self, builder => builder.append_null());
            return Some(());
        }
        match self {
            Self::Bytes(builder) => builder.append_value(BASE64.decode(value.as_str()?).ok()?),
            Self::String(builder) => builder.append_value(text(value)?),
            Self::Int32(builder) => builder.append_value(i32::try_from(whole(value)?).ok()?),
            Self::Int64(builder) => builder.append_value(whole(value)?),
            Self::Float64(builder) => builder.append_value(number(value)?),
            #[expect(clippy::cast_possible_truncation, reason = "Float32 is declared to be that narrow")]
            Self::Float32(builder) => builder.append_value(number(value)? as f32),
            Self::Bool(builder) => builder.append_value(match value {
                Value::Bool(flag) => *flag,
                Value::Number(number) => match number.as_i64()? {
                    0 => false,
                    1 => true,
                    _ => return None,
                },
                Value::String(text) => text.trim().parse().ok()?,
                _ => return None,
            }),
            Self::UnixTimestamp(builder) => builder.append_value(match value {
                Value::Number(_) => whole(value)?.checked_mul(1_000_000)?,
                Value::String(text) => Timestamp::parse(text).ok()?.micros(),
                _ => return None,
            }),
        }
        Some(())
    }
}

impl ArrayBuilder for ScalarBuilder {
    fn len(&self) -> usize {
        each!(self, builder => builder.len())
    }
    fn finish(&mut self) -> ArrayRef {
        each!(self, builder => ArrayBuilder::finish(builder))
    }
    fn finish_cloned(&self) -> ArrayRef {
        each!(self, builder => ArrayBuilder::finish_cloned(builder))
    }
    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
    fn as_any_mut(&mut self) -> &mut dyn std::any::Any {
        self
    }
    fn into_box_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

/// A whole number; other numbers are cut towards zero as Python's `int` does.
fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| truncate(number.as_f64()?)),
        Value::String(text) => text.trim().parse().ok(),
        Value::Bool(flag) => Some(i64::from(*flag)),
        _ => None,
    }
}

/// Cuts towards zero; `None` if the result is no `i64`.
fn truncate(number: f64) -> Option<i64> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    #[expect(clippy::cast_possible_truncation, reason = "cutting is the point, and the range is checked")]
    (-LIMIT..LIMIT).contains(&number).then_some(number as i64)
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Bool(flag) => Some(f64::from(*flag)),
        _ => None,
    }
}

/// Text as Python's `str` writes the value.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(if *flag { "True" } else { "False" }.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
    use serde_json::json;

    use super::*;

    #[test]
    fn whole_numbers_come_from_numbers_and_text_as_feast_takes_them() {
        let values = [json!(1001), json!("1001"), json!(1001.7), json!(null), json!(-1.9)];
        let column = column_from_json("driver_id", ValueType::INT64, &values).unwrap();
        let expected = [Some(1001), Some(1001), Some(1001), None, Some(-1)];
        assert_eq!(column.as_primitive::<Int64Type>().iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_value_that_does_not_fit_names_column_row_and_value() {
        let error = column_from_json("driver_id", ValueType::INT64, &[json!(1), json!("x")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "column `driver_id`, row 1: \"x\" is not a valid Int64; send a value of that type or null"
        );
        for (value_type, value) in [
            (ValueType::INT32, json!(3_000_000_000_i64)),
            (ValueType::INT64, json!(1e300)),
            (ValueType::FLOAT32, json!("abc")),
            (ValueType::BOOL, json!("yes")),
            (ValueType::BYTES, json!("not base64!")),
            (ValueType::UNIX_TIMESTAMP, json!("yesterday")),
            (ValueType::Array(ScalarType::Int64), json!(1)),
            (ValueType::Array(ScalarType::Int64), json!(["x"])),
            (ValueType::STRING, json!({})),
        ] {
            assert!(
                column_from_json("c", value_type, std::slice::from_ref(&value)).is_err(),
                "{value_type}: {value}"
            );
        }
    }

    #[test]
    fn timestamps_come_from_text_and_from_seconds() {
        let values = [json!("2024-01-31T12:00:00Z"), json!(1_706_702_400)];
        let column = column_from_json("t", ValueType::UNIX_TIMESTAMP, &values).unwrap();
        let micros = column.as_primitive::<TimestampMicrosecondType>();
        assert_eq!(micros.value(0), micros.value(1));
        assert_eq!(column.data_type(), &timestamp_data_type());
    }

    #[test]
    fn lists_keep_their_nulls_and_have_the_declared_arrow_type() {
        let value_type = ValueType::Array(ScalarType::String);
        let column =
            column_from_json("l", value_type, &[json!(["a", null]), json!(null), json!([])]).unwrap();
        assert_eq!(column.data_type(), &value_type.data_type());
        assert_eq!(column.null_count(), 1);
        assert_eq!(column.as_list::<i32>().value(0).null_count(), 1);
    }
}
