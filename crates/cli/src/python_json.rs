//! JSON as Python's `json.dumps` writes it: text in ASCII, numbers by Python's rules.

use std::fmt::Write as _;

use serde_json::Value;

/// A value over several lines; `indent` is the number of spaces of a level.
pub(crate) fn dumps(value: &Value, indent: usize) -> String {
    let mut text = String::new();
    write(&mut text, value, indent, 0);
    text
}

fn write(text: &mut String, value: &Value, indent: usize, level: usize) {
    let line = |text: &mut String, level: usize| {
        text.push('\n');
        text.push_str(&" ".repeat(indent * level));
    };
    match value {
        Value::Array(items) if !items.is_empty() => {
            text.push('[');
            for (at, item) in items.iter().enumerate() {
                text.push_str(if at > 0 { "," } else { "" });
                line(text, level + 1);
                write(text, item, indent, level + 1);
            }
            line(text, level);
            text.push(']');
        }
        Value::Object(entries) if !entries.is_empty() => {
            text.push('{');
            for (at, (key, value)) in entries.iter().enumerate() {
                text.push_str(if at > 0 { "," } else { "" });
                line(text, level + 1);
                write_text(text, key);
                text.push_str(": ");
                write(text, value, indent, level + 1);
            }
            line(text, level);
            text.push('}');
        }
        Value::String(value) => write_text(text, value),
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(number) => text.push_str(&float(number)),
            None => text.push_str(&number.to_string()),
        },
        // Nothing, booleans and what is empty.
        other => text.push_str(&other.to_string()),
    }
}

fn write_text(text: &mut String, value: &str) {
    text.push('"');
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            ' '..='\u{7f}' => text.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to text cannot fail.
                    let _ = write!(text, "\\u{unit:04x}");
                }
            }
        }
    }
    text.push('"');
}

/// The shortest text that reads as the number, with an exponent below 1e-4 and from 1e16 on.
fn float(number: f64) -> String {
    let size = number.abs();
    if size != 0.0 && !(1e-4..1e16).contains(&size) {
        let text = format!("{number:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    format!("{number:?}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_and_text_are_pythons() {
        for (value, expected) in [
            (json!(1.0), "1.0"),
            (json!(1e-5), "1e-05"),
            (json!(1.5e16), "1.5e+16"),
            (json!(1e15), "1000000000000000.0"),
            (json!(-1.25e-7), "-1.25e-07"),
            (json!(1e300), "1e+300"),
            (json!(0.0001), "0.0001"),
            (json!(7), "7"),
            (json!("ä\u{1f600}\"\n"), "\"\\u00e4\\ud83d\\ude00\\\"\\n\""),
            (json!({}), "{}"),
            (json!([]), "[]"),
            (json!({"a": [1, null]}), "{\n    \"a\": [\n        1,\n        null\n    ]\n}"),
        ] {
            assert_eq!(dumps(&value, 4), expected);
        }
    }
}
