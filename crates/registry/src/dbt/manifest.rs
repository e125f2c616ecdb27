//! dbt's `manifest.json`, as far as models go.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The models of a dbt project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DbtManifest {
    /// The version of dbt that wrote it, where it says so.
    pub dbt_version: Option<String>,
    /// The name of the project, where it says so.
    pub project_name: Option<String>,
    /// The models, by their ids.
    pub models: Vec<DbtModel>,
}

/// A model: a table that dbt makes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DbtModel {
    /// The name.
    pub name: String,
    /// The id in the manifest: `model.PROJECT.NAME`.
    pub unique_id: String,
    /// The database of the table; may be empty.
    pub database: String,
    /// The schema of the table; may be empty.
    pub schema: String,
    /// The name of the table.
    pub alias: String,
    /// What it is, for people.
    pub description: String,
    /// The columns that dbt's project describes, in the order of the manifest.
    pub columns: Vec<DbtColumn>,
    /// Free labels.
    pub tags: Vec<String>,
}

/// A column of a model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DbtColumn {
    /// The name.
    pub name: String,
    /// What it is, for people.
    pub description: String,
    /// The type in the warehouse; empty where it is not said.
    pub data_type: String,
}

/// A file that is no manifest.
#[derive(Debug, thiserror::Error)]
#[error("it is no manifest of dbt; run `dbt compile` or `dbt run`, which write `target/manifest.json`")]
pub struct ManifestError(#[source] serde_json::Error);

impl DbtManifest {
    /// Reads a manifest of any version.
    ///
    /// # Errors
    ///
    /// [`ManifestError`].
    pub fn parse(text: &[u8]) -> Result<Self, ManifestError> {
        let file: File = serde_json::from_slice(text).map_err(ManifestError)?;
        let is_model = |id: &str, node: &Node| {
            id.starts_with("model.") && node.resource_type.as_ref().is_none_or(|kind| kind == "model")
        };
        let models = file.nodes.into_iter().filter(|(id, node)| is_model(id, node));
        Ok(Self {
            dbt_version: file.metadata.dbt_version,
            project_name: file.metadata.project_name.or(file.metadata.project_id),
            models: models.map(|(unique_id, node)| node.into_model(unique_id)).collect(),
        })
    }

    /// The models of these names, or all if there are none, that have this tag.
    pub fn models(&self, names: &[String], tag: Option<&str>) -> Vec<&DbtModel> {
        let wanted = |model: &&DbtModel| {
            (names.is_empty() || names.contains(&model.name))
                && tag.is_none_or(|tag| model.tags.iter().any(|known| known == tag))
        };
        self.models.iter().filter(wanted).collect()
    }
}

impl DbtModel {
    /// The table, with its database and schema as far as they are known.
    pub fn full_table_name(&self) -> String {
        let parts = [&self.database, &self.schema, &self.alias];
        let parts: Vec<&str> =
            parts.into_iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
        parts.join(".")
    }

    /// The column of a name.
    pub fn column(&self, name: &str) -> Option<&DbtColumn> {
        self.columns.iter().find(|column| column.name == name)
    }
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    metadata: Metadata,
    nodes: BTreeMap<String, Node>,
}

#[derive(Default, Deserialize)]
struct Metadata {
    dbt_version: Option<String>,
    project_name: Option<String>,
    project_id: Option<String>,
}

#[derive(Deserialize)]
struct Node {
    name: Option<String>,
    resource_type: Option<String>,
    database: Option<String>,
    schema: Option<String>,
    alias: Option<String>,
    description: Option<String>,
    columns: Option<serde_json::Map<String, serde_json::Value>>,
    tags: Option<Vec<String>>,
}

impl Node {
    fn into_model(self, unique_id: String) -> DbtModel {
        let name = self.name.unwrap_or_else(|| unique_id.rsplit('.').next().unwrap_or_default().to_owned());
        let columns = self.columns.unwrap_or_default().into_iter().map(|(name, column)| {
            let text =
                |key: &str| column.get(key).and_then(|text| text.as_str()).unwrap_or_default().to_owned();
            DbtColumn { description: text("description"), data_type: text("data_type"), name }
        });
        DbtModel {
            alias: self.alias.filter(|alias| !alias.is_empty()).unwrap_or_else(|| name.clone()),
            database: self.database.unwrap_or_default(),
            schema: self.schema.unwrap_or_default(),
            description: self.description.unwrap_or_default(),
            columns: columns.collect(),
            tags: self.tags.unwrap_or_default(),
            unique_id,
            name,
        }
    }
}
