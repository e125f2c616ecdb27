//! JSON values to Arrow columns.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Float32Builder, Float64Builder, Int32Builder, Int64Builder,
    ListArray, NullArray, StringBuilder, StructArray, TimestampMicrosecondBuilder,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::Field as ArrowField;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

use super::distinct::distinct_items;
use super::forms::{micros_of_text, text_of_json};
use crate::value_type::{arrow_fields, timestamp_data_type};
use crate::{FlatType, Layout, RequestError, ScalarType, StructField, ValueType, ZonedTimestamp};

/// Builds a column of `value_type` from JSON values, one row per value, by the table of
/// [`column`](super).
///
/// # Errors
///
/// [`RequestError::InvalidValue`] names column, row and value of the first one that does not fit.
pub fn column_from_json<'a>(
    column: &str,
    value_type: &ValueType,
    values: impl IntoIterator<Item = &'a Value>,
) -> Result<ArrayRef, RequestError> {
    let cells: Vec<Cell<'_>> =
        values.into_iter().enumerate().map(|(row, value)| Cell { row, value }).collect();
    let built = build(value_type, &cells);
    built.map_err(|cell| invalid(column, cell.row, &cell.value, value_type))
}

pub(super) fn invalid(column: &str, row: usize, value: &Value, expected: &ValueType) -> RequestError {
    let value = cut(value.to_string());
    RequestError::InvalidValue { column: column.to_owned(), row, value, expected: expected.to_string() }
}

/// The beginning of a long text, for messages.
pub(super) fn cut(text: String) -> String {
    const SHOWN: usize = 60;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// A value, perhaps inside another one, and the row it belongs to.
#[derive(Clone, Copy)]
struct Cell<'a> {
    row: usize,
    value: &'a Value,
}

/// A value that does not fit.
struct Misfit {
    row: usize,
    value: Value,
}

impl Cell<'_> {
    fn misfit(self) -> Misfit {
        Misfit { row: self.row, value: self.value.clone() }
    }
}

type Built = Result<ArrayRef, Misfit>;

/// Builds one level of nesting at a time: the items of all lists are one column.
fn build(value_type: &ValueType, cells: &[Cell<'_>]) -> Built {
    match (value_type, value_type.layout()) {
        (ValueType::Scalar(ScalarType::ZonedTimestamp), _) => zoned_timestamps(cells),
        (ValueType::Scalar(scalar), Layout::Flat(FlatType::Utf8)) => texts(*scalar, cells),
        (_, Layout::Flat(flat)) => flats(flat, cells),
        (_, Layout::List(item)) => {
            let lists = parsed(cells, |cells| lists(item, cells))?;
            let is_set = matches!(value_type, ValueType::Set(_));
            Ok(Arc::new(if is_set { distinct_items(&lists) } else { lists }))
        }
        (_, Layout::Struct(fields)) => parsed(cells, |cells| structs(fields, cells)),
    }
}

/// Reads texts as JSON before going on: a nested value may come as the text of one.
fn parsed<T>(cells: &[Cell<'_>], build: impl FnOnce(&[Cell<'_>]) -> Result<T, Misfit>) -> Result<T, Misfit> {
    if !cells.iter().any(|cell| cell.value.is_string()) {
        return build(cells);
    }
    let values: Vec<Option<Value>> = cells
        .iter()
        .map(|cell| match cell.value {
            Value::String(text) => serde_json::from_str(text).map(Some).map_err(|_| cell.misfit()),
            _ => Ok(None),
        })
        .collect::<Result<_, _>>()?;
    let cells: Vec<Cell<'_>> = cells
        .iter()
        .zip(&values)
        .map(|(cell, parsed)| Cell { row: cell.row, value: parsed.as_ref().unwrap_or(cell.value) })
        .collect();
    build(&cells)
}

fn lists(item: &ValueType, cells: &[Cell<'_>]) -> Result<ListArray, Misfit> {
    let mut items = Vec::new();
    let mut lengths = Vec::with_capacity(cells.len());
    for cell in cells {
        let values = match cell.value {
            Value::Null => &[],
            Value::Array(values) => values.as_slice(),
            _ => return Err(cell.misfit()),
        };
        items.extend(values.iter().map(|value| Cell { row: cell.row, value }));
        lengths.push(values.len());
    }
    let items = build(item, &items)?;
    let field = Arc::new(ArrowField::new("item", items.data_type().clone(), true));
    Ok(ListArray::new(field, OffsetBuffer::from_lengths(lengths), items, nulls(cells)))
}

fn structs(fields: &[StructField], cells: &[Cell<'_>]) -> Built {
    const ABSENT: &Value = &Value::Null;
    let places: HashMap<&str, usize> =
        fields.iter().enumerate().map(|(place, field)| (field.name.as_str(), place)).collect();
    let mut columns = vec![Vec::with_capacity(cells.len()); fields.len()];
    for (at, cell) in cells.iter().enumerate() {
        for column in &mut columns {
            column.push(Cell { row: cell.row, value: ABSENT });
        }
        match cell.value {
            Value::Null => {}
            Value::Object(object) => {
                for (name, value) in object {
                    let place = places.get(name.as_str()).ok_or_else(|| cell.misfit())?;
                    if let Some(cell) = columns.get_mut(*place).and_then(|column| column.get_mut(at)) {
                        cell.value = value;
                    }
                }
            }
            _ => return Err(cell.misfit()),
        }
    }
    let built = fields.iter().zip(&columns).map(|(field, cells)| build(&field.value_type, cells));
    let columns = built.collect::<Result<Vec<_>, _>>()?;
    let (fields, nulls) = (arrow_fields(fields), nulls(cells));
    let structs = StructArray::try_new_with_length(fields, columns, nulls, cells.len());
    Ok(Arc::new(structs.expect("the columns were built to these fields and this length")))
}

fn zoned_timestamps(cells: &[Cell<'_>]) -> Built {
    let Layout::Struct(fields) = ZONED.layout() else { return Ok(Arc::new(NullArray::new(cells.len()))) };
    let texts: Vec<Option<Value>> = cells
        .iter()
        .map(|cell| match cell.value {
            // An object as text is taken apart with those that are none.
            Value::String(text) if !text.starts_with('{') => {
                let zoned = ZonedTimestamp::parse(text).ok_or_else(|| cell.misfit())?;
                let time = zoned.time.to_string();
                Ok(Some(serde_json::json!({"unix_timestamp": time, "zone": zoned.zone})))
            }
            _ => Ok(None),
        })
        .collect::<Result<_, Misfit>>()?;
    let objects: Vec<Cell<'_>> = cells
        .iter()
        .zip(&texts)
        .map(|(cell, text)| Cell { row: cell.row, value: text.as_ref().unwrap_or(cell.value) })
        .collect();
    parsed(&objects, |cells| structs(fields, cells))
}

const ZONED: ValueType = ValueType::Scalar(ScalarType::ZonedTimestamp);

fn texts(scalar: ScalarType, cells: &[Cell<'_>]) -> Built {
    let mut builder = StringBuilder::with_capacity(cells.len(), 16 * cells.len());
    for cell in cells {
        match cell.value {
            Value::Null => builder.append_null(),
            value => builder.append_value(text_of_json(scalar, value).ok_or_else(|| cell.misfit())?),
        }
    }
    Ok(Arc::new(builder.finish()))
}

fn nulls(cells: &[Cell<'_>]) -> Option<NullBuffer> {
    let nulls: NullBuffer = cells.iter().map(|cell| !cell.value.is_null()).collect();
    Some(nulls).filter(|nulls| nulls.null_count() > 0)
}

/// Builds a column of single values, one builder and one way to read a value for each type.
fn flats(flat: FlatType, cells: &[Cell<'_>]) -> Built {
    macro_rules! build {
        ($builder:expr, $read:expr) => {{
            let mut builder = $builder;
            for cell in cells {
                match cell.value {
                    Value::Null => builder.append_null(),
                    value => builder.append_value($read(value).ok_or_else(|| cell.misfit())?),
                }
            }
            Ok(Arc::new(builder.finish()))
        }};
    }
    let rows = cells.len();
    match flat {
        FlatType::Boolean => build!(BooleanBuilder::with_capacity(rows), truth),
        FlatType::Int32 => {
            build!(Int32Builder::with_capacity(rows), |value| i32::try_from(whole(value)?).ok())
        }
        FlatType::Int64 => build!(Int64Builder::with_capacity(rows), whole),
        FlatType::Float32 => build!(Float32Builder::with_capacity(rows), narrow),
        FlatType::Float64 => build!(Float64Builder::with_capacity(rows), number),
        FlatType::TimestampMicros => build!(
            TimestampMicrosecondBuilder::with_capacity(rows).with_data_type(timestamp_data_type()),
            micros
        ),
        FlatType::Binary => build!(BinaryBuilder::new(), |value: &Value| BASE64.decode(value.as_str()?).ok()),
        FlatType::Utf8 => texts(ScalarType::String, cells),
    }
}

fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => match number.as_i64()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        },
        Value::String(text) => text.trim().to_ascii_lowercase().parse().ok(),
        _ => None,
    }
}

fn micros(value: &Value) -> Option<i64> {
    match value {
        Value::Number(_) => whole(value)?.checked_mul(1_000_000),
        Value::String(text) => micros_of_text(text),
        _ => None,
    }
}

fn narrow(value: &Value) -> Option<f32> {
    #[expect(clippy::cast_possible_truncation, reason = "Float32 is declared to be that narrow")]
    number(value).map(|number| number as f32)
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use arrow::array::AsArray;
    use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
    use serde_json::json;

    use super::*;

    #[test]
    fn whole_numbers_come_from_numbers_and_text_as_feast_takes_them() {
        let values = [json!(1001), json!("1001"), json!(1001.7), json!(null), json!(-1.9)];
        let column = column_from_json("driver_id", &ValueType::INT64, &values).unwrap();
        let expected = [Some(1001), Some(1001), Some(1001), None, Some(-1)];
        assert_eq!(column.as_primitive::<Int64Type>().iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_value_that_does_not_fit_names_column_row_and_value() {
        let error = column_from_json("driver_id", &ValueType::INT64, &[json!(1), json!("x")]).unwrap_err();
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
            (ValueType::array(ValueType::INT64).unwrap(), json!(1)),
            (ValueType::array(ValueType::INT64).unwrap(), json!(["x"])),
            (ValueType::STRING, json!({})),
        ] {
            assert!(
                column_from_json("c", &value_type, std::slice::from_ref(&value)).is_err(),
                "{value_type}: {value}"
            );
        }
    }

    #[test]
    fn timestamps_come_from_text_and_from_seconds() {
        let values = [json!("2024-01-31T12:00:00Z"), json!(1_706_702_400), json!("1706702400")];
        let column = column_from_json("t", &ValueType::UNIX_TIMESTAMP, &values).unwrap();
        let micros = column.as_primitive::<TimestampMicrosecondType>();
        assert_eq!(micros.values().iter().collect::<HashSet<_>>().len(), 1);
        let date = column_from_json("t", &ValueType::UNIX_TIMESTAMP, &[json!("20240131")]);
        assert!(date.is_err(), "a date without hyphens is not a second of 1970");
        assert_eq!(column.data_type(), &timestamp_data_type());
    }

    #[test]
    fn lists_keep_their_nulls_and_have_the_declared_arrow_type() {
        let value_type = ValueType::array(ValueType::STRING).unwrap();
        let column =
            column_from_json("l", &value_type, &[json!(["a", null]), json!(null), json!([])]).unwrap();
        assert_eq!(column.data_type(), &value_type.data_type());
        assert_eq!(column.null_count(), 1);
        assert_eq!(column.as_list::<i32>().value(0).null_count(), 1);
    }
}
