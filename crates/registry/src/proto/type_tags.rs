//! What a type's number does not tell: the fields of structs and what nested lists and sets hold. Feast
//! keeps it in two tags of the field, which people do not see.

use std::collections::BTreeMap;

use larder_core::{ScalarType, ValueType};
use serde_json::{Map, Value};

/// Feast's tag for the fields of a struct, or of the structs in a list.
const STRUCT_SCHEMA: &str = "feast:struct_schema";
/// Feast's tag for the whole type of a list of lists, and the like.
const NESTED_TYPE: &str = "feast:nested_inner_type";
/// How deep types may be nested, so that no tag can exhaust the stack.
const MAX_DEPTH: usize = 32;

/// The tags of a field as they are kept: those of its author and those of its type.
pub(super) fn tags_with_type(
    value_type: &ValueType,
    tags: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut tags = tags.clone();
    let structure = match value_type {
        ValueType::Array(item) => item.as_ref(),
        other => other,
    };
    if let ValueType::Struct(fields) = structure {
        let fields =
            fields.iter().map(|field| (field.name.clone(), Value::from(type_text(&field.value_type))));
        tags.insert(
            STRUCT_SCHEMA.to_owned(),
            larder_core::json::python_dumps(&Value::Object(fields.collect())),
        );
    } else if is_nested(value_type) {
        tags.insert(NESTED_TYPE.to_owned(), type_text(value_type));
    }
    tags
}

/// The tags without those of the type.
pub(crate) fn author_tags(tags: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let is_visible = |name: &str| name != STRUCT_SCHEMA && name != NESTED_TYPE;
    tags.iter()
        .filter(|(name, _)| is_visible(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// The type that a number and the tags beside it tell; `None` if larder has no such type. Without a tag
/// the parts are those Feast assumes.
pub(crate) fn value_type_of(number: i32, tags: &BTreeMap<String, String>) -> Option<ValueType> {
    let schema = || match tags.get(STRUCT_SCHEMA) {
        Some(text) => struct_of(&serde_json::from_str(text).ok()?, 0),
        None => ValueType::structure([("_value".to_owned(), ValueType::STRING)]).ok(),
    };
    let nested = |assumed: &str| match tags.get(NESTED_TYPE) {
        Some(text) => type_of(text, 0),
        None => assumed.parse().ok(),
    };
    let value_type = match number {
        34 => schema()?,
        35 => ValueType::array(schema()?).ok()?,
        42 => nested("Array(Array(String))")?,
        43 => nested("Set(Array(String))")?,
        number => ValueType::from_number(number)?,
    };
    // A tag that belongs to another type is a mistake of whoever wrote it.
    (value_type.number() == number).then_some(value_type)
}

fn is_nested(value_type: &ValueType) -> bool {
    matches!(value_type.number(), 42 | 43)
}

/// The text Feast keeps for a type: `INT64`, `Array(FLOAT64)`, `{"__struct__": {"a": "INT64"}}`.
fn type_text(value_type: &ValueType) -> String {
    match value_type {
        ValueType::Scalar(scalar) => scalar_text(*scalar).to_owned(),
        ValueType::Array(item) => format!("Array({})", type_text(item)),
        ValueType::Set(item) => format!("Set({})", type_text(item)),
        ValueType::Struct(fields) => {
            let fields =
                fields.iter().map(|field| (field.name.clone(), Value::from(type_text(&field.value_type))));
            let fields = Value::Object(fields.collect());
            let wrapped: Map<String, Value> = [("__struct__".to_owned(), fields)].into_iter().collect();
            larder_core::json::python_dumps(&Value::Object(wrapped))
        }
        // `ValueType` may grow; its own name is the best that can be kept.
        other => other.to_string(),
    }
}

/// The name of a scalar in Feast's Python enumeration, which differs from its protobuf for floats.
fn scalar_text(scalar: ScalarType) -> &'static str {
    match scalar {
        ScalarType::Float64 => "FLOAT64",
        ScalarType::Float32 => "FLOAT32",
        other => other.proto_name(),
    }
}

fn type_of(text: &str, depth: usize) -> Option<ValueType> {
    if depth > MAX_DEPTH {
        return None;
    }
    let inside = |outer: &str| text.strip_prefix(outer)?.strip_prefix('(')?.strip_suffix(')');
    if let Some(item) = inside("Array") {
        return ValueType::array(type_of(item, depth + 1)?).ok();
    }
    if let Some(item) = inside("Set") {
        return ValueType::set(type_of(item, depth + 1)?).ok();
    }
    if text.starts_with('{') {
        let wrapped: Value = serde_json::from_str(text).ok()?;
        return struct_of(wrapped.get("__struct__")?, depth + 1);
    }
    ScalarType::ALL.into_iter().find(|scalar| scalar_text(*scalar) == text).map(ValueType::Scalar)
}

fn struct_of(fields: &Value, depth: usize) -> Option<ValueType> {
    let fields = fields.as_object()?.iter();
    let fields = fields.map(|(name, text)| Some((name.clone(), type_of(text.as_str()?, depth + 1)?)));
    ValueType::structure(fields.collect::<Option<Vec<_>>>()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_comes_back_from_number_and_tags() {
        let tags = BTreeMap::from([("team".to_owned(), "a".to_owned())]);
        let nested = [
            "Struct({a: Float32, b: Array(Struct({c: Json}))})",
            "Array(Struct({a: Int64}))",
            "Array(Array(Float64))",
            "Set(Set(Uuid))",
            "Array(Array(Struct({a: Decimal})))",
        ];
        let nested = nested.iter().map(|name| name.parse().unwrap());
        for value_type in ValueType::simple().chain(nested) {
            let kept = tags_with_type(&value_type, &tags);
            assert_eq!(value_type_of(value_type.number(), &kept).as_ref(), Some(&value_type), "{kept:?}");
            assert_eq!(author_tags(&kept), tags);
        }
    }

    #[test]
    fn the_tags_are_those_that_feast_writes() {
        // Written by `Field(name, dtype).to_proto()` of Feast 0.67.0.
        let kept = |name: &str| tags_with_type(&name.parse().unwrap(), &BTreeMap::new());
        let structure = kept("Struct({lat: Float64, inner: Struct({a: Array(Int32)})})");
        assert_eq!(
            structure.get(STRUCT_SCHEMA).map(String::as_str),
            Some(r#"{"lat": "FLOAT64", "inner": "{\"__struct__\": {\"a\": \"Array(INT32)\"}}"}"#)
        );
        let nested = kept("Array(Set(UnixTimestamp))");
        assert_eq!(nested.get(NESTED_TYPE).map(String::as_str), Some("Array(Set(UNIX_TIMESTAMP))"));
        assert!(kept("Array(Int64)").is_empty());
    }

    #[test]
    fn a_tag_that_makes_no_sense_makes_no_type() {
        for text in ["", "[]", "{}", r#"{"a": 1}"#, r#"{"a": "INT65"}"#] {
            let tags = BTreeMap::from([(STRUCT_SCHEMA.to_owned(), text.to_owned())]);
            assert_eq!(value_type_of(34, &tags), None, "{text}");
        }
        let deep = format!("{}INT64{}", "Array(".repeat(9_999), ")".repeat(9_999));
        assert_eq!(value_type_of(42, &BTreeMap::from([(NESTED_TYPE.to_owned(), deep)])), None);
    }
}
