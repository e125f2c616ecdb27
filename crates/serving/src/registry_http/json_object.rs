//! Fields of JSON objects.

use serde_json::Value;

/// Sets a field of an object; what is no object stays as it is.
pub(super) fn set(object: &mut Value, field: &str, value: impl Into<Value>) {
    if let Value::Object(fields) = object {
        fields.insert(field.to_owned(), value.into());
    }
}
