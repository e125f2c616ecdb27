//! What calls bring: entity rows, and the one row of a push or a write.

use std::collections::{BTreeMap, HashMap};

use larder_core::{InputColumn, InputTable, RequestError};
use larder_feast_value::{SelfTyped, decode_self_typed};
use serde_json::Value;

use super::messages::RepeatedValue;

/// The columns of entity rows, and of request data, by name.
///
/// # Errors
///
/// [`RequestError::Other`] for bytes that are no value, and for a column that both have.
pub(super) fn entity_columns(
    entities: HashMap<String, RepeatedValue>,
    request_context: HashMap<String, RepeatedValue>,
) -> Result<Vec<(String, InputColumn)>, RequestError> {
    if let Some(twice) = request_context.keys().find(|name| entities.contains_key(*name)) {
        let text = format!("{twice} is in entities and in request_context; send it once");
        return Err(RequestError::other(text));
    }
    // A map has no order of its own, and whoever asks twice shall get the same answer twice.
    let columns: BTreeMap<_, _> = entities.into_iter().chain(request_context).collect();
    columns
        .into_iter()
        .map(|(name, values)| {
            let column = column(&name, &values.val)?;
            Ok((name, column))
        })
        .collect()
}

/// The row of a push or a write: texts, or values that say their type.
///
/// # Errors
///
/// [`RequestError::Other`] if there are both, or bytes that are no value.
pub(super) fn one_row(
    texts: HashMap<String, String>,
    typed: HashMap<String, Vec<u8>>,
) -> Result<InputTable, RequestError> {
    if !texts.is_empty() && !typed.is_empty() {
        return Err(RequestError::other("Only one of features or typed_features may be set, not both"));
    }
    let texts: BTreeMap<_, _> = texts.into_iter().collect();
    let texts = texts.into_iter().map(|(name, text)| (name, InputColumn::Json(vec![Value::String(text)])));
    let typed: BTreeMap<_, _> = typed.into_iter().collect();
    let typed = typed.into_iter().map(|(name, value)| {
        let column = column(&name, &[value])?;
        Ok((name, column))
    });
    InputTable::from_columns(texts.map(Ok).chain(typed).collect::<Result<_, _>>()?)
}

fn column<V: AsRef<[u8]>>(name: &str, values: &[V]) -> Result<InputColumn, RequestError> {
    match decode_self_typed(values) {
        Ok(SelfTyped::Arrow(array)) => Ok(InputColumn::Arrow(array)),
        Ok(SelfTyped::Json(values)) => Ok(InputColumn::Json(values)),
        Err(fault) => Err(RequestError::other(format!("{name}: not a value of Feast's: {fault}"))),
    }
}
