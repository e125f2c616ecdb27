//! Definitions from the models of dbt: what `feast dbt import` makes of a `manifest.json`.
//!
//! A model becomes a data source `MODEL_source` and a feature view `MODEL`; each entity column an entity. Names, types,
//! descriptions and tags are Feast's ([`column_type()`]); a model that lacks a column is left out and told of.

mod column_type;
mod manifest;

use serde_json::{Map, Value, json};

pub use self::manifest::{DbtColumn, DbtManifest, DbtModel, ManifestError};
use crate::describe::{Letters, to_yaml};
use column_type::column_type;

/// Where the tables of models lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DbtSource {
    /// In `BigQuery`.
    #[default]
    BigQuery,
    /// In Snowflake.
    Snowflake,
    /// In Parquet files `data/MODEL.parquet`.
    File,
}

/// What to make of models.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DbtImport {
    /// The columns that are join keys, each once; every model must have all of them.
    pub entity_columns: Vec<String>,
    /// The column of event time.
    pub timestamp_field: String,
    /// Columns that become no features.
    pub exclude_columns: Vec<String>,
    /// How long values count, in days.
    pub ttl_days: u32,
    /// Where the tables lie.
    pub source: DbtSource,
}

/// What was made of models.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DbtDefinitions {
    /// The definitions; empty where no model could be taken.
    pub yaml: String,
    /// The feature views, each with the number of its features.
    pub feature_views: Vec<(String, usize)>,
    /// The models that were left out, each with the reason.
    pub left_out: Vec<(String, String)>,
}

impl DbtImport {
    /// Makes definitions of models.
    pub fn definitions(&self, models: &[&DbtModel]) -> DbtDefinitions {
        let mut made = DbtDefinitions { yaml: String::new(), feature_views: vec![], left_out: vec![] };
        let (mut entities, mut sources, mut views) = (Map::new(), Vec::new(), Vec::new());
        for model in models {
            if let Some(reason) = self.reason_to_leave_out(model) {
                made.left_out.push((model.name.clone(), reason));
                continue;
            }
            for column in self.entity_columns.iter().filter_map(|name| model.column(name)) {
                entities.entry(column.name.clone()).or_insert_with(|| entity(column));
            }
            let features: Vec<Value> = self.features(model).map(feature).collect();
            made.feature_views.push((model.name.clone(), features.len()));
            sources.push(self.data_source(model));
            views.push(self.feature_view(model, features));
        }
        if !views.is_empty() {
            let entities: Vec<Value> = entities.into_values().collect();
            let all = json!({ "entities": entities, "data_sources": sources, "feature_views": views });
            made.yaml = to_yaml(&all, Letters::Kept);
        }
        made
    }

    fn reason_to_leave_out(&self, model: &DbtModel) -> Option<String> {
        if model.column(&self.timestamp_field).is_none() {
            return Some(format!("it has no column `{}`, the timestamp field", self.timestamp_field));
        }
        let missing: Vec<_> = self
            .entity_columns
            .iter()
            .filter(|name| model.column(name).is_none())
            .map(|name| format!("`{name}`"))
            .collect();
        if !missing.is_empty() {
            return Some(format!("it has no entity column {}", missing.join(", ")));
        }
        (self.features(model).next().is_none()).then(|| "it has no column that could be a feature".to_owned())
    }

    fn features<'m>(&self, model: &'m DbtModel) -> impl Iterator<Item = &'m DbtColumn> {
        model.columns.iter().filter(|column| {
            column.name != self.timestamp_field
                && !self.entity_columns.contains(&column.name)
                && !self.exclude_columns.contains(&column.name)
        })
    }

    fn data_source(&self, model: &DbtModel) -> Value {
        let mut source = named(&format!("{}_source", model.name), &model.description);
        match self.source {
            DbtSource::BigQuery => {
                source.insert("type".to_owned(), "bigquery".into());
                source.insert("table".to_owned(), model.full_table_name().into());
            }
            DbtSource::Snowflake => {
                source.insert("type".to_owned(), "snowflake".into());
                for (key, value) in
                    [("database", &model.database), ("schema", &model.schema), ("table", &model.alias)]
                {
                    if !value.is_empty() {
                        source.insert(key.to_owned(), value.as_str().into());
                    }
                }
            }
            DbtSource::File => {
                source.insert("type".to_owned(), "file".into());
                source.insert("path".to_owned(), format!("data/{}.parquet", model.name).into());
            }
        }
        source.insert("timestamp_field".to_owned(), self.timestamp_field.as_str().into());
        source.insert("tags".to_owned(), tags(model, false).into());
        source.into()
    }

    fn feature_view(&self, model: &DbtModel, features: Vec<Value>) -> Value {
        let mut view = named(&model.name, &model.description);
        view.insert("entities".to_owned(), json!(self.entity_columns));
        view.insert("ttl".to_owned(), format!("{}d", self.ttl_days).into());
        view.insert("source".to_owned(), format!("{}_source", model.name).into());
        view.insert("schema".to_owned(), features.into());
        view.insert("tags".to_owned(), tags(model, true).into());
        view.into()
    }
}

fn named(name: &str, description: &str) -> Map<String, Value> {
    let mut object = Map::from_iter([("name".to_owned(), Value::from(name))]);
    if !description.is_empty() {
        object.insert("description".to_owned(), description.into());
    }
    object
}

fn entity(column: &DbtColumn) -> Value {
    let mut entity = named(&column.name, "Entity key for dbt models");
    // Of what cannot be a key Feast makes text, too.
    let value_type = column_type(&column.data_type);
    let is_key =
        ["STRING", "INT32", "INT64", "BYTES", "UNIX_TIMESTAMP"].contains(&value_type.proto_name().as_str());
    let name = if is_key { value_type.proto_name() } else { "STRING".to_owned() };
    entity.insert("value_type".to_owned(), name.into());
    entity.into()
}

fn feature(column: &DbtColumn) -> Value {
    let mut field = named(&column.name, &column.description);
    field.insert("dtype".to_owned(), column_type(&column.data_type).to_string().into());
    field.into()
}

fn tags(model: &DbtModel, with_id: bool) -> Map<String, Value> {
    let mut tags = Map::from_iter([("dbt.model".to_owned(), Value::from(model.name.as_str()))]);
    if with_id {
        tags.insert("dbt.unique_id".to_owned(), model.unique_id.as_str().into());
    }
    tags.extend(model.tags.iter().map(|tag| (format!("dbt.tag.{tag}"), "true".into())));
    tags
}
