//! Protobuf's JSON form of stored bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost::Message as _;
use serde_json::{Map, Value};

use crate::proto::descriptor::{Field, Kind, Message, value_type_name};
use crate::proto::time_from_proto;
use crate::proto::wire::{self, WireValue};

/// Bytes that are not the message they should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum JsonError {
    #[error(transparent)]
    Wire(#[from] wire::WireError),
    #[error("field `{field}` holds something else")]
    Field { field: &'static str },
    #[error("messages are nested too deeply")]
    Nesting,
}

/// Deeper than any message of Feast's.
const DEEPEST: usize = 32;

/// A message as protobuf's JSON form shows it: names in camel case, defaults left out, fields in the
/// order of their numbers. Fields that the table does not know are left out.
pub(super) fn decode(bytes: &[u8], message: &'static Message) -> Result<Map<String, Value>, JsonError> {
    decode_message(bytes, message, 0)
}

fn decode_message(
    bytes: &[u8],
    message: &'static Message,
    depth: usize,
) -> Result<Map<String, Value>, JsonError> {
    if depth > DEEPEST {
        return Err(JsonError::Nesting);
    }
    let fields = wire::fields(bytes)?;
    let mut object = Map::new();
    for field in message.fields {
        let mut values = fields.iter().filter(|found| found.number == field.number).map(|found| found.value);
        let value = match field.kind {
            Kind::TextMap | Kind::ValueTypeMap | Kind::MessageMap(_) => {
                let mut map = Map::new();
                for entry in values {
                    let (key, value) = decode_entry(entry, field, depth)?;
                    map.insert(key, value);
                }
                (!map.is_empty()).then_some(Value::Object(map))
            }
            _ if field.repeated => {
                let mut all = Vec::new();
                for value in values {
                    match (&field.kind, value) {
                        // Numbers lie packed behind each other.
                        (Kind::Enum(_), WireValue::Bytes(packed)) => {
                            for number in
                                wire::packed(packed).ok_or(JsonError::Field { field: field.json_name })?
                            {
                                all.push(decode_value(WireValue::Varint(number), field, depth)?);
                            }
                        }
                        _ => all.push(decode_value(value, field, depth)?),
                    }
                }
                let values = all;
                (!values.is_empty()).then_some(Value::Array(values))
            }
            _ => values.next_back().map(|value| decode_value(value, field, depth)).transpose()?,
        };
        if let Some(value) = value {
            object.insert(field.json_name.to_owned(), value);
        }
    }
    Ok(object)
}

fn decode_value(value: WireValue<'_>, field: &Field, depth: usize) -> Result<Value, JsonError> {
    let wrong = || JsonError::Field { field: field.json_name };
    Ok(match (&field.kind, value) {
        (Kind::Text, WireValue::Bytes(bytes)) => std::str::from_utf8(bytes).map_err(|_| wrong())?.into(),
        (Kind::Bytes, WireValue::Bytes(bytes)) => STANDARD.encode(bytes).into(),
        (Kind::Boolean, WireValue::Varint(number)) => (number != 0).into(),
        // Protobuf keeps the low half of what is longer.
        (Kind::Int32, WireValue::Varint(number)) => {
            let [a, b, c, d, ..] = number.to_le_bytes();
            i32::from_le_bytes([a, b, c, d]).into()
        }
        (Kind::Uint64, WireValue::Varint(number)) => number.to_string().into(),
        (Kind::Float, WireValue::Fixed32(bytes)) => {
            // By way of the text, so that 0.1 stays 0.1.
            let text = f32::from_le_bytes(bytes).to_string();
            text.parse::<f64>().map_or(Value::Null, Value::from)
        }
        (Kind::Enum(names), WireValue::Varint(number)) => {
            let name = usize::try_from(number).ok().and_then(|at| names.get(at));
            name.map_or_else(|| number.into(), |name| (*name).into())
        }
        (Kind::ValueType | Kind::ValueTypeMap, WireValue::Varint(number)) => {
            value_type_name(number).map_or_else(|| number.into(), Value::from)
        }
        (Kind::Timestamp, WireValue::Bytes(bytes)) => {
            let time = prost_types::Timestamp::decode(bytes).map_err(|_| wrong())?;
            time_from_proto(Some(&time)).to_string().into()
        }
        (Kind::Duration, WireValue::Bytes(bytes)) => {
            let span = prost_types::Duration::decode(bytes).map_err(|_| wrong())?;
            duration_text(&span).into()
        }
        (Kind::Message(message) | Kind::MessageMap(message), WireValue::Bytes(bytes)) => {
            Value::Object(decode_message(bytes, message, depth + 1)?)
        }
        _ => return Err(wrong()),
    })
}

/// An entry of a map: key and value are fields 1 and 2 of a message.
fn decode_entry(entry: WireValue<'_>, field: &Field, depth: usize) -> Result<(String, Value), JsonError> {
    let wrong = || JsonError::Field { field: field.json_name };
    let WireValue::Bytes(entry) = entry else { return Err(wrong()) };
    let parts = wire::fields(entry)?;
    let part = |number| parts.iter().rev().find(|part| part.number == number).map(|part| part.value);
    let text = |value| match value {
        None => Ok(String::new()),
        Some(WireValue::Bytes(bytes)) => String::from_utf8(bytes.to_vec()).map_err(|_| wrong()),
        Some(_) => Err(wrong()),
    };
    let value = match (&field.kind, part(2)) {
        (Kind::TextMap, value) => text(value)?.into(),
        (_, Some(value)) => decode_value(value, field, depth)?,
        (Kind::MessageMap(_), None) => Value::Object(Map::new()),
        (_, None) => decode_value(WireValue::Varint(0), field, depth)?,
    };
    Ok((text(part(1))?, value))
}

/// `86400s`, with 3, 6 or 9 digits where the span is not of whole seconds.
fn duration_text(span: &prost_types::Duration) -> String {
    let sign = if span.seconds < 0 || span.nanos < 0 { "-" } else { "" };
    let (seconds, nanos) = (span.seconds.unsigned_abs(), span.nanos.unsigned_abs());
    match nanos {
        0 => format!("{sign}{seconds}s"),
        _ if nanos.is_multiple_of(1_000_000) => format!("{sign}{seconds}.{:03}s", nanos / 1_000_000),
        _ if nanos.is_multiple_of(1_000) => format!("{sign}{seconds}.{:06}s", nanos / 1_000),
        _ => format!("{sign}{seconds}.{nanos:09}s"),
    }
}
