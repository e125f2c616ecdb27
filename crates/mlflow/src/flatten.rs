//! Flat rows of nested records, as Feast makes them.
//!
//! | of a record | column |
//! |---|---|
//! | `dataset_record_id` | `dataset_record_id` |
//! | `inputs.x` | `input_x` |
//! | `expectations.x` | `x` |
//! | the trace of its `source` | `trace_id` |
//! | `tags.x` | `tag_x` |
//! | when it was last changed | `event_timestamp` |
//!
//! A mapping gives columns other names, by paths such as `expectations.expected_response`, and takes up what is in no
//! column, such as `outputs.answer`.

use std::collections::{BTreeMap, BTreeSet};

use larder_core::Timestamp;
use serde_json::{Map, Value};

use crate::Record;

/// The column of the time at which a record was last changed.
const EVENT_TIMESTAMP: &str = "event_timestamp";
/// What a record consists of: where paths of a mapping may begin.
const OF_RECORDS: [&str; 9] = [
    "inputs",
    "outputs",
    "expectations",
    "tags",
    "source_type",
    "source_id",
    "source",
    "created_time",
    "dataset_record_id",
];
/// The column of a record's identifier, and its name in a record.
const RECORD_ID: &str = "dataset_record_id";

/// Rows of a dataset. All columns have a value for every row; what a record does not say is null.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FlatRows {
    /// The columns, in their order.
    pub columns: Vec<(String, Vec<Value>)>,
    /// When each row was last changed.
    pub last_updated: Vec<Timestamp>,
}

/// Makes rows of records.
pub fn flatten(records: &[Record], field_mapping: &BTreeMap<String, String>) -> FlatRows {
    let mut rows = FlatRows {
        columns: Vec::new(),
        last_updated: records.iter().map(|record| record.last_updated).collect(),
    };
    let of_records = |value: &dyn Fn(&Record) -> Value| records.iter().map(value).collect::<Vec<Value>>();
    let field = |record: &Record, key: &str| record.fields.get(key).cloned().unwrap_or_default();
    rows.put(RECORD_ID, of_records(&|record| field(record, RECORD_ID)));
    rows.expand(records, "inputs", "input_");
    rows.expand(records, "expectations", "");
    rows.put("trace_id", of_records(&trace_id));
    rows.expand(records, "tags", "tag_");
    rows.put(EVENT_TIMESTAMP, of_records(&|record| Value::from(record.last_updated.to_string())));
    for (path, name) in field_mapping {
        let parts: Vec<&str> = path.split('.').collect();
        if let Some(values) = rows.take(&default_name(&parts)) {
            rows.put(name, values);
        } else if parts.len() > 1 && parts.first().is_some_and(|first| OF_RECORDS.contains(first)) {
            rows.put(name, of_records(&|record| walk(&record.fields, &parts)));
        }
    }
    rows
}

impl FlatRows {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.last_updated.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Those rows of which `keep` holds, by the time at which they were last changed.
    pub fn filtered(self, keep: impl Fn(Timestamp) -> bool) -> Self {
        let kept: Vec<bool> = self.last_updated.iter().map(|time| keep(*time)).collect();
        let of = |values: Vec<Value>| {
            values.into_iter().zip(&kept).filter(|(_, kept)| **kept).map(|(value, _)| value).collect()
        };
        Self {
            columns: self.columns.into_iter().map(|(name, values)| (name, of(values))).collect(),
            last_updated: self.last_updated.into_iter().filter(|time| keep(*time)).collect(),
        }
    }

    /// The values of a column.
    pub fn column(&self, name: &str) -> Option<&[Value]> {
        self.columns.iter().find(|(known, _)| known == name).map(|(_, values)| values.as_slice())
    }

    /// Sets a column: where one of the name is there, in its place.
    pub fn put(&mut self, name: &str, values: Vec<Value>) {
        match self.columns.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = values,
            None => self.columns.push((name.to_owned(), values)),
        }
    }

    /// One row, as an object.
    pub fn row(&self, row: usize) -> Map<String, Value> {
        let value = |values: &Vec<Value>| values.get(row).cloned().unwrap_or_default();
        self.columns.iter().map(|(name, values)| (name.clone(), value(values))).collect()
    }

    fn take(&mut self, name: &str) -> Option<Vec<Value>> {
        let position = self.columns.iter().position(|(known, _)| known == name)?;
        Some(self.columns.remove(position).1)
    }

    /// A column for every key that an object has in any record, in the order of the keys.
    fn expand(&mut self, records: &[Record], field: &str, prefix: &str) {
        let object = |record: &Record| record.fields.get(field).and_then(Value::as_object).cloned();
        let objects: Vec<Option<Map<String, Value>>> = records.iter().map(object).collect();
        let keys: BTreeSet<&String> = objects.iter().flatten().flat_map(Map::keys).collect();
        for key in keys {
            let value = |object: &Option<Map<String, Value>>| object.as_ref()?.get(key).cloned();
            let values = objects.iter().map(|object| value(object).unwrap_or_default()).collect();
            self.put(&format!("{prefix}{key}"), values);
        }
    }
}

/// The trace that a record was made of, where there is one.
fn trace_id(record: &Record) -> Value {
    let source = record.fields.get("source");
    let of = |key: &str| source?.get(key)?.get("trace_id").cloned();
    of("trace").or_else(|| of("source_data")).unwrap_or_default()
}

/// What lies at a path within a record.
fn walk(fields: &Map<String, Value>, parts: &[&str]) -> Value {
    let Some((first, rest)) = parts.split_first() else { return Value::Null };
    let start = fields.get(*first);
    rest.iter().try_fold(start, |value, part| Some(value?.get(part))).flatten().cloned().unwrap_or_default()
}

/// The column that holds a path where no mapping names it.
fn default_name(parts: &[&str]) -> String {
    match parts {
        [] => String::new(),
        [one] => (*one).to_owned(),
        ["inputs", rest @ ..] => format!("input_{}", rest.join("_")),
        ["tags", rest @ ..] => format!("tag_{}", rest.join("_")),
        ["expectations" | "source", rest @ ..] => rest.join("_"),
        _ => parts.join("_"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(fields: &Value, millis: i64) -> Record {
        let time = Timestamp::from_micros(millis * 1000);
        Record { fields: fields.as_object().unwrap().clone(), created: time, last_updated: time }
    }

    fn mapping(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(path, name)| ((*path).to_owned(), (*name).to_owned())).collect()
    }

    fn two() -> Vec<Record> {
        vec![
            record(
                &json!({"dataset_record_id": "a", "inputs": {"q": "x", "n": 1}, "expectations": {"score": 0.5},
                        "source": {"source_data": {"trace_id": "tr"}}, "tags": {"team": "t"}, "outputs": {"deep": {"x": 7}}}),
                1_704_067_200_000,
            ),
            record(&json!({"dataset_record_id": "b", "inputs": {"q": "y"}, "expectations": null}), 0),
        ]
    }

    #[test]
    fn every_key_that_any_record_has_is_a_column() {
        let rows = flatten(&two(), &BTreeMap::new());
        let names: Vec<&str> = rows.columns.iter().map(|(name, _)| name.as_str()).collect();
        let expected =
            ["dataset_record_id", "input_n", "input_q", "score", "trace_id", "tag_team", "event_timestamp"];
        assert_eq!(names, expected);
        assert_eq!(rows.column("input_n").unwrap(), [json!(1), Value::Null]);
        assert_eq!(rows.column("score").unwrap(), [json!(0.5), Value::Null]);
        assert_eq!(rows.column("trace_id").unwrap(), [json!("tr"), Value::Null]);
        assert_eq!(
            rows.column("event_timestamp").unwrap(),
            [json!("2024-01-01T00:00:00Z"), json!("1970-01-01T00:00:00Z")]
        );
    }

    #[test]
    fn a_mapping_renames_columns_and_takes_up_what_is_in_none() {
        let wanted = mapping(&[
            ("expectations.score", "label"),
            ("inputs.q", "question"),
            ("outputs.deep.x", "depth"),
            ("outputs.no.such", "nothing"),
            ("unknown", "ignored"),
            ("unknown.x", "ignored"),
            ("dataset_record_id", "id"),
        ]);
        let rows = flatten(&two(), &wanted);
        assert_eq!(rows.column("label").unwrap(), [json!(0.5), Value::Null]);
        assert_eq!(rows.column("question").unwrap(), [json!("x"), json!("y")]);
        assert_eq!(rows.column("depth").unwrap(), [json!(7), Value::Null]);
        assert_eq!(rows.column("nothing").unwrap(), [Value::Null, Value::Null]);
        assert_eq!(rows.column("id").unwrap(), [json!("a"), json!("b")]);
        for gone in ["score", "input_q", "ignored", "dataset_record_id"] {
            assert_eq!(rows.column(gone), None, "{gone}");
        }
    }

    #[test]
    fn rows_are_kept_by_the_time_of_their_last_change() {
        let rows = flatten(&two(), &BTreeMap::new()).filtered(|time| time > Timestamp::from_micros(0));
        assert_eq!((rows.len(), rows.column("input_q").unwrap()), (1, &[json!("x")][..]));
    }
}
