//! Bytes of messages that come in protobuf's JSON form.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use larder_core::{DataSource, RequestError, Timestamp};
use prost::Message as _;
use serde_json::{Map, Value};

use super::descriptor::{DATA_SOURCE, Field, Kind, Message, value_type_number};
use super::wire::{put_bytes, put_fixed32, put_number};
use super::{data_source_from_proto, time_to_proto};
use crate::proto;

/// Deeper than any message of Feast's.
const DEEPEST: usize = 32;

/// Reads a data source as Feast prints one: in protobuf's JSON form.
///
/// # Errors
///
/// [`RequestError`] that names the field, and for a kind of source that larder does not know.
pub fn data_source_from_json(text: &str) -> Result<DataSource, RequestError> {
    let refused = |reason: String| {
        RequestError::other(format!(
            "the data source cannot be read: {reason}; send protobuf's JSON form of a feast.core.DataSource"
        ))
    };
    let object: Map<String, Value> =
        serde_json::from_str(text).map_err(|error| refused(error.to_string()))?;
    let bytes = encode(&object, &DATA_SOURCE, 0).map_err(|field| refused(field.to_string()))?;
    let source = proto::DataSource::decode(bytes.as_slice()).map_err(|error| refused(error.to_string()))?;
    data_source_from_proto(&source).map_err(|unsupported| refused(unsupported.to_string()))
}

/// A field that holds something else than it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum WrongField {
    #[error("`{0}` holds something else than it should")]
    Value(&'static str),
    #[error("messages are nested too deeply")]
    Nesting,
}

/// The bytes of a message. Null is as if a field were not there; fields that the table does not know are left
/// out, as they may be of a newer Feast.
fn encode(
    object: &Map<String, Value>,
    message: &'static Message,
    depth: usize,
) -> Result<Vec<u8>, WrongField> {
    if depth > DEEPEST {
        return Err(WrongField::Nesting);
    }
    let mut bytes = Vec::new();
    for field in message.fields {
        let wrong = || WrongField::Value(field.json_name);
        let value = match object.get(field.json_name) {
            None | Some(Value::Null) => continue,
            Some(value) => value,
        };
        match &field.kind {
            Kind::TextMap | Kind::ValueTypeMap | Kind::MessageMap(_) => {
                for (key, value) in value.as_object().ok_or_else(wrong)? {
                    let mut entry = Vec::new();
                    put_bytes(&mut entry, 1, key.as_bytes());
                    put_value(&mut entry, 2, value, field, depth)?;
                    put_bytes(&mut bytes, field.number, &entry);
                }
            }
            _ if field.repeated => {
                for value in value.as_array().ok_or_else(wrong)? {
                    put_value(&mut bytes, field.number, value, field, depth)?;
                }
            }
            _ => put_value(&mut bytes, field.number, value, field, depth)?,
        }
    }
    Ok(bytes)
}

fn put_value(
    bytes: &mut Vec<u8>,
    number: u32,
    value: &Value,
    field: &'static Field,
    depth: usize,
) -> Result<(), WrongField> {
    let wrong = || WrongField::Value(field.json_name);
    let text = || value.as_str().ok_or_else(wrong);
    match &field.kind {
        Kind::Text | Kind::TextMap => put_bytes(bytes, number, text()?.as_bytes()),
        Kind::Bytes => put_bytes(bytes, number, &STANDARD.decode(text()?).map_err(|_| wrong())?),
        Kind::Boolean => put_number(bytes, number, u64::from(value.as_bool().ok_or_else(wrong)?)),
        Kind::Int32 => {
            let whole = value.as_i64().and_then(|whole| i32::try_from(whole).ok()).ok_or_else(wrong)?;
            put_number(bytes, number, i64::from(whole).cast_unsigned());
        }
        Kind::Uint64 => {
            let whole = value.as_u64().or_else(|| value.as_str()?.parse().ok()).ok_or_else(wrong)?;
            put_number(bytes, number, whole);
        }
        Kind::Float => {
            let text = value.as_number().ok_or_else(wrong)?.to_string();
            put_fixed32(bytes, number, text.parse::<f32>().map_err(|_| wrong())?.to_le_bytes());
        }
        Kind::Enum(names) => {
            let named = || names.iter().position(|name| value.as_str() == Some(*name));
            let place = value.as_u64().or_else(|| u64::try_from(named()?).ok()).ok_or_else(wrong)?;
            put_number(bytes, number, place);
        }
        Kind::ValueType | Kind::ValueTypeMap => {
            let place = value.as_u64().or_else(|| value_type_number(value.as_str()?)).ok_or_else(wrong)?;
            put_number(bytes, number, place);
        }
        Kind::Timestamp => {
            let time = Timestamp::parse(text()?).map_err(|_| wrong())?;
            put_bytes(bytes, number, &time_to_proto(time).encode_to_vec());
        }
        Kind::Duration => {
            let span = duration(text()?).ok_or_else(wrong)?;
            put_bytes(bytes, number, &span.encode_to_vec());
        }
        Kind::Message(message) | Kind::MessageMap(message) => {
            let object = value.as_object().ok_or_else(wrong)?;
            put_bytes(bytes, number, &encode(object, message, depth + 1)?);
        }
    }
    Ok(())
}

/// `86400s`, `-1.500s`.
fn duration(text: &str) -> Option<prost_types::Duration> {
    let text = text.strip_suffix('s')?;
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let (seconds, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits(seconds) || !all_digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let seconds: i64 = seconds.parse().ok()?;
    let nanos: i32 = format!("{fraction:0<9}").parse().ok()?;
    Some(prost_types::Duration { seconds: i64::from(sign) * seconds, nanos: sign * nanos })
}
