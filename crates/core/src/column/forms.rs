//! Types whose values are texts of a certain form.

use std::borrow::Cow;

use serde_json::Value;

use crate::json::{push_compact, python_dumps};
use crate::{FlatType, ScalarType, Timestamp};

/// The text that stands for a JSON value in a column of such a type; `None` if it does not fit.
/// `scalar` is a type of text, the value is not null.
pub(super) fn text_of_json(scalar: ScalarType, value: &Value) -> Option<Cow<'_, str>> {
    match (scalar, value) {
        (ScalarType::String, Value::String(text)) => Some(Cow::Borrowed(text)),
        (ScalarType::String, Value::Number(number)) => Some(Cow::Owned(number.to_string())),
        (ScalarType::String, Value::Bool(flag)) => Some(Cow::Borrowed(if *flag { "True" } else { "False" })),
        (ScalarType::Decimal, Value::Number(number)) if !number.is_f64() => {
            Some(Cow::Owned(number.to_string()))
        }
        (ScalarType::Json, Value::Array(_) | Value::Object(_) | Value::Number(_) | Value::Bool(_)) => {
            Some(Cow::Owned(python_dumps(value)))
        }
        (ScalarType::Map, Value::Object(_)) => Some(Cow::Owned(compact(value))),
        (ScalarType::ScalarMap, Value::Object(_) | Value::Array(_)) => pairs(value).map(Cow::Owned),
        (_, Value::String(text)) => check_text(scalar, text),
        _ => None,
    }
}

/// The microseconds of a time as text. No calendar date is written with nine digits, so those are seconds.
pub(super) fn micros_of_text(text: &str) -> Option<i64> {
    if let Ok(time) = Timestamp::parse(text) {
        return Some(time.micros());
    }
    let digits = text.trim();
    let are_seconds = digits.len() >= 9 && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse::<i64>().ok().filter(|_| are_seconds)?.checked_mul(1_000_000)
}

/// The text that stands for a text in a column of such a type; `None` if it does not fit.
pub(super) fn check_text(scalar: ScalarType, text: &str) -> Option<Cow<'_, str>> {
    let parsed = || serde_json::from_str::<Value>(text).ok();
    match scalar {
        ScalarType::Json => parsed().map(|_| Cow::Borrowed(text)),
        ScalarType::Map => parsed().filter(Value::is_object).map(|value| Cow::Owned(compact(&value))),
        ScalarType::ScalarMap => pairs(&parsed()?).map(Cow::Owned),
        ScalarType::Uuid | ScalarType::TimeUuid => is_uuid(text).then_some(Cow::Borrowed(text)),
        ScalarType::Decimal => is_decimal(text).then_some(Cow::Borrowed(text)),
        other => (other.flat() == Some(FlatType::Utf8)).then_some(Cow::Borrowed(text)),
    }
}

fn compact(value: &Value) -> String {
    let mut out = Vec::new();
    push_compact(&mut out, value);
    String::from_utf8(out).expect("text, digits and punctuation were written")
}

/// A map as a list of pairs: `{"a": 1}` and `[["a", 1]]` are `[["a",1]]`.
fn pairs(value: &Value) -> Option<String> {
    match value {
        Value::Object(object) => {
            let pairs =
                object.iter().map(|(key, value)| Value::Array(vec![key.as_str().into(), value.clone()]));
            Some(compact(&Value::Array(pairs.collect())))
        }
        Value::Array(items) => {
            let is_pair = |item: &Value| matches!(item.as_array().map(Vec::as_slice), Some([key, _]) if !key.is_array() && !key.is_object() && !key.is_null());
            items.iter().all(is_pair).then(|| compact(value))
        }
        _ => None,
    }
}

/// Whether Python's `uuid.UUID` reads the text: 32 hexadecimal digits, hyphens anywhere, perhaps in
/// braces or behind `urn:uuid:`.
fn is_uuid(text: &str) -> bool {
    let text = text.strip_prefix("urn:uuid:").unwrap_or(text);
    let text = text.trim_matches(|brace| brace == '{' || brace == '}');
    let digits = || text.bytes().filter(|byte| *byte != b'-');
    digits().count() == 32 && digits().all(|digit| digit.is_ascii_hexdigit())
}

/// Whether Python's `decimal.Decimal` reads the text.
fn is_decimal(text: &str) -> bool {
    let unsigned = text.trim();
    let unsigned = unsigned.strip_prefix(['+', '-']).unwrap_or(unsigned);
    if ["inf", "infinity", "nan", "snan"].iter().any(|word| unsigned.eq_ignore_ascii_case(word)) {
        return true;
    }
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (unsigned.get(..at).unwrap_or_default(), unsigned.get(at + 1..)),
        None => (unsigned, None),
    };
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let exponent_is_good = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !digits.is_empty() && all_digits(digits)
    });
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    exponent_is_good
        && all_digits(whole)
        && all_digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn decimals_are_those_of_python() {
        for good in ["1", "-1.50", "+.5", "5.", "1e10", "1.5E-3", "NaN", "-Infinity", "0012"] {
            assert!(is_decimal(good), "{good}");
        }
        for bad in ["", ".", "1e", "1.2.3", "0x10", "1,5", "e5", "--1"] {
            assert!(!is_decimal(bad), "{bad}");
        }
    }

    #[test]
    fn uuids_are_those_of_python() {
        for good in [
            "123e4567-e89b-12d3-a456-426614174000",
            "123E4567E89B12D3A456426614174000",
            "{123e4567-e89b-12d3-a456-426614174000}",
            "urn:uuid:123e4567-e89b-12d3-a456-426614174000",
        ] {
            assert!(is_uuid(good), "{good}");
        }
        for bad in
            ["", "123e4567", "123e4567-e89b-12d3-a456-42661417400g", "123e4567-e89b-12d3-a456-4266141740000"]
        {
            assert!(!is_uuid(bad), "{bad}");
        }
    }

    #[test]
    fn equal_maps_are_equal_texts() {
        let map = |value: &Value| text_of_json(ScalarType::Map, value).map(Cow::into_owned);
        assert_eq!(map(&json!({"b": 1, "a": [1.0]})).as_deref(), Some(r#"{"a":[1.0],"b":1}"#));
        assert_eq!(map(&json!("{\"b\": 1,\n \"a\": [1.0]}")).as_deref(), Some(r#"{"a":[1.0],"b":1}"#));
        assert_eq!(map(&json!([1])), None);
        let scalar_map = |value: &Value| text_of_json(ScalarType::ScalarMap, value).map(Cow::into_owned);
        assert_eq!(scalar_map(&json!([[1, "a"], [true, null]])).as_deref(), Some(r#"[[1,"a"],[true,null]]"#));
        assert_eq!(scalar_map(&json!([[[], "a"]])), None);
    }
}
