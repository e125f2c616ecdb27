//! `feast.core.TableFormat` as the JSON text of a definition: `{"iceberg": {"catalog": "c", …}}`.

use serde_json::{Map, Value};

use super::wire::{self, WireValue};

type Fields = &'static [(u32, &'static str)];

/// The formats with their fields; `properties` are maps of texts.
const FORMATS: [(u32, &str, Fields); 4] = [
    (1, "iceberg", &[(1, "catalog"), (2, "namespace"), (3, PROPERTIES)]),
    (2, "delta", &[(1, "checkpoint_location"), (2, PROPERTIES)]),
    (3, "hudi", &[(1, "table_type"), (2, "record_key"), (3, "precombine_field"), (4, PROPERTIES)]),
    (4, "lance", &[(1, "catalog"), (2, "namespace"), (3, VERSION), (4, "tag"), (5, PROPERTIES)]),
];
const PROPERTIES: &str = "properties";
/// The one field that is a number.
const VERSION: &str = "version";

/// The names of the formats.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    FORMATS.iter().map(|(_, name, _)| *name)
}

/// Whether text names a format with fields that it has.
pub(crate) fn is_valid(text: &str) -> bool {
    let Ok(Value::Object(formats)) = serde_json::from_str(text) else { return false };
    formats.len() == 1
        && formats.iter().all(|(name, value)| {
            let known = FORMATS.iter().find(|(_, known, _)| known == name);
            known.zip(value.as_object()).is_some_and(|((_, _, fields), object)| {
                object.iter().all(|(key, value)| {
                    fields.iter().any(|(_, known)| known == key)
                        && match key.as_str() {
                            PROPERTIES => value
                                .as_object()
                                .is_some_and(|properties| properties.values().all(Value::is_string)),
                            VERSION => value.is_u64(),
                            _ => value.is_string(),
                        }
                })
            })
        })
}

/// The message; nothing for text that is no format.
pub(super) fn encode(text: &str) -> Vec<u8> {
    let mut message = Vec::new();
    let Ok(Value::Object(formats)) = serde_json::from_str(text) else { return message };
    for (number, name, fields) in FORMATS {
        let Some(Value::Object(object)) = formats.get(name) else { continue };
        let mut format = Vec::new();
        for (number, key) in fields {
            match object.get(*key) {
                Some(Value::String(text)) if !text.is_empty() => {
                    wire::put_bytes(&mut format, *number, text.as_bytes());
                }
                Some(Value::Number(value)) => {
                    if let Some(value) = value.as_u64().filter(|value| *value > 0) {
                        wire::put_number(&mut format, *number, value);
                    }
                }
                Some(Value::Object(properties)) => {
                    for (key, value) in properties {
                        let mut entry = Vec::new();
                        wire::put_bytes(&mut entry, 1, key.as_bytes());
                        wire::put_bytes(&mut entry, 2, value.as_str().unwrap_or_default().as_bytes());
                        wire::put_bytes(&mut format, *number, &entry);
                    }
                }
                _ => {}
            }
        }
        wire::put_bytes(&mut message, number, &format);
    }
    message
}

/// The text; none for bytes that are no such message.
pub(super) fn decode(message: &[u8]) -> Option<String> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
    let mut formats = Map::new();
    for field in wire::fields(message).ok()? {
        let WireValue::Bytes(value) = field.value else { continue };
        let Some((_, name, known)) = FORMATS.iter().find(|(number, ..)| *number == field.number) else {
            continue;
        };
        let mut object = Map::new();
        let mut properties = Map::new();
        for field in wire::fields(value).ok()? {
            let key = known.iter().find(|(number, _)| *number == field.number).map(|(_, key)| *key);
            match (key, field.value) {
                (Some(PROPERTIES), WireValue::Bytes(entry)) => {
                    let parts = wire::fields(entry).ok()?;
                    let part = |number| {
                        parts.iter().find(|part| part.number == number).and_then(|part| match part.value {
                            WireValue::Bytes(bytes) => text(bytes),
                            _ => None,
                        })
                    };
                    properties.insert(part(1).unwrap_or_default(), part(2).unwrap_or_default().into());
                }
                (Some(key), WireValue::Bytes(bytes)) => {
                    object.insert(key.to_owned(), text(bytes)?.into());
                }
                (Some(key), WireValue::Varint(number)) => {
                    object.insert(key.to_owned(), number.into());
                }
                _ => {}
            }
        }
        if !properties.is_empty() {
            object.insert(PROPERTIES.to_owned(), Value::Object(properties));
        }
        formats.insert((*name).to_owned(), Value::Object(object));
    }
    Some(if formats.is_empty() { String::new() } else { Value::Object(formats).to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_reads_back() {
        for text in [
            r#"{"iceberg":{"catalog":"c","namespace":"n","properties":{"a":"b","c":""}}}"#,
            r#"{"delta":{"checkpoint_location":"s3://x"}}"#,
            r#"{"lance":{"tag":"t","version":7}}"#,
            r#"{"hudi":{}}"#,
        ] {
            assert!(is_valid(text), "{text}");
            let value: Value = serde_json::from_str(text).unwrap();
            let read: Value = serde_json::from_str(&decode(&encode(text)).unwrap()).unwrap();
            assert_eq!(read, value);
        }
        for text in [r#"{"parquet":{}}"#, r#"{"delta":{"catalog":"c"}}"#, "[]", "delta"] {
            assert!(!is_valid(text), "{text}");
        }
    }
}
