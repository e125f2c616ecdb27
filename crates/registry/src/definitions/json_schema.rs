//! A JSON Schema for files of definitions, for editors. Made from the tables that the reader uses.

use larder_core::ValueType;
use serde_json::{Map, Value, json};

use super::shapes::FILE;
use crate::shape::{Shape, Takes};

/// The JSON Schema (draft 2020-12) of a file of definitions. An editor that has it completes keys, shows
/// what they mean, and marks mistakes as they are made; `larder plan` finds more.
pub fn definitions_json_schema() -> Value {
    let mut schema = Map::new();
    schema.insert("$schema".to_owned(), "https://json-schema.org/draft/2020-12/schema".into());
    schema.insert("title".to_owned(), FILE.summary.into());
    if let Value::Object(file) = object(&FILE) {
        schema.extend(file);
    }
    // Keys for anchors.
    schema.insert("patternProperties".to_owned(), json!({"^x-": {}}));
    Value::Object(schema)
}

fn object(shape: &Shape) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for key in shape.keys.iter().filter(|key| !matches!(key.takes, Takes::Later)) {
        let mut property = Map::new();
        property.insert("description".to_owned(), key.summary.into());
        if let Value::Object(value) = value(&key.takes) {
            property.extend(value);
        }
        properties.insert(key.name.to_owned(), Value::Object(property));
        if key.required {
            required.push(key.name);
        }
    }
    let mut object = Map::new();
    object.insert("type".to_owned(), "object".into());
    object.insert("properties".to_owned(), Value::Object(properties));
    if !required.is_empty() {
        object.insert("required".to_owned(), required.into());
    }
    object.insert("additionalProperties".to_owned(), false.into());
    Value::Object(object)
}

fn value(takes: &Takes) -> Value {
    match takes {
        Takes::Name => json!({"type": "string", "minLength": 1}),
        Takes::Text => json!({"type": "string"}),
        Takes::Boolean => json!({"type": "boolean"}),
        Takes::Span => {
            let pattern = "^(0|([0-9]+(w|d|h|ms|m|us|s))+)$";
            json!({"anyOf": [{"type": "string", "pattern": pattern}, {"const": 0}]})
        }
        Takes::Size => {
            let pattern = "^[0-9]+ ?([kKmMgG]i?)?[bB]?$";
            json!({"anyOf": [{"type": "string", "pattern": pattern}, {"type": "integer", "minimum": 0}]})
        }
        Takes::ValueType => {
            let names: Vec<String> = ValueType::simple().map(|value_type| value_type.to_string()).collect();
            json!({"anyOf": [{"enum": names}, {"type": "string", "pattern": "^(Array|Set|Struct)[(].+[)]$"}]})
        }
        Takes::Fraction => json!({"type": "number", "minimum": 0, "maximum": 1}),
        Takes::Number(least) => json!({"type": "number", "minimum": least}),
        Takes::Count => json!({"type": "integer", "minimum": 0}),
        Takes::NameOrNames => {
            json!({"anyOf": [{"type": "string", "minLength": 1},
                             {"type": "array", "items": {"type": "string", "minLength": 1}}]})
        }
        Takes::TextOrObjects(shape) => {
            json!({"anyOf": [{"type": "string"}, {"type": "array", "items": object(shape)}]})
        }
        Takes::Anything => json!({}),
        Takes::Names => json!({"type": "array", "items": {"type": "string", "minLength": 1}}),
        Takes::Labels => {
            json!({"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}})
        }
        Takes::OneOf(words) => json!({"enum": words}),
        Takes::Object(shape) => object(shape),
        Takes::Objects(shape) => json!({"type": "array", "items": object(shape)}),
        Takes::NameOrObject(shape) => json!({"anyOf": [{"type": "string", "minLength": 1}, object(shape)]}),
        Takes::NamesOrObjects(shape) => {
            json!({"type": "array", "minItems": 1,
                   "items": {"anyOf": [{"type": "string", "minLength": 1}, object(shape)]}})
        }
        Takes::Later => json!(false),
    }
}
