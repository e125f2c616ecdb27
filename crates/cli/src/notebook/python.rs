//! Literals of Python.

use std::fmt::Write as _;

use larder_core::{Field, ScalarType, ValueType};

/// A text as a literal of one line. Of other scripts than ASCII only letters and digits stand in it as they are, so
/// that nothing in a cell looks like what it is not.
pub(crate) fn text(text: &str) -> String {
    let mut literal = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => literal.extend(['\\', c]),
            ' '..='~' => literal.push(c),
            _ if c.is_alphanumeric() => literal.push(c),
            _ => {
                let _ = write!(literal, "\\U{:08x}", u32::from(c));
            }
        }
    }
    literal.push('"');
    literal
}

/// A list of such literals.
pub(crate) fn texts<'a>(values: impl IntoIterator<Item = &'a str>) -> String {
    format!("[{}]", values.into_iter().map(text).collect::<Vec<_>>().join(", "))
}

/// A dictionary from texts to literals.
pub(crate) fn dictionary<'a>(entries: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let entries = entries.into_iter().map(|(key, value)| format!("{}: {value}", text(key)));
    format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
}

/// A value that a field may have, to be replaced by one that means something; `None` of types whose values have a
/// form of their own.
pub(crate) fn sample_value(field: &Field) -> String {
    match &field.value_type {
        ValueType::Scalar(ScalarType::Bool) => "True",
        ValueType::Scalar(ScalarType::Int32 | ScalarType::Int64) => "1",
        ValueType::Scalar(ScalarType::Float32 | ScalarType::Float64) => "1.0",
        ValueType::Scalar(ScalarType::String) => "\"a\"",
        ValueType::Scalar(ScalarType::UnixTimestamp) => "\"2024-01-01T00:00:00Z\"",
        ValueType::Array(_) | ValueType::Set(_) => "[]",
        _ => "None",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_one_literal_on_one_line_whatever_is_in_it() {
        assert_eq!(text("plain Zürich 東京"), "\"plain Zürich 東京\"");
        assert_eq!(text("a\"b\\c'd"), r#""a\"b\\c'd""#);
        assert_eq!(text("\n!rm\r\u{0}"), r#""\U0000000a!rm\U0000000d\U00000000""#);
        // It would be read from right to left, and end a line.
        assert_eq!(text("\u{202e}\u{2028}😀"), r#""\U0000202e\U00002028\U0001f600""#);
    }

    #[test]
    fn samples_are_of_the_fields_type() {
        let of = |name: &str| sample_value(&Field::new("f", name.parse().unwrap()));
        let names = ["Int64", "Float32", "Bool", "String", "UnixTimestamp", "Array(Int64)", "Json", "Bytes"];
        let samples = ["1", "1.0", "True", "\"a\"", "\"2024-01-01T00:00:00Z\"", "[]", "None", "None"];
        assert_eq!(names.map(of), samples.map(str::to_owned));
    }
}
