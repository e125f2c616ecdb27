//! The fields of a request body that is a JSON object, read and refused as pydantic does.

use std::cell::RefCell;

use serde_json::{Map, Value};

use super::definition_text::python;
use super::refusal::Refusal;

/// So many mistakes are told at once.
const MAX_MISTAKES: usize = 32;

/// A body of more bytes than this is not repeated in the answer that refuses it.
const MAX_ECHOED_BYTES: usize = 64 << 10;

/// What is wrong with a body, as far as it is known.
#[derive(Debug)]
pub(super) struct Mistakes {
    told: RefCell<Vec<String>>,
    echoes: bool,
}

/// A JSON object in a body.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    object: &'a Map<String, Value>,
    whole: &'a Value,
    place: Vec<Value>,
    mistakes: &'a Mistakes,
}

impl Mistakes {
    pub(super) fn new(body_bytes: usize) -> Self {
        Self { told: RefCell::default(), echoes: body_bytes <= MAX_ECHOED_BYTES }
    }

    /// The refusal of a body, if there is something wrong with it.
    pub(super) fn finish(self) -> Result<(), Refusal> {
        let told = self.told.into_inner();
        if told.is_empty() { Ok(()) } else { Err(Refusal::malformed(format!("[{}]", told.join(", ")))) }
    }

    fn add(&self, kind: &str, place: &[Value], message: &str, input: &Value) {
        let mut told = self.told.borrow_mut();
        if told.len() == MAX_MISTAKES {
            return;
        }
        let place: Vec<String> = std::iter::once(&Value::from("body")).chain(place).map(python).collect();
        let comma = if place.len() == 1 { "," } else { "" };
        let input = if self.echoes { python(input) } else { "None".to_owned() };
        told.push(format!(
            "{{'type': '{kind}', 'loc': ({}{comma}), 'msg': {}, 'input': {input}}}",
            place.join(", "),
            python(&Value::from(message)),
        ));
    }
}

impl<'a> Fields<'a> {
    /// The fields of a whole body; `None` where it is none, or no object, which is then a mistake.
    pub(super) fn of(body: &'a Value, mistakes: &'a Mistakes) -> Option<Self> {
        if body.is_null() {
            mistakes.add("missing", &[], "Field required", body);
            return None;
        }
        Self::at(Vec::new(), body, mistakes)
    }

    fn at(place: Vec<Value>, value: &'a Value, mistakes: &'a Mistakes) -> Option<Self> {
        let Some(object) = value.as_object() else {
            let message = "Input should be a valid dictionary or object to extract fields from";
            mistakes.add("model_attributes_type", &place, message, value);
            return None;
        };
        Some(Self { object, whole: value, place, mistakes })
    }

    /// Whether there is a field, be it null.
    pub(super) fn has(&self, name: &str) -> bool {
        self.object.contains_key(name)
    }

    /// A text that must be there; empty where it is not.
    pub(super) fn text(&self, name: &str) -> String {
        self.required(name).and_then(|value| self.as_text(&[name.into()], value)).unwrap_or_default()
    }

    /// A text that may be missing, but not null.
    pub(super) fn text_or(&self, name: &str, default: &str) -> String {
        let value = self.object.get(name);
        value.and_then(|value| self.as_text(&[name.into()], value)).unwrap_or_else(|| default.to_owned())
    }

    /// A text that may be missing or null.
    pub(super) fn optional_text(&self, name: &str) -> Option<String> {
        self.optional(name).and_then(|value| self.as_text(&[name.into()], value))
    }

    /// A whole number that may be missing or null.
    pub(super) fn optional_number(&self, name: &str) -> Option<i64> {
        let value = self.optional(name)?;
        let read = match value {
            Value::String(text) => text.trim().parse().ok(),
            Value::Bool(truth) => Some(i64::from(*truth)),
            value => value.as_i64(),
        };
        if read.is_none() {
            let (kind, message) = match value {
                Value::String(_) => {
                    ("int_parsing", "Input should be a valid integer, unable to parse string as an integer")
                }
                Value::Number(_) => {
                    ("int_from_float", "Input should be a valid integer, got a number with a fractional part")
                }
                _ => ("int_type", "Input should be a valid integer"),
            };
            self.refuse(kind, &[name.into()], message, value);
        }
        read
    }

    /// A truth value that may be missing or null.
    pub(super) fn optional_flag(&self, name: &str) -> Option<bool> {
        let value = self.optional(name)?;
        let read = crate::http::lenient_boolean(value);
        if read.is_none() {
            self.refuse("bool_type", &[name.into()], "Input should be a valid boolean", value);
        }
        read
    }

    /// Texts by name, which may be missing or null.
    pub(super) fn tags(&self, name: &str) -> Map<String, Value> {
        let Some(value) = self.optional(name) else { return Map::new() };
        let Some(tags) = value.as_object() else {
            self.refuse("dict_type", &[name.into()], "Input should be a valid dictionary", value);
            return Map::new();
        };
        for (key, value) in tags {
            self.as_text(&[name.into(), key.as_str().into()], value);
        }
        tags.clone()
    }

    /// A list of texts that may be missing or null.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let items = self.optional(name).map(|value| self.as_list(name, value)).unwrap_or_default();
        let text = |(at, item)| self.as_text(&[name.into(), Value::from(at)], item);
        items.iter().enumerate().filter_map(text).collect()
    }

    /// A list of texts that must be there.
    pub(super) fn required_texts(&self, name: &str) -> Vec<String> {
        self.required(name);
        self.texts(name)
    }

    /// An object that may be missing or null.
    pub(super) fn object(&self, name: &str) -> Option<Self> {
        let value = self.optional(name)?;
        Self::at(self.below(&[name.into()]), value, self.mistakes)
    }

    /// An object that must be there.
    pub(super) fn required_object(&self, name: &str) -> Option<Self> {
        self.required(name);
        self.object(name)
    }

    /// A list of objects that may be missing or null.
    pub(super) fn objects(&self, name: &str) -> Vec<Self> {
        let items = self.optional(name).map(|value| self.as_list(name, value)).unwrap_or_default();
        let object = |(at, item)| Self::at(self.below(&[name.into(), Value::from(at)]), item, self.mistakes);
        items.iter().enumerate().filter_map(object).collect()
    }

    /// A list of objects that must be there.
    pub(super) fn required_objects(&self, name: &str) -> Vec<Self> {
        self.required(name);
        self.objects(name)
    }

    fn optional(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    fn required(&self, name: &str) -> Option<&'a Value> {
        let value = self.object.get(name);
        if value.is_none() {
            self.refuse("missing", &[name.into()], "Field required", self.whole);
        }
        value
    }

    fn as_list(&self, name: &str, value: &'a Value) -> &'a [Value] {
        let items = value.as_array();
        if items.is_none() {
            self.refuse("list_type", &[name.into()], "Input should be a valid list", value);
        }
        items.map(Vec::as_slice).unwrap_or_default()
    }

    fn as_text(&self, place: &[Value], value: &Value) -> Option<String> {
        if !value.is_string() {
            self.refuse("string_type", place, "Input should be a valid string", value);
        }
        value.as_str().map(str::to_owned)
    }

    fn below(&self, place: &[Value]) -> Vec<Value> {
        self.place.iter().chain(place).cloned().collect()
    }

    fn refuse(&self, kind: &str, place: &[Value], message: &str, input: &Value) {
        self.mistakes.add(kind, &self.below(place), message, input);
    }
}
