//! Training sets as comparable rows: by column name, without order, without the types of one engine.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Float32Type, Float64Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use larder_core::Timestamp;
use serde_json::Value;

/// One value, in a form that does not tell how it is stored.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell {
    /// No value. pandas writes a missing number as NaN; a recorded NaN is one.
    Null,
    /// A truth value.
    Bool(bool),
    /// A number: the bits of its double, since pandas turns whole numbers with gaps into doubles.
    Number(u64),
    /// A whole number that a double cannot hold.
    Whole(i64),
    /// Text.
    Text(String),
    /// Bytes as hexadecimal digits.
    Bytes(String),
    /// Microseconds since the epoch.
    Time(i64),
    /// A list.
    List(Vec<Cell>),
}

type Row = BTreeMap<String, Cell>;

/// The rows of a recorded result, sorted.
pub fn expected_rows(result: &Value) -> Vec<Row> {
    let columns = result["columns"].as_array().expect("columns are a list");
    let mut rows: Vec<Row> = result["rows"]
        .as_array()
        .expect("rows are a list")
        .iter()
        .map(|row| {
            let named = columns.iter().zip(row.as_array().expect("a row is a list"));
            named
                .map(|(column, value)| {
                    let is_time = column["type"].as_str().expect("a type is text").starts_with("timestamp");
                    (
                        column["name"].as_str().expect("a name is text").to_owned(),
                        recorded_cell(value, is_time),
                    )
                })
                .collect()
        })
        .collect();
    rows.sort();
    rows
}

/// The rows of a training set, sorted.
pub fn actual_rows(batch: &RecordBatch) -> Vec<Row> {
    let mut rows: Vec<Row> = (0..batch.num_rows())
        .map(|row| {
            let fields = batch.schema_ref().fields().iter().zip(batch.columns());
            fields.map(|(field, column)| (field.name().clone(), arrow_cell(column, row))).collect()
        })
        .collect();
    rows.sort();
    rows
}

fn recorded_cell(value: &Value, is_time: bool) -> Cell {
    match value {
        Value::Null => Cell::Null,
        Value::Bool(flag) => Cell::Bool(*flag),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => whole_cell(whole),
            None => number_cell(number.as_f64().expect("a number is a double")),
        },
        Value::String(text) if is_time => Cell::Time(Timestamp::parse(text).expect("a time").micros()),
        Value::String(text) => Cell::Text(text.clone()),
        Value::Array(items) => Cell::List(items.iter().map(|item| recorded_cell(item, is_time)).collect()),
        Value::Object(object) => match (object.get("$float"), object.get("$bytes")) {
            (Some(Value::String(name)), _) => number_cell(match name.as_str() {
                "Infinity" => f64::INFINITY,
                "-Infinity" => f64::NEG_INFINITY,
                _ => f64::NAN,
            }),
            (_, Some(Value::String(hex))) => Cell::Bytes(hex.clone()),
            _ => panic!("an unknown recorded value: {value}"),
        },
    }
}

fn arrow_cell(array: &ArrayRef, row: usize) -> Cell {
    if array.is_null(row) {
        return Cell::Null;
    }
    match array.data_type() {
        DataType::Boolean => Cell::Bool(array.as_boolean().value(row)),
        DataType::Int32 => whole_cell(array.as_primitive::<Int32Type>().value(row).into()),
        DataType::Int64 => whole_cell(array.as_primitive::<Int64Type>().value(row)),
        DataType::Float32 => number_cell(array.as_primitive::<Float32Type>().value(row).into()),
        DataType::Float64 => number_cell(array.as_primitive::<Float64Type>().value(row)),
        DataType::Utf8 => Cell::Text(array.as_string::<i32>().value(row).to_owned()),
        DataType::Binary => Cell::Bytes(
            array.as_binary::<i32>().value(row).iter().map(|byte| format!("{byte:02x}")).collect(),
        ),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            Cell::Time(array.as_primitive::<TimestampMicrosecondType>().value(row))
        }
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(row);
            Cell::List((0..items.len()).map(|item| arrow_cell(&items, item)).collect())
        }
        other => panic!("a training set has no column of type {other}"),
    }
}

fn whole_cell(whole: i64) -> Cell {
    #[expect(clippy::cast_precision_loss, reason = "the next line looks whether anything was lost")]
    let double = whole as f64;
    #[expect(clippy::cast_possible_truncation, reason = "a number that does not come back is kept whole")]
    if double as i64 == whole && double.abs() < 9.0e18 { number_cell(double) } else { Cell::Whole(whole) }
}

fn number_cell(number: f64) -> Cell {
    if number.is_nan() {
        Cell::Null
    } else {
        // Minus zero and zero are one value in every table.
        Cell::Number(if number == 0.0 { 0.0_f64 } else { number }.to_bits())
    }
}
