//! The types of columns in text files, from all their values.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use larder_core::{Timestamp, timestamp_data_type};
use serde_json::Value;

/// What the values of one column were seen to be.
///
/// Whole numbers and other numbers make `Float64`; dates and times make a timestamp; a number with
/// leading zeros is text, since it would not come back; anything else mixed is text.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SeenTypes {
    values: u8,
    is_list: bool,
    items: u8,
}

const BOOL: u8 = 1;
const WHOLE: u8 = 2;
const NUMBER: u8 = 4;
const DATE: u8 = 8;
const TIME: u8 = 16;
const TEXT: u8 = 32;

impl SeenTypes {
    /// Adds a cell of a CSV file; an empty one is null and says nothing.
    pub(crate) fn add_text(&mut self, cell: &str) {
        if !cell.is_empty() && self.values & TEXT == 0 {
            self.values |= type_of_text(cell);
        }
    }

    /// Adds a value of a JSON object; null says nothing.
    pub(crate) fn add_json(&mut self, value: &Value) {
        match value {
            Value::Array(items) => {
                self.is_list = true;
                self.items |= items.iter().map(type_of_json).fold(0, |all, one| all | one);
            }
            value => self.values |= type_of_json(value),
        }
    }

    /// The type that holds all values seen.
    pub(crate) fn data_type(self) -> DataType {
        match (self.is_list, self.values) {
            (false, values) => data_type(values),
            (true, 0) => {
                let item = match data_type(self.items) {
                    DataType::Null => DataType::Utf8,
                    item => item,
                };
                DataType::List(Arc::new(Field::new("item", item, true)))
            }
            (true, _) => DataType::Utf8,
        }
    }
}

fn data_type(seen: u8) -> DataType {
    match seen {
        0 => DataType::Null,
        BOOL => DataType::Boolean,
        WHOLE => DataType::Int64,
        seen if seen & !(WHOLE | NUMBER) == 0 => DataType::Float64,
        DATE => DataType::Date32,
        seen if seen & !(DATE | TIME) == 0 => timestamp_data_type(),
        _ => DataType::Utf8,
    }
}

fn type_of_json(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => BOOL,
        Value::Number(number) if number.is_i64() => WHOLE,
        Value::Number(_) => NUMBER,
        // In JSON a number in quotes is meant as text.
        Value::String(text) => type_of_time(text),
        Value::Array(_) | Value::Object(_) => TEXT,
    }
}

fn type_of_text(cell: &str) -> u8 {
    let bytes = cell.as_bytes();
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    if digits.first().is_some_and(|byte| byte.is_ascii_digit() || *byte == b'.') {
        if digits.iter().all(u8::is_ascii_digit) {
            let is_padded = digits.len() > 1 && digits.starts_with(b"0");
            return if !is_padded && cell.parse::<i64>().is_ok() { WHOLE } else { TEXT };
        }
        let is_decimal = |byte: &u8| byte.is_ascii_digit() || b".eE+-".contains(byte);
        let is_padded = digits.starts_with(b"0") && digits.get(1).is_some_and(u8::is_ascii_digit);
        if digits.iter().all(is_decimal) && !is_padded && cell.parse::<f64>().is_ok() {
            return NUMBER;
        }
        return type_of_time(cell);
    }
    match cell {
        "NaN" | "nan" | "inf" | "-inf" => NUMBER,
        _ if cell.eq_ignore_ascii_case("true") || cell.eq_ignore_ascii_case("false") => BOOL,
        _ => TEXT,
    }
}

fn type_of_time(text: &str) -> u8 {
    if !text.as_bytes().first().is_some_and(u8::is_ascii_digit) || Timestamp::parse(text).is_err() {
        TEXT
    } else if text.len() == "2024-01-31".len() {
        DATE
    } else {
        TIME
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of_cells(cells: &[&str]) -> DataType {
        let mut seen = SeenTypes::default();
        for cell in cells {
            seen.add_text(cell);
        }
        seen.data_type()
    }

    #[test]
    fn cells_have_the_narrowest_type_that_gives_them_back() {
        assert_eq!(of_cells(&["", ""]), DataType::Null);
        assert_eq!(of_cells(&["1", "", "-20"]), DataType::Int64);
        assert_eq!(of_cells(&["1", "2.5", "1e3", "NaN", "-.5"]), DataType::Float64);
        assert_eq!(of_cells(&["true", "False"]), DataType::Boolean);
        assert_eq!(of_cells(&["2024-01-31"]), DataType::Date32);
        assert_eq!(of_cells(&["2024-01-31", "2024-01-31T12:00:00+05:30"]), timestamp_data_type());
        assert_eq!(of_cells(&["007", "8"]), DataType::Utf8);
        assert_eq!(of_cells(&["00.5"]), DataType::Utf8);
        assert_eq!(of_cells(&["12345678901234567890"]), DataType::Utf8);
        assert_eq!(of_cells(&["true", "1"]), DataType::Utf8);
        assert_eq!(of_cells(&["12:30", "x"]), DataType::Utf8);
    }

    #[test]
    fn json_text_stays_text_unless_it_is_a_time() {
        let of = |values: &[Value]| {
            let mut seen = SeenTypes::default();
            for value in values {
                seen.add_json(value);
            }
            seen.data_type()
        };
        assert_eq!(of(&[json!("7"), json!(null)]), DataType::Utf8);
        assert_eq!(of(&[json!(7), json!(7.5)]), DataType::Float64);
        assert_eq!(of(&[json!("2024-01-31 12:00:00")]), timestamp_data_type());
        let list = DataType::List(Arc::new(Field::new("item", DataType::Int64, true)));
        assert_eq!(of(&[json!([1, null]), json!([])]), list);
        assert_eq!(of(&[json!([1]), json!(1)]), DataType::Utf8);
        assert_eq!(of(&[json!({"a": 1})]), DataType::Utf8);
    }
}
