//! Whole values.

use serde_json::{Map, Number, Value};

use super::{push_float, push_integer, push_string};

/// Writes `value` without spaces, the keys of objects in byte order, so that equal values are equal
/// bytes.
pub fn push_compact(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Array(items) => {
            push_between(out, items, [b"[", b",", b"]"], push_compact);
        }
        Value::Object(object) => {
            push_between(out, sorted(object), [b"{", b",", b"}"], |out, (key, value)| {
                push_string(out, key);
                out.push(b':');
                push_compact(out, value);
            });
        }
        scalar => push_scalar(out, scalar),
    }
}

/// The text that Python's `json.dumps` gives: a space after each comma and colon, keys in their order,
/// everything but printable ASCII escaped.
pub fn python_dumps(value: &Value) -> String {
    dumped(value, None)
}

/// The text that Python's `json.dumps` gives over several lines, with so many spaces for each level.
pub fn python_dumps_indented(value: &Value, indent: usize) -> String {
    dumped(value, Some(indent))
}

fn dumped(value: &Value, indent: Option<usize>) -> String {
    let mut out = Vec::new();
    push_dumped(&mut out, value, indent, 0);
    let text = String::from_utf8(out).expect("text, digits and punctuation were written");
    let is_plain = |character: char| matches!(character, ' '..='~' | '\n');
    if text.chars().all(is_plain) {
        return text;
    }
    let mut ascii = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_plain(character) {
            ascii.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                ascii.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    ascii
}

fn push_dumped(out: &mut Vec<u8>, value: &Value, indent: Option<usize>, level: usize) {
    let push_break = |out: &mut Vec<u8>, level: usize| {
        if let Some(indent) = indent {
            out.push(b'\n');
            out.resize(out.len() + indent * level, b' ');
        }
    };
    let push_comma = |out: &mut Vec<u8>, at: usize| match (at, indent) {
        (0, _) => {}
        (_, None) => out.extend_from_slice(b", "),
        (_, Some(_)) => out.push(b','),
    };
    match value {
        Value::Array(items) if !items.is_empty() => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                push_comma(out, at);
                push_break(out, level + 1);
                push_dumped(out, item, indent, level + 1);
            }
            push_break(out, level);
            out.push(b']');
        }
        Value::Object(object) if !object.is_empty() => {
            out.push(b'{');
            for (at, (key, value)) in object.iter().enumerate() {
                push_comma(out, at);
                push_break(out, level + 1);
                push_string(out, key);
                out.extend_from_slice(b": ");
                push_dumped(out, value, indent, level + 1);
            }
            push_break(out, level);
            out.push(b'}');
        }
        Value::Array(_) => out.extend_from_slice(b"[]"),
        Value::Object(_) => out.extend_from_slice(b"{}"),
        scalar => push_scalar(out, scalar),
    }
}

fn push_scalar(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Bool(flag) => out.extend_from_slice(if *flag { b"true" } else { b"false" }),
        Value::Number(number) => push_number(out, number),
        Value::String(text) => push_string(out, text),
        Value::Null | Value::Array(_) | Value::Object(_) => out.extend_from_slice(b"null"),
    }
}

fn push_number(out: &mut Vec<u8>, number: &Number) {
    match (number.as_i64(), number.as_f64()) {
        (Some(whole), _) => push_integer(out, whole),
        (None, Some(float)) if number.is_f64() => push_float(out, float),
        _ => out.extend_from_slice(number.to_string().as_bytes()),
    }
}

fn push_between<T>(
    out: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    [open, between, close]: [&[u8]; 3],
    push: impl Fn(&mut Vec<u8>, T),
) {
    out.extend_from_slice(open);
    for (at, item) in items.into_iter().enumerate() {
        if at > 0 {
            out.extend_from_slice(between);
        }
        push(out, item);
    }
    out.extend_from_slice(close);
}

fn sorted(object: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut entries: Vec<_> = object.iter().collect();
    entries.sort_unstable_by_key(|(key, _)| *key);
    entries
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn dumps_is_what_python_writes() {
        let value = json!({"b": [1, 2.0, 1e22, null], "a": {"é": "😀\n", "t": true}});
        // json.dumps of the same value in CPython 3.11
        let expected = r#"{"b": [1, 2.0, 1e+22, null], "a": {"\u00e9": "\ud83d\ude00\n", "t": true}}"#;
        assert_eq!(python_dumps(&value), expected);
        for (value, expected) in [
            (json!(1e-5), "1e-05"),
            (json!(1e15), "1000000000000000.0"),
            (json!(-1.25e-7), "-1.25e-07"),
            (json!(0.0001), "0.0001"),
            (json!("\u{7f}"), r#""\u007f""#),
            (json!({}), "{}"),
            (json!([]), "[]"),
        ] {
            assert_eq!(python_dumps(&value), expected);
        }
        let expected = "{\n    \"a\": [\n        1,\n        null\n    ],\n    \"b\": {}\n}";
        assert_eq!(python_dumps_indented(&json!({"a": [1, null], "b": {}}), 4), expected);
    }

    #[test]
    fn compact_text_does_not_depend_on_the_order_of_keys() {
        let text = |value: &Value| {
            let mut out = Vec::new();
            push_compact(&mut out, value);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(text(&json!({"b": {"d": 1, "c": []}, "a": "é"})), r#"{"a":"é","b":{"c":[],"d":1}}"#);
        assert_eq!(text(&json!({"a": "é", "b": {"c": [], "d": 1}})), r#"{"a":"é","b":{"c":[],"d":1}}"#);
    }
}
