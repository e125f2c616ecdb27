//! YAML in the form that Python's library writes: block style, lists at the indent of their key, single
//! quotes where plain text would read as something else. Long lines are not folded.

use serde_json::Value;

/// A mapping as YAML, ending with a line feed.
pub(crate) fn to_yaml(value: &Value) -> String {
    let mut text = String::new();
    write_block(&mut text, value, 0);
    text
}

/// Writes a list or mapping as lines at `indent`; the first line's indent is already written if the
/// text ends within a line.
fn write_block(text: &mut String, value: &Value, indent: usize) {
    let start_line = |text: &mut String| {
        if text.is_empty() || text.ends_with('\n') {
            text.push_str(&" ".repeat(indent));
        }
    };
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                start_line(text);
                text.push_str(&scalar(key));
                text.push(':');
                match value {
                    Value::Object(inner) if !inner.is_empty() => {
                        text.push('\n');
                        write_block(text, value, indent + 2);
                    }
                    Value::Array(inner) if !inner.is_empty() => {
                        text.push('\n');
                        write_block(text, value, indent);
                    }
                    _ => write_inline(text, value),
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
                        write_block(text, item, indent + 2);
                    }
                    _ => write_inline(text, item),
                }
            }
        }
        _ => write_inline(text, value),
    }
}

fn write_inline(text: &mut String, value: &Value) {
    text.push(' ');
    match value {
        Value::String(value) => text.push_str(&scalar(value)),
        Value::Object(_) => text.push_str("{}"),
        Value::Array(_) => text.push_str("[]"),
        other => text.push_str(&other.to_string()),
    }
    text.push('\n');
}

fn scalar(value: &str) -> String {
    if value.chars().any(|c| c.is_control() || c == '\u{2028}' || c == '\u{2029}' || c == '\u{feff}') {
        // JSON's escapes are YAML's.
        Value::from(value).to_string()
    } else if is_plain(value) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', "''"))
    }
}

/// Whether text without quotes reads as this text.
fn is_plain(value: &str) -> bool {
    const INDICATORS: &str = "-?:,[]{}#&*!|>'\"%@`= ";
    let reads_as_other = matches!(
        value.to_ascii_lowercase().as_str(),
        "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n" | "null" | "~" | ".nan" | ".inf"
    );
    // Numbers, dates and times in all their forms begin with a digit, a sign or a point.
    let like_number = value.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c))
        && value.chars().all(|c| c.is_ascii_hexdigit() || "+-.:_TtZzxXoO ".contains(c));
    let dash = value.strip_prefix('-').is_some_and(|rest| !rest.is_empty() && !rest.starts_with([' ', '-']));
    !value.is_empty()
        && !reads_as_other
        && !like_number
        && (dash || !value.starts_with(|c: char| INDICATORS.contains(c)))
        && !value.ends_with([' ', ':'])
        && !value.contains(": ")
        && !value.contains(" #")
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
            to_yaml(&value),
            "spec:\n  name: stats\n  entities:\n  - driver\n  features:\n  - name: a\n    valueType: FLOAT\n  \
             ttl: 86400s\n  tags: {}\n  online: true\ntime: '2026-11-22T10:19:49.738606Z'\n"
        );
    }

    #[test]
    fn text_that_would_read_as_something_else_is_quoted() {
        for (value, expected) in [
            ("no", "'no'"),
            ("12", "'12'"),
            ("", "''"),
            ("it's: x", "'it''s: x'"),
            ("@decorated", "'@decorated'"),
            ("a\nb", "\"a\\nb\""),
            ("data/stats.parquet", "data/stats.parquet"),
            ("driver@example.org", "driver@example.org"),
        ] {
            assert_eq!(scalar(value), expected);
        }
    }
}
