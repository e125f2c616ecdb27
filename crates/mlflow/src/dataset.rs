//! Datasets of records, which MLflow calls evaluation datasets.

use std::collections::HashSet;

use larder_core::Timestamp;
use serde_json::{Map, Value, json};

use crate::MlflowError;
use crate::server::{Ask, MlflowServer};

/// Which dataset: by its identifier, or by a name that no other has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatasetName<'a> {
    /// The identifier.
    Id(&'a str),
    /// The name.
    Name(&'a str),
}

/// A dataset of records.
#[derive(Clone, Debug)]
pub struct Dataset {
    id: String,
    tags: Map<String, Value>,
}

/// A record of a dataset.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// All that MLflow says of it, by MLflow's names: `inputs`, `expectations`, `outputs`, `tags`, `source`,
    /// `dataset_record_id` and others.
    pub fields: Map<String, Value>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub last_updated: Timestamp,
}

/// Records that are asked for at a time.
const RECORDS_AT_A_TIME: &str = "1000";
/// What is read at once has an end.
const MOST_RECORDS: usize = 10_000_000;

impl Dataset {
    /// Looks a dataset up. Blocks.
    ///
    /// # Errors
    ///
    /// [`MlflowError::NoDataset`] and [`MlflowError::SeveralDatasets`]; those of the server.
    pub fn find(server: &MlflowServer, name: DatasetName<'_>) -> Result<Self, MlflowError> {
        match name {
            DatasetName::Id(id) => {
                let path = Self::path(id);
                let answer = match server.json(&path, Ask::Get(&[])) {
                    Err(MlflowError::Refused { status: 404, .. }) => {
                        return Err(MlflowError::NoDataset { name: id.to_owned() });
                    }
                    other => other?,
                };
                let found = answer.get("dataset").and_then(Self::read);
                found.ok_or_else(|| server.invalid(&path, "it holds no dataset"))
            }
            DatasetName::Name(name) => {
                let path = "/api/3.0/mlflow/datasets/search";
                let body = json!({
                    "filter_string": format!("name = {}", quoted(name)),
                    "max_results": 2,
                    "order_by": ["created_time DESC"],
                });
                let answer = server.json(path, Ask::Post(&body))?;
                let found = answer.get("datasets").and_then(Value::as_array).map(Vec::as_slice);
                match found.unwrap_or_default() {
                    [] => Err(MlflowError::NoDataset { name: name.to_owned() }),
                    [one] => Self::read(one).ok_or_else(|| server.invalid(path, "it holds no dataset")),
                    _ => Err(MlflowError::SeveralDatasets { name: name.to_owned() }),
                }
            }
        }
    }

    /// A tag, where it is set.
    pub fn tag(&self, key: &str) -> Option<&str> {
        self.tags.get(key).and_then(Value::as_str)
    }

    /// All records, in MLflow's order. Blocks.
    ///
    /// # Errors
    ///
    /// Those of the server.
    pub fn records(&self, server: &MlflowServer) -> Result<Vec<Record>, MlflowError> {
        let path = format!("{}/records", Self::path(&self.id));
        let mut records = Vec::new();
        let mut token: Option<String> = None;
        let mut tokens = HashSet::new();
        loop {
            let mut query = vec![("max_results", RECORDS_AT_A_TIME)];
            query.extend(token.as_deref().map(|token| ("page_token", token)));
            let answer = server.json(&path, Ask::Get(&query))?;
            let text = answer.get("records").and_then(Value::as_str).unwrap_or("[]");
            let page: Vec<Value> = serde_json::from_str(text)
                .map_err(|_| server.invalid(&path, "its records are no list in JSON"))?;
            for record in page {
                let record = Record::read(record);
                records.push(record.ok_or_else(|| server.invalid(&path, "a record of it has no times"))?);
            }
            if records.len() > MOST_RECORDS {
                return Err(server.invalid(&path, "it has more records than can be read at once"));
            }
            let next = answer.get("next_page_token").and_then(Value::as_str).filter(|next| !next.is_empty());
            match next {
                None => return Ok(records),
                // A page that leads to itself would never end.
                Some(next) if !tokens.insert(next.to_owned()) => {
                    return Err(server.invalid(&path, "its pages lead round in a circle"));
                }
                Some(next) => token = Some(next.to_owned()),
            }
        }
    }

    /// Sets a tag. Blocks.
    ///
    /// # Errors
    ///
    /// Those of the server.
    pub fn set_tag(&self, server: &MlflowServer, key: &str, value: &str) -> Result<(), MlflowError> {
        let tags = json!({ key: value }).to_string();
        server.json(&format!("{}/tags", Self::path(&self.id)), Ask::Patch(&json!({ "tags": tags })))?;
        Ok(())
    }

    fn read(answer: &Value) -> Option<Self> {
        let id = answer.get("dataset_id")?.as_str()?.to_owned();
        let tags = answer.get("tags").and_then(Value::as_str).unwrap_or("{}");
        Some(Self { id, tags: serde_json::from_str(tags).unwrap_or_default() })
    }

    fn path(id: &str) -> String {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
        let letter =
            |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
        format!("/api/3.0/mlflow/datasets/{}", id.bytes().map(letter).collect::<String>())
    }
}

impl Record {
    fn read(record: Value) -> Option<Self> {
        let Value::Object(fields) = record else { return None };
        let time = |key: &str| Timestamp::from_micros(fields.get(key)?.as_i64()?.checked_mul(1000)?).into();
        let created: Option<Timestamp> = time("created_time");
        let last_updated: Option<Timestamp> = time("last_update_time");
        Some(Self { created: created?, last_updated: last_updated.or(created)?, fields })
    }
}

/// A text of MLflow's language of filters, as its own client writes it.
fn quoted(text: &str) -> String {
    if text.contains('"') { format!("'{}'", text.replace('\'', "''")) } else { format!("\"{text}\"") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_quoted_by_what_is_not_in_it() {
        assert_eq!(quoted("it's"), "\"it's\"");
        assert_eq!(quoted("a \"b\""), "'a \"b\"'");
        assert_eq!(quoted("it's \"b\""), "'it''s \"b\"'");
    }

    #[test]
    fn an_identifier_stays_one_part_of_a_path() {
        assert_eq!(Dataset::path("d-1/../x?"), "/api/3.0/mlflow/datasets/d-1%2F..%2Fx%3F");
    }
}
