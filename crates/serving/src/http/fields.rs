//! Fields of a request body, read leniently and refused as `FastAPI` refuses them.
//!
//! Good requests take the short way through serde ([`body`](super::body)). A body that serde does not take
//! comes here: either it is right after all (`"true"` for a boolean), or the answer lists what is wrong.

use axum::http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::error::HttpError;

/// So many mistakes are told at once.
const MAX_MISTAKES: usize = 32;

/// A body of at most so many bytes is repeated in the answer that refuses it.
const MAX_ECHOED_BYTES: usize = 64 << 10;

/// The fields of a body that is a JSON object, and the mistakes found so far.
pub(crate) struct Fields<'a> {
    object: &'a Map<String, Value>,
    body: &'a Value,
    echoes: bool,
    mistakes: Vec<Value>,
}

/// Columns of a table by name.
pub(crate) type JsonColumns = Vec<(String, Vec<Value>)>;

impl<'a> Fields<'a> {
    /// The fields of a body of `body_bytes` bytes.
    pub(crate) fn try_new(body: &'a Value, body_bytes: usize) -> Result<Self, HttpError> {
        let echoes = body_bytes <= MAX_ECHOED_BYTES;
        match body {
            Value::Object(object) => Ok(Self { object, body, echoes, mistakes: Vec::new() }),
            other => Err(not_an_object(if echoes { other } else { &Value::Null })),
        }
    }

    /// Ends the reading: what was read, unless there were mistakes.
    pub(crate) fn finish<T>(self, read: Option<T>) -> Result<T, HttpError> {
        match read {
            Some(read) if self.mistakes.is_empty() => Ok(read),
            _ => Err(HttpError::Detail(StatusCode::UNPROCESSABLE_ENTITY, Value::Array(self.mistakes))),
        }
    }

    /// A text that must be there.
    pub(crate) fn text(&mut self, field: &str) -> Option<String> {
        let value = self.required(field)?;
        self.as_text(&[json!(field)], value)
    }

    /// A text that may be missing or null.
    pub(crate) fn optional_text(&mut self, field: &str) -> Option<String> {
        let value = self.object.get(field).filter(|value| !value.is_null())?;
        self.as_text(&[json!(field)], value)
    }

    /// A text that may be missing, but not null.
    pub(crate) fn text_or(&mut self, field: &str, default: String) -> String {
        match self.object.get(field) {
            Some(value) => self.as_text(&[json!(field)], value).unwrap_or(default),
            None => default,
        }
    }

    /// A boolean, in any form that pydantic takes for one.
    pub(crate) fn boolean(&mut self, field: &str, default: bool) -> bool {
        let Some(value) = self.object.get(field) else { return default };
        if let Some(flag) = lenient_boolean(value) {
            return flag;
        }
        if value.is_string() || value.is_number() {
            let message = "Input should be a valid boolean, unable to interpret input";
            self.refuse("bool_parsing", &[json!(field)], message, value);
        } else {
            self.refuse("bool_type", &[json!(field)], "Input should be a valid boolean", value);
        }
        default
    }

    /// A list of texts that may be missing or null.
    pub(crate) fn texts(&mut self, field: &str) -> Option<Vec<String>> {
        let value = self.object.get(field).filter(|value| !value.is_null())?;
        let Value::Array(items) = value else {
            self.refuse("list_type", &[json!(field)], "Input should be a valid list", value);
            return None;
        };
        let texts = items.iter().enumerate();
        Some(texts.filter_map(|(at, item)| self.as_text(&[json!(field), json!(at)], item)).collect())
    }

    /// A whole number that may be missing or null.
    pub(crate) fn optional_count(&mut self, field: &str) -> Option<u64> {
        let value = self.object.get(field).filter(|value| !value.is_null())?;
        let read = value.as_u64().or_else(|| value.as_str()?.parse().ok());
        if read.is_none() {
            let message = "Input should be a valid integer, unable to parse string as an integer";
            self.refuse("int_parsing", &[json!(field)], message, value);
        }
        read
    }

    /// A list of numbers that may be missing or null.
    pub(crate) fn floats(&mut self, field: &str) -> Option<Vec<f64>> {
        let value = self.object.get(field).filter(|value| !value.is_null())?;
        let Value::Array(items) = value else {
            self.refuse("list_type", &[json!(field)], "Input should be a valid list", value);
            return None;
        };
        let mut floats = Vec::with_capacity(items.len());
        for (at, item) in items.iter().enumerate() {
            match item.as_f64() {
                Some(float) => floats.push(float),
                None => self.refuse(
                    "float_type",
                    &[json!(field), json!(at)],
                    "Input should be a valid number",
                    item,
                ),
            }
        }
        Some(floats)
    }

    /// A value of any form that serde can read as `T`, and that may be missing or null.
    pub(crate) fn optional<T: DeserializeOwned>(&mut self, field: &str) -> Option<T> {
        let value = self.object.get(field).filter(|value| !value.is_null())?;
        let read = T::deserialize(value);
        if let Err(error) = &read {
            self.refuse("value_error", &[json!(field)], &error.to_string(), value);
        }
        read.ok()
    }

    /// Columns that must be there.
    pub(crate) fn columns(&mut self, field: &str) -> Option<JsonColumns> {
        let value = self.required(field)?;
        let Value::Object(columns) = value else {
            self.refuse("dict_type", &[json!(field)], "Input should be a valid dictionary", value);
            return None;
        };
        let mut read = Vec::with_capacity(columns.len());
        for (name, values) in columns {
            match values {
                Value::Array(values) => read.push((name.clone(), values.clone())),
                other => {
                    let place = [json!(field), json!(name)];
                    self.refuse("list_type", &place, "Input should be a valid list", other);
                }
            }
        }
        Some(read)
    }

    fn required(&mut self, field: &str) -> Option<&'a Value> {
        let value = self.object.get(field);
        if value.is_none() {
            self.refuse("missing", &[json!(field)], "Field required", self.body);
        }
        value
    }

    fn as_text(&mut self, place: &[Value], value: &Value) -> Option<String> {
        if !value.is_string() {
            self.refuse("string_type", place, "Input should be a valid string", value);
        }
        value.as_str().map(str::to_owned)
    }

    fn refuse(&mut self, kind: &str, place: &[Value], message: &str, input: &Value) {
        if self.mistakes.len() == MAX_MISTAKES {
            return;
        }
        let place: Vec<Value> = [json!("body")].into_iter().chain(place.iter().cloned()).collect();
        let input = if self.echoes { input.clone() } else { Value::Null };
        self.mistakes.push(json!({ "type": kind, "loc": place, "msg": message, "input": input }));
    }
}

/// A boolean in any form that pydantic takes for one.
pub(crate) fn lenient_boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => match number.as_f64()? {
            0.0 => Some(false),
            1.0 => Some(true),
            _ => None,
        },
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "0" | "off" | "f" | "false" | "n" | "no" => Some(false),
            "1" | "on" | "t" | "true" | "y" | "yes" => Some(true),
            _ => None,
        },
        _ => None,
    }
}

/// The answer to a request without a body.
pub(crate) fn missing_body() -> HttpError {
    let mistake = json!([{ "type": "missing", "loc": ["body"], "msg": "Field required", "input": null }]);
    HttpError::Detail(StatusCode::UNPROCESSABLE_ENTITY, mistake)
}

/// The answer to a body that is no JSON object, or not declared to be JSON.
pub(crate) fn not_an_object(input: &Value) -> HttpError {
    let message = "Input should be a valid dictionary or object to extract fields from";
    let mistake =
        json!([{ "type": "model_attributes_type", "loc": ["body"], "msg": message, "input": input }]);
    HttpError::Detail(StatusCode::UNPROCESSABLE_ENTITY, mistake)
}

/// The answer to a body that is no JSON at all.
pub(crate) fn invalid_json(position: usize, message: &str) -> HttpError {
    let mistake = json!([{
        "type": "json_invalid", "loc": ["body", position], "msg": "JSON decode error", "input": {},
        "ctx": { "error": message },
    }]);
    HttpError::Detail(StatusCode::UNPROCESSABLE_ENTITY, mistake)
}

/// The answer to a query parameter that is no boolean.
pub(crate) fn invalid_query_boolean(parameter: &str, input: &str) -> HttpError {
    let message = "Input should be a valid boolean, unable to interpret input";
    let mistake =
        json!([{ "type": "bool_parsing", "loc": ["query", parameter], "msg": message, "input": input }]);
    HttpError::Detail(StatusCode::UNPROCESSABLE_ENTITY, mistake)
}
