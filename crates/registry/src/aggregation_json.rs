//! Aggregations as JSON, with spans as definitions write them.

use larder_core::{Aggregation, format_span, parse_span};
use serde_json::{Map, Value};

/// The aggregations as a list of objects; what is not said is left out.
pub(crate) fn aggregations_to_json(aggregations: &[Aggregation]) -> Value {
    let object = |aggregation: &Aggregation| {
        let mut object = Map::new();
        let mut put = |key: &str, value: String| {
            if !value.is_empty() {
                object.insert(key.to_owned(), value.into());
            }
        };
        put("column", aggregation.column.clone());
        put("function", aggregation.function.clone());
        put("time_window", aggregation.time_window.map(format_span).unwrap_or_default());
        put("slide_interval", aggregation.slide_interval.map(format_span).unwrap_or_default());
        put("name", aggregation.name.clone());
        Value::Object(object)
    };
    aggregations.iter().map(object).collect()
}

/// The aggregations of such a list; what cannot be read says nothing.
pub(crate) fn aggregations_from_json(value: &Value) -> Vec<Aggregation> {
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let read = |item: &Value| {
        let text = |key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let span = |key: &str| item.get(key).and_then(Value::as_str).and_then(|text| parse_span(text).ok());
        Aggregation {
            column: text("column"),
            function: text("function"),
            time_window: span("time_window"),
            slide_interval: span("slide_interval"),
            name: text("name"),
        }
    };
    items.iter().map(read).collect()
}
