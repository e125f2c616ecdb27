//! The objects of a project as datasets.

use std::collections::BTreeMap;
use std::time::Duration;

use larder_core::{
    DUMMY_ENTITY, DataSource, DataSourceKind, Entity, FeatureView, Field, OnDemandFeatureView, SourceColumns,
};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::LineageAuthor;
use super::facet::{column, feature_column};
use crate::location::without_credentials;

/// The facets of a dataset by their names.
pub(super) type Facets = Map<String, Value>;

/// What a view of any kind says of itself.
#[derive(Clone, Debug)]
pub(super) struct ViewFacts<'a> {
    name: &'a str,
    ttl: Duration,
    entities: &'a [String],
    features: &'a [Field],
    online: bool,
    offline: bool,
    mode: &'a str,
    description: &'a str,
    owner: &'a str,
    tags: &'a BTreeMap<String, String>,
}

impl<'a> From<&'a FeatureView> for ViewFacts<'a> {
    fn from(view: &'a FeatureView) -> Self {
        Self {
            name: &view.name,
            ttl: view.ttl,
            entities: &view.entities,
            features: &view.features,
            online: view.online,
            offline: view.offline,
            mode: &view.mode,
            description: &view.description,
            owner: &view.owner,
            tags: &view.tags,
        }
    }
}

impl<'a> From<&'a OnDemandFeatureView> for ViewFacts<'a> {
    fn from(view: &'a OnDemandFeatureView) -> Self {
        Self {
            name: &view.name,
            ttl: Duration::ZERO,
            entities: &view.entities,
            features: &view.features,
            online: true,
            offline: false,
            mode: &view.python.mode,
            description: &view.description,
            owner: &view.owner,
            tags: &view.tags,
        }
    }
}

impl LineageAuthor {
    /// A dataset that a job reads.
    pub(super) fn input(&self, name: &str, facets: Facets) -> Value {
        self.dataset(name, facets, "inputFacets")
    }

    /// A dataset that a job writes.
    pub(super) fn output(&self, name: &str, facets: Facets) -> Value {
        self.dataset(name, facets, "outputFacets")
    }

    fn dataset(&self, name: &str, facets: Facets, of_the_run: &str) -> Value {
        let mut dataset = Map::new();
        dataset.insert("facets".to_owned(), facets.into());
        dataset.insert("name".to_owned(), name.into());
        dataset.insert("namespace".to_owned(), self.namespace.as_str().into());
        dataset.insert(of_the_run.to_owned(), json!({}));
        Value::Object(dataset)
    }

    /// The facets of a data source, without the credentials in its location.
    pub(super) fn data_source(&self, source: &DataSource) -> Facets {
        let location = Location::of(source);
        let columns = columns(source);
        let mut feast = json!({
            "created_timestamp_field": columns.created_timestamp_column.unwrap_or_default(),
            "description": source.description,
            "field_mapping": columns.field_mapping,
            "name": source.name,
            "source_type": source.class(),
            "tags": source.tags,
            "timestamp_field": columns.timestamp_field,
        });
        if let Some(fields) = feast.as_object_mut() {
            for (key, part) in
                [("path", &location.path), ("table", &location.table), ("query", &location.query)]
            {
                fields.extend(part.as_ref().map(|part| (key.to_owned(), without_credentials(part).into())));
            }
        }
        let mut facets = Facets::new();
        facets.insert("dataSource".to_owned(), self.place(&source.name, &location.uri(&source.name)));
        facets.insert("feast_dataSource".to_owned(), self.feast_facet("FeastDataSourceFacet", feast));
        self.describe(&mut facets, &source.description);
        facets
    }

    /// The facets of an entity.
    pub(super) fn entity(&self, entity: &Entity) -> Facets {
        let value_type = entity.value_type.as_ref().map_or_else(
            || "ValueType.STRING".to_owned(),
            |value_type| format!("ValueType.{}", value_type.proto_name()),
        );
        let feast = json!({
            "description": entity.description,
            "join_keys": [entity.join_key],
            "name": entity.name,
            "owner": entity.owner,
            "tags": entity.tags,
            "value_type": value_type,
        });
        let mut facets = Facets::new();
        facets.insert("feast_entity".to_owned(), self.feast_facet("FeastEntityFacet", feast));
        facets.insert("schema".to_owned(), self.schema([column(&entity.join_key, &value_type, "")]));
        self.describe(&mut facets, &entity.description);
        facets
    }

    /// The facets of a view; `mode` is how it is computed, where that is told.
    pub(super) fn view(&self, view: &ViewFacts<'_>, with_mode: bool) -> Facets {
        let dummy = [DUMMY_ENTITY.to_owned()];
        let entities = if view.entities.is_empty() { &dummy } else { view.entities };
        let mut feast = json!({
            "description": view.description,
            "entities": entities,
            "features": view.features.iter().map(|field| field.name.as_str()).collect::<Vec<_>>(),
            "name": view.name,
            "offline_enabled": view.offline,
            "online_enabled": view.online,
            "owner": view.owner,
            "tags": view.tags,
            "ttl_seconds": view.ttl.as_secs(),
        });
        if let Some(fields) = feast.as_object_mut().filter(|_| with_mode) {
            fields.insert("mode".to_owned(), view.mode.into());
        }
        let mut facets = Facets::new();
        facets.insert("feast_featureView".to_owned(), self.feast_facet("FeastFeatureViewFacet", feast));
        if !view.features.is_empty() {
            facets.insert("schema".to_owned(), self.schema(view.features.iter().map(feature_column)));
        }
        self.describe(&mut facets, view.description);
        facets
    }

    /// Where the newest rows of a view are kept, as a dataset.
    pub(super) fn online_rows(&self, view: &str, store: &str) -> Value {
        let mut facets = Facets::new();
        facets.insert("dataSource".to_owned(), self.place(store, &format!("{store}://feast/{view}")));
        let documentation = format!("Materialized online features for '{view}' in {store}");
        self.describe(&mut facets, &documentation);
        let feast = json!({
            "description": format!("Online store sink for feature view '{view}' ({store})"),
            "feature_view": view,
            "store_type": store,
        });
        facets.insert("feast_onlineStore".to_owned(), self.feast_facet("FeastOnlineStoreFacet", feast));
        self.output(&format!("online_store_{view}"), facets)
    }

    pub(super) fn describe(&self, facets: &mut Facets, description: &str) {
        if !description.is_empty() {
            facets.insert("documentation".to_owned(), self.documentation(description));
        }
    }
}

/// Where the rows of a source lie.
#[derive(Debug, Default)]
struct Location {
    path: Option<String>,
    table: Option<String>,
    query: Option<String>,
}

impl Location {
    fn of(source: &DataSource) -> Self {
        let full = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        match &source.kind {
            DataSourceKind::File(file) => Self { path: full(&file.path), ..Self::default() },
            DataSourceKind::External(table) => Self {
                path: full(table.option("path")),
                table: full(table.option("table")),
                query: full(table.option("query")),
            },
            _ => Self::default(),
        }
    }

    fn uri(&self, name: &str) -> String {
        match (&self.path, &self.table, &self.query) {
            (Some(path), ..) => without_credentials(path),
            (_, Some(table), _) => format!("table://{table}"),
            (_, _, Some(query)) => {
                let digest = Sha256::digest(query.as_bytes());
                let digits: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
                format!("query://{digits}")
            }
            _ => format!("feast://{name}"),
        }
    }
}

fn columns(source: &DataSource) -> SourceColumns {
    match &source.kind {
        DataSourceKind::File(file) => SourceColumns {
            timestamp_field: file.timestamp_field.clone(),
            created_timestamp_column: file.created_timestamp_column.clone(),
            field_mapping: file.field_mapping.clone(),
            ..SourceColumns::default()
        },
        DataSourceKind::Stream(stream) => stream.columns.clone(),
        DataSourceKind::External(table) => table.columns.clone(),
        _ => SourceColumns::default(),
    }
}
