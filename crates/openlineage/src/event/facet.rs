//! Facets: what is said of a job, a run or a dataset, each by a name and with the URL of its description.

use std::collections::BTreeMap;

use larder_core::Field;
use serde_json::{Map, Value, json};

use super::LineageAuthor;

impl LineageAuthor {
    /// A facet of Feast's own, by its class.
    pub(super) fn feast_facet(&self, class: &str, fields: Value) -> Value {
        self.facet(format!("https://feast.dev/spec/facets/1-0-0/{class}.json"), fields)
    }

    /// A facet of the standard, by its class and version.
    fn standard_facet(&self, class: &str, version: &str, fields: Value) -> Value {
        let url = format!("https://openlineage.io/spec/facets/{version}/{class}.json#/$defs/{class}");
        self.facet(url, fields)
    }

    fn facet(&self, schema_url: String, fields: Value) -> Value {
        let mut facet = Map::new();
        facet.insert("_producer".to_owned(), self.producer.as_str().into());
        facet.insert("_schemaURL".to_owned(), schema_url.into());
        if let Value::Object(fields) = fields {
            facet.extend(fields);
        }
        Value::Object(facet)
    }

    pub(super) fn job_kind(&self, kind: &str) -> Value {
        self.feast_facet("FeastJobKindFacet", json!({ "feast_project": self.project, "kind": kind }))
    }

    pub(super) fn project_facet(&self) -> Value {
        let project = json!({
            "offline_store_type": "", "online_store_type": "", "project_name": self.project, "provider": "local",
            "registry_type": "file",
        });
        self.feast_facet("FeastProjectFacet", project)
    }

    /// Which program sends the event.
    pub(super) fn client_tags(&self) -> Value {
        let tag = json!({ "key": "larder_version", "source": "LARDER", "value": env!("CARGO_PKG_VERSION") });
        self.standard_facet("TagsRunFacet", "1-0-0", json!({ "tags": [tag] }))
    }

    /// Where a dataset is kept.
    pub(super) fn place(&self, name: &str, uri: &str) -> Value {
        self.standard_facet("DatasourceDatasetFacet", "1-0-1", json!({ "name": name, "uri": uri }))
    }

    pub(super) fn documentation(&self, description: &str) -> Value {
        self.standard_facet("DocumentationDatasetFacet", "1-1-0", json!({ "description": description }))
    }

    /// The columns of a dataset, as [`column()`] makes them.
    pub(super) fn schema(&self, columns: impl IntoIterator<Item = Value>) -> Value {
        let mut fields = Map::new();
        fields.insert("fields".to_owned(), columns.into_iter().collect());
        self.standard_facet("SchemaDatasetFacet", "1-2-0", Value::Object(fields))
    }

    pub(super) fn error_message(&self, message: &str) -> Value {
        let fields = json!({ "message": message, "programmingLanguage": "rust" });
        self.standard_facet("ErrorMessageRunFacet", "1-0-1", fields)
    }
}

/// A column of this name and type.
pub(super) fn column(name: &str, value_type: &str, description: &str) -> Value {
    let mut column = json!({ "fields": [], "name": name, "type": value_type });
    if let Some(column) = column.as_object_mut().filter(|_| !description.is_empty()) {
        column.insert("description".to_owned(), description.into());
    }
    column
}

/// A feature as a column, whose description also holds its tags.
pub(super) fn feature_column(field: &Field) -> Value {
    let mut parts = Vec::new();
    if !field.description.is_empty() {
        parts.push(field.description.clone());
    }
    if !field.tags.is_empty() {
        parts.push(format!("[Tags: {}]", pairs(&field.tags)));
    }
    column(&field.name, &field.value_type.to_string(), &parts.join(" "))
}

fn pairs(tags: &BTreeMap<String, String>) -> String {
    tags.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(", ")
}
