//! JSON Schemas for files of definitions and of tests, for editors. Made from the tables that the readers use.

use larder_core::ValueType;
use serde_json::{Map, Value, json};

use super::shapes::FILE;
use crate::shape::{Shape, Takes};
use crate::test_file::TESTS;

/// The JSON Schema (draft 2020-12) of a file of definitions. An editor that has it completes keys, shows
/// what they mean, and marks mistakes as they are made; `larder plan` finds more.
pub fn definitions_json_schema() -> Value {
    let mut schema = document(&FILE);
    // Keys for anchors.
    schema.insert("patternProperties".to_owned(), json!({"^x-": {}}));
    Value::Object(schema)
}

/// The JSON Schema of a document of a test file, likewise; `larder udf test` finds more.
pub fn test_file_json_schema() -> Value {
    Value::Object(document(&TESTS))
}

fn document(shape: &Shape) -> Map<String, Value> {
    let mut schema = Map::new();
    schema.insert("$schema".to_owned(), "https://json-schema.org/draft/2020-12/schema".into());
    schema.insert("title".to_owned(), shape.summary.into());
    if let Value::Object(file) = object(shape) {
        schema.extend(file);
    }
    schema
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
        Takes::ObjectsByName(shape) => json!({"type": "object", "additionalProperties": object(shape)}),
        Takes::BooleanOrObject(shape) => json!({"anyOf": [{"type": "boolean"}, object(shape)]}),
        Takes::LabelsOf(words) => {
            json!({"type": "object", "propertyNames": {"enum": words}, "additionalProperties": {"type": "string"}})
        }
        Takes::SomeOf(words) => {
            json!({"anyOf": [{"enum": words}, {"type": "array", "items": {"enum": words}}]})
        }
        Takes::WordOrNamesByName(word) => {
            json!({"anyOf": [{"const": word}, {"type": "object", "additionalProperties": value(&Takes::NameOrNames)}]})
        }
        Takes::List(None) => json!({"type": "array"}),
        Takes::List(Some(items)) => json!({"type": "array", "minItems": items, "maxItems": items}),
        Takes::Rows => {
            json!({"anyOf": [{"type": "string", "minLength": 1}, {"type": "array", "items": {"type": "object"}}]})
        }
        Takes::NumberOrObjectAlsoByName(shape) => {
            let number = json!({"type": "number", "minimum": 0});
            json!({"anyOf": [number, object(shape), {
                "type": "object",
                "propertyNames": {"not": {"enum": shape.names().collect::<Vec<_>>()}},
                "additionalProperties": {"anyOf": [number, object(shape)]},
            }]})
        }
        Takes::Later => json!(false),
    }
}
