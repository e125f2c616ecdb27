//! Columns of maps, which are JSON in Arrow.

use arrow::array::{Array, StringArray};
use larder_core::ScalarType;
use serde_json::{Number, Value};

use super::column::Column;
use crate::UnfitColumn;
use crate::wire::{WireType, put_bytes, put_message, put_tag, put_varint};

/// Maps as messages, which are made when the column is, since a text may not be JSON.
pub(super) struct Maps<'a> {
    array: &'a StringArray,
    messages: Vec<u8>,
    /// Where the message of each row ends.
    ends: Vec<usize>,
}

impl<'a> Maps<'a> {
    pub(super) fn try_new(value_type: ScalarType, array: &'a StringArray) -> Result<Self, UnfitColumn> {
        let (mut messages, mut ends) = (Vec::new(), Vec::with_capacity(array.len()));
        for (row, text) in array.iter().enumerate() {
            let unfit = UnfitColumn::Text { row, value_type };
            if let Some(text) = text {
                let value: Value = serde_json::from_str(text).map_err(|_| unfit.clone())?;
                match (value_type, &value) {
                    (ScalarType::ScalarMap, Value::Array(pairs)) => {
                        put_pairs(&mut messages, pairs).ok_or(unfit)?;
                    }
                    (ScalarType::Map, Value::Object(_)) => put_map(&mut messages, &value),
                    _ => return Err(unfit),
                }
            }
            ends.push(messages.len());
        }
        Ok(Self { array, messages, ends })
    }
}

impl Column for Maps<'_> {
    fn is_null(&self, row: usize) -> bool {
        self.array.is_null(row)
    }

    fn put(&self, out: &mut Vec<u8>, number: u32, row: usize) {
        let end = self.ends.get(row).copied().unwrap_or_default();
        let start = row.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or_default();
        put_bytes(out, number, self.messages.get(start..end).unwrap_or_default());
    }
}

/// Adds the content of a `Map` message.
fn put_map(out: &mut Vec<u8>, object: &Value) {
    for (name, value) in object.as_object().into_iter().flatten() {
        put_message(out, 1, |out| {
            put_bytes(out, 1, name.as_bytes());
            put_message(out, 2, |out| put_value(out, value));
        });
    }
}

/// Adds the content of a `ScalarMap` message; `None` if these are no pairs, or a key is none of Feast's.
fn put_pairs(out: &mut Vec<u8>, pairs: &[Value]) -> Option<()> {
    for pair in pairs {
        let [key, value] = pair.as_array()?.as_slice() else { return None };
        let mut map_key = Vec::new();
        put_key(&mut map_key, key)?;
        put_message(out, 1, |out| {
            put_bytes(out, 1, &map_key);
            put_message(out, 2, |out| put_value(out, value));
        });
    }
    Some(())
}

/// Adds the content of a `MapKey`. A text is a UUID or a decimal, as Feast has no other keys of text.
fn put_key(out: &mut Vec<u8>, key: &Value) -> Option<()> {
    match key {
        Value::Bool(flag) => {
            put_tag(out, 5, WireType::Varint);
            out.push(u8::from(*flag));
        }
        Value::Number(number) => put_number(out, number, 2, 4),
        Value::String(text) if is_uuid(text) => put_bytes(out, 8, text.as_bytes()),
        Value::String(text) if is_decimal(text) => put_bytes(out, 10, text.as_bytes()),
        _ => return None,
    }
    Some(())
}

/// Adds the content of a `Value` of the type that Feast infers from what Python makes of the JSON. Lists
/// that Feast has no type for hold `Value`s.
fn put_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => {}
        Value::Bool(flag) => {
            put_tag(out, 7, WireType::Varint);
            out.push(u8::from(*flag));
        }
        Value::Number(number) => put_number(out, number, 4, 5),
        Value::String(text) => put_bytes(out, 2, text.as_bytes()),
        Value::Object(_) => put_message(out, 20, |out| put_map(out, value)),
        Value::Array(items) => put_list(out, items),
    }
}

/// Adds a number as a field of this or that number: whole if it fits 64 bits, else a float.
fn put_number(out: &mut Vec<u8>, number: &Number, whole_field: u32, float_field: u32) {
    if let Some(whole) = number.as_i64() {
        put_tag(out, whole_field, WireType::Varint);
        put_varint(out, whole.cast_unsigned());
    } else {
        put_tag(out, float_field, WireType::Fixed64);
        out.extend_from_slice(&number.as_f64().unwrap_or(f64::NAN).to_le_bytes());
    }
}

fn put_list(out: &mut Vec<u8>, items: &[Value]) {
    let all = |is: fn(&Value) -> bool| !items.is_empty() && items.iter().all(is);
    if all(Value::is_boolean) {
        put_packed(out, 17, items, |out, item| out.push(u8::from(item.as_bool().unwrap_or_default())));
    } else if all(Value::is_i64) {
        let put = |out: &mut Vec<u8>, item: &Value| {
            put_varint(out, item.as_i64().unwrap_or_default().cast_unsigned());
        };
        put_packed(out, 14, items, put);
    } else if all(Value::is_f64) {
        let put = |out: &mut Vec<u8>, item: &Value| {
            out.extend_from_slice(&item.as_f64().unwrap_or_default().to_le_bytes());
        };
        put_packed(out, 15, items, put);
    } else if all(Value::is_string) {
        put_message(out, 12, |out| {
            items.iter().filter_map(Value::as_str).for_each(|text| put_bytes(out, 1, text.as_bytes()));
        });
    } else if all(Value::is_object) {
        put_message(out, 21, |out| {
            for item in items {
                put_message(out, 1, |out| put_map(out, item));
            }
        });
    } else {
        put_message(out, 42, |out| {
            for item in items {
                put_message(out, 1, |out| put_value(out, item));
            }
        });
    }
}

fn put_packed(out: &mut Vec<u8>, number: u32, items: &[Value], put: fn(&mut Vec<u8>, &Value)) {
    put_message(out, number, |out| {
        put_message(out, 1, |out| items.iter().for_each(|item| put(out, item)));
    });
}

fn is_uuid(text: &str) -> bool {
    let hyphens = [8, 13, 18, 23];
    text.len() == 36
        && text
            .bytes()
            .enumerate()
            .all(|(at, byte)| if hyphens.contains(&at) { byte == b'-' } else { byte.is_ascii_hexdigit() })
}

/// Whether Python's `Decimal` writes numbers so.
fn is_decimal(text: &str) -> bool {
    let number = text.strip_prefix('-').unwrap_or(text);
    number.starts_with(|first: char| first.is_ascii_digit())
        && number
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'E' | b'e' | b'+' | b'-'))
        && number.parse::<f64>().is_ok()
}
