//! Values of any type as JSON, for maps, whose values may be of any type.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use larder_core::json::push_compact;
use larder_core::{Timestamp, zoned_iso_format};
use serde_json::{Map, Value};

use crate::wire::{Payload, fields, map_entry, packed_numbers, set_field};
use crate::{ItemForm, NOT_A_TIME, ValueFault};

/// Values are nested no deeper than this; a map of Feast's own is limited by protobuf, at 100.
const MAX_DEPTH: usize = 100;

/// The text of the value in a field with this number: JSON without spaces, keys in byte order. Bytes are
/// base64, times whole seconds, maps whose keys are no text lists of pairs.
pub(super) fn text(number: u32, payload: Payload<'_>) -> Result<String, ValueFault> {
    let mut out = Vec::new();
    push_compact(&mut out, &json(number, payload, 0)?);
    Ok(String::from_utf8(out).expect("text, digits and punctuation were written"))
}

fn json(number: u32, payload: Payload<'_>, depth: usize) -> Result<Value, ValueFault> {
    if depth > MAX_DEPTH {
        return Err(ValueFault::Depth);
    }
    let deeper = depth + 1;
    Ok(match (number, payload) {
        (1, payload) => BASE64.encode(payload.bytes()?).into(),
        (2 | 36 | 37 | 44, payload) => text_of(payload)?.into(),
        // JSON inside JSON is itself, and a text that is not JSON a text.
        (32, payload) => {
            let text = text_of(payload)?;
            serde_json::from_str(text).unwrap_or_else(|_| text.into())
        }
        (3 | 4, payload) => payload.varint()?.cast_signed().into(),
        (5, Payload::Fixed64(bytes)) => float(f64::from_le_bytes(bytes)),
        (6, Payload::Fixed32(bytes)) => float(f64::from(f32::from_le_bytes(bytes))),
        (5 | 6, _) => return Err(ValueFault::WireType),
        (7, payload) => Value::Bool(payload.varint()? != 0),
        (8, payload) => seconds(payload.varint()?.cast_signed()),
        (20 | 34, payload) => {
            let mut object = Map::new();
            for field in fields(payload.bytes()?) {
                let (1, entry) = field? else { continue };
                let (name, value) = map_entry(entry.bytes()?)?;
                object.insert(name.to_owned(), value_json(value, deeper)?);
            }
            Value::Object(object)
        }
        (47, payload) => {
            let mut pairs = Vec::new();
            for field in fields(payload.bytes()?) {
                let (1, entry) = field? else { continue };
                pairs.push(pair(entry.bytes()?, deeper)?);
            }
            Value::Array(pairs)
        }
        (48, payload) => zoned(payload.bytes()?)?,
        (number, payload) => match ItemForm::of_list(number) {
            Some(form) => Value::Array(items(form, payload.bytes()?, deeper)?),
            None => return Err(ValueFault::PartType { found: number }),
        },
    })
}

/// A value, whatever its type.
pub(super) fn of_value(value: &[u8]) -> Result<Value, ValueFault> {
    value_json(value, 0)
}

fn value_json(value: &[u8], depth: usize) -> Result<Value, ValueFault> {
    set_field(value)?.map_or(Ok(Value::Null), |(number, payload)| json(number, payload, depth))
}

fn items(form: ItemForm, list: &[u8], depth: usize) -> Result<Vec<Value>, ValueFault> {
    let mut items = Vec::new();
    for field in fields(list) {
        let (1, payload) = field? else { continue };
        match (form, payload) {
            (ItemForm::Number(item), Payload::Bytes(packed)) => {
                for payload in packed_numbers(item, packed) {
                    items.push(json(item, payload?, depth)?);
                }
            }
            (ItemForm::Number(item) | ItemForm::Bytes(item), payload) => {
                items.push(json(item, payload, depth)?);
            }
            (ItemForm::Value, payload) => items.push(value_json(payload.bytes()?, depth)?),
        }
    }
    Ok(items)
}

/// An entry of a map whose keys are no text: a message of a key and a value.
fn pair(entry: &[u8], depth: usize) -> Result<Value, ValueFault> {
    let (mut key, mut value) = (Value::Null, Value::Null);
    for field in fields(entry) {
        match field? {
            (1, payload) => key = map_key(payload.bytes()?, depth)?,
            (2, payload) => value = value_json(payload.bytes()?, depth)?,
            _ => {}
        }
    }
    Ok(Value::Array(vec![key, value]))
}

/// A `MapKey`, whose fields have numbers of their own.
fn map_key(key: &[u8], depth: usize) -> Result<Value, ValueFault> {
    let mut read = Value::Null;
    for field in fields(key) {
        let (number, payload) = field?;
        let as_value = match number {
            1 => 3,
            2 => 4,
            3 => 6,
            4 => 5,
            5 => 7,
            6 => 8,
            7 => 1,
            8..=10 => 2,
            _ => continue,
        };
        read = json(as_value, payload, depth)?;
    }
    Ok(read)
}

fn zoned(message: &[u8]) -> Result<Value, ValueFault> {
    let (mut unix, mut zone) = (0, "");
    for field in fields(message) {
        match field? {
            (1, payload) => unix = payload.varint()?.cast_signed(),
            (2, payload) => zone = text_of(payload)?,
            _ => {}
        }
    }
    if unix == NOT_A_TIME {
        return Ok(Value::Null);
    }
    let time = Timestamp::from_micros(unix.saturating_mul(1_000_000));
    zoned_iso_format(time, zone).map(Value::from).ok_or(ValueFault::TimeOutOfRange { seconds: unix })
}

fn seconds(unix: i64) -> Value {
    if unix == NOT_A_TIME { Value::Null } else { unix.into() }
}

/// What JSON has no number for is a text, as in Feast's answers.
fn float(value: f64) -> Value {
    let name = if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    };
    serde_json::Number::from_f64(value).map_or_else(|| name.into(), Value::Number)
}

fn text_of(payload: Payload<'_>) -> Result<&str, ValueFault> {
    std::str::from_utf8(payload.bytes()?).map_err(|_| ValueFault::Utf8)
}
