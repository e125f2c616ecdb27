//! Entity keys are Feast's, byte for byte, for every case recorded from it.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, Int32Array, Int64Array, StringArray, TimestampMicrosecondArray, new_null_array,
};
use larder_core::{
    EntityKeyEncoder, EntityKeyError, EntityKeyVersion, Field, ValueType, timestamp_data_type,
};
use serde_json::Value;

type TestResult<T = ()> = Result<T, Box<dyn std::error::Error>>;

fn recorded() -> TestResult<Value> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/feast_compat/recorded/entity_keys.json");
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

fn list<'a>(value: &'a Value, name: &str) -> TestResult<&'a Vec<Value>> {
    value[name].as_array().ok_or_else(|| format!("`{name}` is no list in {value}").into())
}

fn text<'a>(value: &'a Value, name: &str) -> TestResult<&'a str> {
    value[name].as_str().ok_or_else(|| format!("`{name}` is no text in {value}").into())
}

fn version(case: &Value) -> TestResult<EntityKeyVersion> {
    match case["version"].as_i64() {
        Some(2) => Ok(EntityKeyVersion::V2),
        Some(3) => Ok(EntityKeyVersion::V3),
        other => Err(format!("version {other:?}").into()),
    }
}

fn unhex(hex: &str) -> TestResult<Vec<u8>> {
    let pairs = hex.as_bytes().chunks(2).map(std::str::from_utf8);
    pairs.map(|pair| Ok(u8::from_str_radix(pair?, 16)?)).collect()
}

/// The type with a protobuf name, if larder has it.
fn value_type(name: &str) -> Option<ValueType> {
    ValueType::simple().find(|value_type| value_type.proto_name() == name)
}

/// A column with one recorded value.
fn column(value_type: &ValueType, value: &Value) -> TestResult<ArrayRef> {
    let whole = || value.as_i64().ok_or_else(|| format!("{value} is no whole number"));
    let words = || value.as_str().ok_or_else(|| format!("{value} is no text"));
    Ok(match *value_type {
        ValueType::INT32 => Arc::new(Int32Array::from(vec![i32::try_from(whole()?)?])),
        ValueType::INT64 => Arc::new(Int64Array::from(vec![whole()?])),
        ValueType::UNIX_TIMESTAMP => Arc::new(
            TimestampMicrosecondArray::from(vec![whole()? * 1_000_000]).with_data_type(timestamp_data_type()),
        ),
        ValueType::STRING => Arc::new(StringArray::from(vec![words()?])),
        ValueType::BYTES => Arc::new(BinaryArray::from(vec![unhex(words()?)?.as_slice()])),
        _ => new_null_array(&value_type.data_type(), 1),
    })
}

/// Why a recorded case makes no key.
#[derive(Debug)]
enum Refused {
    /// Larder has no such type, so no field can be declared with it.
    NoSuchType,
    /// The join keys cannot form a key.
    ByEncoder(EntityKeyError),
    /// The value is null.
    NoKey,
}

fn encode(case: &Value) -> TestResult<Result<Vec<u8>, Refused>> {
    let mut fields = Vec::new();
    let mut columns = Vec::new();
    for part in list(case, "entity")? {
        let (name, type_name) = (text(part, "join_key")?, text(part, "type")?);
        if type_name == "NULL" {
            // A value that was never set: null, of whatever type the join key has.
            fields.push(Field::new(name, ValueType::INT64));
            columns.push(new_null_array(&ValueType::INT64.data_type(), 1));
            continue;
        }
        let Some(value_type) = value_type(type_name) else { return Ok(Err(Refused::NoSuchType)) };
        columns.push(column(&value_type, &part["value"])?);
        fields.push(Field::new(name, value_type));
    }
    let encoder = match EntityKeyEncoder::try_new(&fields, version(case)?) {
        Ok(encoder) => encoder,
        Err(error) => return Ok(Err(Refused::ByEncoder(error))),
    };
    let keys = encoder.encode(&columns, 1)?;
    Ok(match keys.as_slice() {
        [Some(key)] => Ok(key.as_bytes().to_vec()),
        _ => Err(Refused::NoKey),
    })
}

#[test]
fn every_recorded_key_is_made_byte_for_byte() -> TestResult {
    let recorded = recorded()?;
    let mut compared = [0, 0];
    for case in list(&recorded, "cases")?.iter().filter(|case| case.get("error").is_none()) {
        let name = text(case, "name")?;
        let found = encode(case)?.map_err(|refused| format!("{name}: {refused:?} in {case}"))?;
        assert_eq!(found, unhex(text(case, "hex")?)?, "{name}: {case}");
        compared[usize::from(version(case)? == EntityKeyVersion::V2)] += 1;
    }
    assert_eq!(compared, [47, 9], "cases of version 3 and of version 2");
    Ok(())
}

#[test]
fn what_feast_refuses_is_refused() -> TestResult {
    let recorded = recorded()?;
    let mut refused = Vec::new();
    for case in list(&recorded, "cases")?.iter().filter(|case| case.get("error").is_some()) {
        let name = text(case, "name")?;
        match encode(case)? {
            Ok(key) => return Err(format!("{name} became a key: {key:02x?}").into()),
            Err(Refused::NoSuchType) => refused.push((name, "no such type")),
            Err(Refused::ByEncoder(EntityKeyError::UnsupportedType { .. })) => {
                refused.push((name, "unsupported"));
            }
            Err(Refused::ByEncoder(EntityKeyError::Duplicate { .. })) => refused.push((name, "duplicate")),
            Err(Refused::ByEncoder(other)) => return Err(other.into()),
            Err(Refused::NoKey) => refused.push((name, "null")),
        }
    }
    assert_eq!(
        refused,
        [
            ("bool", "unsupported"),
            ("float", "unsupported"),
            ("double", "unsupported"),
            ("uuid", "unsupported"),
            ("time_uuid", "unsupported"),
            ("decimal", "unsupported"),
            ("unset_value", "null"),
            ("duplicate_join_key", "duplicate"),
        ]
    );
    Ok(())
}

#[test]
fn no_list_can_be_a_key() {
    for item in ValueType::simple().filter(|value_type| !matches!(value_type, ValueType::Scalar(_))) {
        let join_keys = [Field::new("k", item.clone())];
        for version in [EntityKeyVersion::V2, EntityKeyVersion::V3] {
            assert!(EntityKeyEncoder::try_new(&join_keys, version).is_err(), "{item}");
        }
    }
}

#[test]
fn keys_of_the_same_join_keys_begin_with_the_recorded_prefix() -> TestResult {
    let recorded = recorded()?;
    for case in list(&recorded, "prefixes")? {
        let names = list(case, "join_keys")?.iter().map(|name| name.as_str().unwrap_or_default());
        let join_keys: Vec<Field> = names.map(|name| Field::new(name, ValueType::INT64)).collect();
        let zeros: ArrayRef = Arc::new(Int64Array::from(vec![0]));
        let columns = vec![zeros; join_keys.len()];
        let keys = EntityKeyEncoder::try_new(&join_keys, version(case)?)?.encode(&columns, 1)?;
        let key = keys.first().and_then(Option::as_ref).ok_or("no value is null")?;
        assert!(key.as_bytes().starts_with(&unhex(text(case, "hex")?)?), "{case}");
    }
    Ok(())
}
