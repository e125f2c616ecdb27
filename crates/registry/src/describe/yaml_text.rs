//! YAML in the form that Python's library writes: block style, lists at the indent of their key.

use serde_json::Value;

use super::yaml_scalar::{Letters, write_scalar};

/// A mapping as YAML, ending with a line feed.
pub(crate) fn to_yaml(value: &Value, letters: Letters) -> String {
    let mut text = String::new();
    write_block(&mut text, value, 0, letters);
    text
}

/// Writes a list or mapping as lines at `indent`; the first line's indent is already written if the
/// text ends within a line.
fn write_block(text: &mut String, value: &Value, indent: usize, letters: Letters) {
    let start_line = |text: &mut String| {
        if text.is_empty() || text.ends_with('\n') {
            text.push_str(&" ".repeat(indent));
        }
    };
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                start_line(text);
                write_scalar(text, key, indent, true, letters);
                text.push(':');
                match value {
                    Value::Object(inner) if !inner.is_empty() => {
                        text.push('\n');
                        write_block(text, value, indent + 2, letters);
                    }
                    Value::Array(inner) if !inner.is_empty() => {
                        text.push('\n');
                        write_block(text, value, indent, letters);
                    }
                    _ => write_inline(text, value, indent + 2, letters),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                start_line(text);
                text.push('-');
                match item {
                    Value::Object(inner) if !inner.is_empty() => {
                        text.push(' ');
                        write_block(text, item, indent + 2, letters);
                    }
                    _ => write_inline(text, item, indent + 2, letters),
                }
            }
        }
        _ => write_inline(text, value, indent + 2, letters),
    }
}

/// Writes a value after its key or dash; further lines of it stand at `indent`.
fn write_inline(text: &mut String, value: &Value, indent: usize, letters: Letters) {
    text.push(' ');
    match value {
        Value::String(value) => write_scalar(text, value, indent, false, letters),
        Value::Object(_) => text.push_str("{}"),
        Value::Array(_) => text.push_str("[]"),
        other => text.push_str(&other.to_string()),
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_form_is_that_of_pythons_library() {
        let value = json!({
            "spec": {"name": "stats", "entities": ["driver"], "features": [{"name": "a", "valueType": "FLOAT"}],
                     "ttl": "86400s", "tags": {}, "online": true},
            "time": "2026-11-22T10:19:49.738606Z",
        });
        assert_eq!(
            to_yaml(&value, Letters::Escaped),
            "spec:\n  name: stats\n  entities:\n  - driver\n  features:\n  - name: a\n    valueType: FLOAT\n  \
             ttl: 86400s\n  tags: {}\n  online: true\ntime: '2026-11-22T10:19:49.738606Z'\n"
        );
    }
}
