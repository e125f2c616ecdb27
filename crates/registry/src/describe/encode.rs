//! The bytes of a message from protobuf's JSON form.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use larder_core::Timestamp;
use prost::Message as _;
use serde_json::{Map, Value};

use crate::proto::descriptor::{Field, Kind, Message, value_type_number};
use crate::proto::time_to_proto;
use crate::proto::wire;

/// A field that does not hold what its message has there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` is not as it should be")]
pub(crate) struct EncodeError {
    field: String,
}

/// What becomes of fields that a message does not have here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnknownFields {
    /// Somebody has mistaken a name.
    Refused,
    /// They are of a newer Feast.
    LeftOut,
}

/// The bytes of a message whose fields have the names of protobuf's JSON form; defaults are left out. Enums may be
/// given by name or by number.
pub(crate) fn encode(
    object: &Map<String, Value>,
    message: &'static Message,
    unknown_fields: UnknownFields,
) -> Result<Vec<u8>, EncodeError> {
    let is_known = |key: &&String| message.fields.iter().any(|field| field.json_name == **key);
    if unknown_fields == UnknownFields::Refused
        && let Some(unknown) = object.keys().find(|key| !is_known(key))
    {
        return Err(EncodeError { field: unknown.clone() });
    }
    let mut bytes = Vec::new();
    for field in message.fields {
        let Some(value) = object.get(field.json_name).filter(|value| !value.is_null()) else { continue };
        put_field(&mut bytes, field, value, unknown_fields)?;
    }
    Ok(bytes)
}

fn put_field(
    bytes: &mut Vec<u8>,
    field: &Field,
    value: &Value,
    unknown_fields: UnknownFields,
) -> Result<(), EncodeError> {
    let wrong = || EncodeError { field: field.json_name.to_owned() };
    match field.kind {
        Kind::TextMap | Kind::ValueTypeMap | Kind::MessageMap(_) => {
            for (key, value) in value.as_object().ok_or_else(wrong)? {
                let mut entry = Vec::new();
                wire::put_bytes(&mut entry, 1, key.as_bytes());
                put_value(&mut entry, 2, field, value, unknown_fields)?;
                wire::put_bytes(bytes, field.number, &entry);
            }
        }
        _ if field.repeated => {
            for value in value.as_array().ok_or_else(wrong)? {
                put_value(bytes, field.number, field, value, unknown_fields)?;
            }
        }
        _ if is_default(&field.kind, value) => {}
        _ => put_value(bytes, field.number, field, value, unknown_fields)?,
    }
    Ok(())
}

fn put_value(
    bytes: &mut Vec<u8>,
    number: u32,
    field: &Field,
    value: &Value,
    unknown_fields: UnknownFields,
) -> Result<(), EncodeError> {
    let wrong = || EncodeError { field: field.json_name.to_owned() };
    let text = || value.as_str().ok_or_else(wrong);
    match &field.kind {
        Kind::Text | Kind::TextMap => wire::put_bytes(bytes, number, text()?.as_bytes()),
        Kind::Bytes => {
            let decoded = STANDARD.decode(text()?).map_err(|_| wrong())?;
            wire::put_bytes(bytes, number, &decoded);
        }
        Kind::Boolean => wire::put_number(bytes, number, value.as_bool().ok_or_else(wrong)?.into()),
        Kind::Int32 => wire::put_number(bytes, number, whole(value).ok_or_else(wrong)?),
        Kind::Uint64 => {
            let told = value.as_u64().or_else(|| value.as_str()?.parse().ok());
            wire::put_number(bytes, number, told.ok_or_else(wrong)?);
        }
        Kind::Enum(names) => {
            let named = value.as_str().and_then(|name| names.iter().position(|known| *known == name));
            let told = named.and_then(|at| u64::try_from(at).ok()).or_else(|| whole(value));
            wire::put_number(bytes, number, told.ok_or_else(wrong)?);
        }
        Kind::ValueType | Kind::ValueTypeMap => {
            let told = value.as_str().and_then(value_type_number).or_else(|| whole(value));
            wire::put_number(bytes, number, told.ok_or_else(wrong)?);
        }
        Kind::Float => {
            // By way of the text, so that 0.1 is the `f32` nearest to it.
            let float: f32 =
                value.as_f64().and_then(|float| float.to_string().parse().ok()).ok_or_else(wrong)?;
            wire::put_fixed32(bytes, number, float.to_le_bytes());
        }
        Kind::Timestamp => {
            let time = Timestamp::parse(text()?).map_err(|_| wrong())?;
            wire::put_bytes(bytes, number, &time_to_proto(time).encode_to_vec());
        }
        Kind::Duration => {
            let span = duration(text()?).ok_or_else(wrong)?;
            wire::put_bytes(bytes, number, &span.encode_to_vec());
        }
        Kind::Message(message) | Kind::MessageMap(message) => {
            let encoded = encode(value.as_object().ok_or_else(wrong)?, message, unknown_fields)
                .map_err(|inner| EncodeError { field: format!("{}.{}", field.json_name, inner.field) })?;
            wire::put_bytes(bytes, number, &encoded);
        }
    }
    Ok(())
}

/// A whole number of 32 bits as protobuf writes it, with its sign spread over 64.
fn whole(value: &Value) -> Option<u64> {
    let number = i32::try_from(value.as_i64()?).ok()?;
    Some(u64::from_le_bytes(i64::from(number).to_le_bytes()))
}

/// What protobuf leaves out where a field is not repeated.
fn is_default(kind: &Kind, value: &Value) -> bool {
    match kind {
        Kind::Message(_) | Kind::Timestamp | Kind::Duration => false,
        Kind::Enum(names) if value.is_string() => names.first().is_some_and(|first| value == first),
        Kind::ValueType if value.is_string() => value.as_str().and_then(value_type_number) == Some(0),
        _ => match value {
            Value::String(text) => text.is_empty(),
            Value::Bool(truth) => !truth,
            Value::Number(number) => number.as_f64() == Some(0.0),
            _ => false,
        },
    }
}

/// `3600s`, `1.5s`, `-0.000001s`.
fn duration(text: &str) -> Option<prost_types::Duration> {
    let text = text.strip_suffix('s')?;
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (seconds, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |digits: &str| digits.bytes().all(|digit| digit.is_ascii_digit());
    if seconds.is_empty() || !is_number(seconds) || !is_number(fraction) || fraction.len() > 9 {
        return None;
    }
    let nanos: i32 = format!("{fraction:0<9}").parse().ok()?;
    Some(prost_types::Duration {
        seconds: sign * seconds.parse::<i64>().ok()?,
        nanos: nanos * i32::try_from(sign).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use serde_json::json;

    use super::super::json::decode;
    use super::*;
    use crate::proto::descriptor;
    use crate::registry_file::{Contents, Object, Stored};

    /// What the bytes of all objects say in JSON, before and after a way through JSON.
    fn come_back<M: Object + PartialEq + std::fmt::Debug>(objects: &[Stored<M>]) -> usize {
        for object in objects {
            let said = decode(object.raw(), M::table()).unwrap();
            let bytes = encode(&said, M::table(), UnknownFields::Refused).unwrap();
            assert_eq!(decode(&bytes, M::table()).unwrap(), said);
            assert_eq!(Stored::<M>::decode(bytes).unwrap().message(), object.message());
        }
        objects.len()
    }

    #[test]
    fn what_feast_wrote_comes_back_the_same_by_way_of_json() {
        let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/feast_compat/recorded");
        let bytes = fs::read(recorded.join("registry_rest/registry.db")).unwrap();
        let contents = Contents::decode(&bytes).unwrap();
        let count = come_back(&contents.projects)
            + come_back(&contents.entities)
            + come_back(&contents.data_sources)
            + come_back(&contents.feature_views)
            + come_back(&contents.stream_feature_views)
            + come_back(&contents.on_demand_feature_views)
            + come_back(&contents.label_views)
            + come_back(&contents.feature_services)
            + come_back(&contents.saved_datasets)
            + come_back(&contents.permissions);
        assert!(count > 60, "{count}");
    }

    #[test]
    fn what_a_message_does_not_have_is_refused_by_its_name() {
        let encoded = |object: &Value, unknown_fields| {
            encode(object.as_object().unwrap(), &descriptor::ENTITY, unknown_fields)
        };
        let refused = |object: Value| encoded(&object, UnknownFields::Refused).unwrap_err().field;
        let newer = json!({"spec": {"nope": 1, "name": "driver"}});
        let bytes = encoded(&newer, UnknownFields::LeftOut).unwrap();
        assert_eq!(bytes, encoded(&json!({"spec": {"name": "driver"}}), UnknownFields::Refused).unwrap());
        assert_eq!(refused(json!({"spec": {"nope": 1}})), "spec.nope");
        assert_eq!(refused(json!({"spec": {"name": 1}})), "spec.name");
        assert_eq!(refused(json!({"spec": {"tags": {"a": 1}}})), "spec.tags");
        assert_eq!(refused(json!({"spec": {"valueType": "NOPE"}})), "spec.valueType");
        assert_eq!(refused(json!({"meta": {"createdTimestamp": "soon"}})), "meta.createdTimestamp");
        assert_eq!(refused(json!({"spec": []})), "spec");
    }

    #[test]
    fn spans_are_read_to_the_nanosecond() {
        let span = |text: &str| duration(text).map(|span| (span.seconds, span.nanos));
        assert_eq!(span("3600s"), Some((3600, 0)));
        assert_eq!(span("1.5s"), Some((1, 500_000_000)));
        assert_eq!(span("-0.000001s"), Some((0, -1_000)));
        for text in ["", "s", "1", "1.s1", "a.s", "1.0000000001s", "--1s", "99999999999999999999s"] {
            assert_eq!(span(text), None, "{text}");
        }
    }
}
