//! What definitions say of each other.

use larder_core::{
    DataSourceKind, FeatureService, FeatureView, Field, OnDemandFeatureView, Result, SavedDataset,
    SavedDatasetStorage,
};
use larder_registry::{ObjectKind, RegistrySnapshot};
use serde_json::{Value, json};

use super::LineageAuthor;
use super::dataset::{Facets, ViewFacts};
use super::facet::{column, feature_column};

impl LineageAuthor {
    /// The events of an apply: one for all views, and one for each feature service.
    ///
    /// # Errors
    ///
    /// If there is no id to be had for a run.
    pub fn definitions(&self, registry: &RegistrySnapshot) -> Result<Vec<Value>> {
        let mut events = Vec::new();
        let views: Vec<&FeatureView> = registry.feature_views().iter().map(|view| &*view.object).collect();
        let computed: Vec<&OnDemandFeatureView> =
            registry.on_demand_feature_views().iter().map(|view| &*view.object).collect();
        if !views.is_empty() || !computed.is_empty() {
            let mut inputs = Inputs::new(self);
            for source in registry.data_sources() {
                inputs.source(registry, &source.object.name);
            }
            for entity in registry.entities() {
                inputs.entity(registry, &entity.object.name);
            }
            events.push(self.views(inputs, &views, &computed)?);
        }
        for service in registry.feature_services() {
            events.push(self.feature_service(registry, &service.object)?);
        }
        Ok(events)
    }

    /// The events of one object that was registered alone: of a view, a feature service or a saved dataset. Other
    /// objects are told of with the views that use them.
    ///
    /// # Errors
    ///
    /// As [`definitions`](Self::definitions).
    pub fn object(&self, registry: &RegistrySnapshot, kind: ObjectKind, name: &str) -> Result<Option<Value>> {
        let event = match kind {
            ObjectKind::FeatureView | ObjectKind::StreamFeatureView | ObjectKind::LabelView => {
                let Ok(view) = registry.feature_view(name) else { return Ok(None) };
                let mut inputs = Inputs::new(self);
                let sources = view.object.batch_source.iter().chain(&view.object.stream_source);
                sources.for_each(|source| inputs.source(registry, source));
                self.views(inputs, &[&view.object], &[])?
            }
            ObjectKind::OnDemandFeatureView => {
                let Ok(view) = registry.on_demand_feature_view(name) else { return Ok(None) };
                self.views(Inputs::new(self), &[], &[&view.object])?
            }
            ObjectKind::FeatureService => {
                let Ok(service) = registry.feature_service(name) else { return Ok(None) };
                self.feature_service(registry, &service.object)?
            }
            ObjectKind::SavedDataset => {
                let Ok(dataset) = registry.saved_dataset(name) else { return Ok(None) };
                self.saved_dataset(registry, &dataset.object)?
            }
            _ => return Ok(None),
        };
        Ok(Some(event))
    }

    fn views(
        &self,
        inputs: Inputs<'_>,
        views: &[&FeatureView],
        computed: &[&OnDemandFeatureView],
    ) -> Result<Value> {
        let views = views.iter().map(|view| (view.name.as_str(), ViewFacts::from(*view)));
        let computed = computed.iter().map(|view| (view.name.as_str(), ViewFacts::from(*view)));
        let outputs = views.chain(computed).map(|(name, view)| self.output(name, self.view(&view, false)));
        self.definition(format!("feast_feature_views_{}", self.project), inputs.told, outputs.collect())
    }

    fn feature_service(&self, registry: &RegistrySnapshot, service: &FeatureService) -> Result<Value> {
        let mut inputs = Vec::new();
        let mut features: Vec<&Field> = Vec::new();
        for projection in &service.features {
            let known = fields(registry, &projection.view);
            let chosen: Vec<&Field> = if projection.features.is_empty() {
                known.iter().collect()
            } else {
                let named = projection.features.iter();
                named.filter_map(|name| known.iter().find(|field| field.name == *name)).collect()
            };
            let mut facets = Facets::new();
            if !chosen.is_empty() {
                let columns = chosen.iter().map(|field| feature_column(field));
                facets.insert("schema".to_owned(), self.schema(columns));
            }
            inputs.push(self.input(&projection.view, facets));
            features.extend(chosen);
        }
        let views: Vec<&str> = service.features.iter().map(|projection| projection.view.as_str()).collect();
        let mut facets = Facets::new();
        if !features.is_empty() {
            let columns = features.iter().map(|field| feature_column(field));
            facets.insert("schema".to_owned(), self.schema(columns));
        }
        if !views.is_empty() {
            let text = format!(
                "Feature Service '{}' aggregates features from: {}. Total features: {}.",
                service.name,
                views.join(", "),
                features.len()
            );
            self.describe(&mut facets, &text);
        }
        let feast = json!({
            "description": service.description,
            "feature_count": features.len(),
            "feature_views": views,
            "logging_enabled": service.logging_config.is_some(),
            "name": service.name,
            "owner": service.owner,
            "tags": service.tags,
        });
        facets.insert("feast_featureService".to_owned(), self.feast_facet("FeastFeatureServiceFacet", feast));
        let output = self.output(&service.name, facets);
        self.definition(format!("feature_service_{}", service.name), inputs, vec![output])
    }

    fn saved_dataset(&self, registry: &RegistrySnapshot, dataset: &SavedDataset) -> Result<Value> {
        let mut names: Vec<&str> = Vec::new();
        if !dataset.feature_service.is_empty() {
            names.push(&dataset.feature_service);
        }
        let mut views: Vec<&str> = Vec::new();
        for reference in &dataset.features {
            // `view:feature`, or `view@v2:feature`.
            let Some((view, _)) = reference.split_once(':') else { continue };
            let view = view.split('@').next().unwrap_or(view);
            if !view.is_empty() && !views.contains(&view) {
                views.push(view);
            }
        }
        names.extend(views);
        let sources = registry.data_sources().iter();
        names.extend(
            sources
                .map(|source| &source.object)
                .filter(|source| lies_at(&source.kind, &dataset.storage))
                .map(|source| source.name.as_str()),
        );
        let inputs = names.iter().map(|name| self.input(name, Facets::new())).collect();
        let feast = json!({
            "description": dataset.description,
            "feature_service_name": dataset.feature_service,
            "features": dataset.features,
            "full_feature_names": dataset.full_feature_names,
            "join_keys": dataset.join_keys,
            "name": dataset.name,
            "tags": dataset.tags,
        });
        let mut facets = Facets::new();
        facets.insert("feast_savedDataset".to_owned(), self.feast_facet("FeastSavedDatasetFacet", feast));
        if !dataset.features.is_empty() {
            let columns = dataset.features.iter().map(|name| column(name, "UNKNOWN", ""));
            facets.insert("schema".to_owned(), self.schema(columns));
        }
        let output = self.output(&dataset.name, facets);
        self.definition(format!("saved_dataset_{}", dataset.name), inputs, vec![output])
    }
}

/// What a job reads, each dataset once.
#[derive(Debug)]
pub(super) struct Inputs<'a> {
    author: &'a LineageAuthor,
    pub(super) told: Vec<Value>,
    names: Vec<String>,
}

impl<'a> Inputs<'a> {
    pub(super) fn new(author: &'a LineageAuthor) -> Self {
        Self { author, told: Vec::new(), names: Vec::new() }
    }

    /// Adds a dataset, unless one of its name is there.
    pub(super) fn add(&mut self, name: &str, facets: impl FnOnce(&LineageAuthor) -> Facets) {
        if !self.names.iter().any(|known| known == name) {
            self.names.push(name.to_owned());
            self.told.push(self.author.input(name, facets(self.author)));
        }
    }

    /// Adds a data source that the registry knows.
    pub(super) fn source(&mut self, registry: &RegistrySnapshot, name: &str) {
        if let Ok(source) = registry.data_source(name) {
            self.add(name, |author| author.data_source(&source.object));
        }
    }

    /// Adds an entity that the registry knows.
    pub(super) fn entity(&mut self, registry: &RegistrySnapshot, name: &str) {
        if let Ok(entity) = registry.entity(name) {
            self.add(name, |author| author.entity(&entity.object));
        }
    }
}

/// The features of a view of any kind; none of one that is not there.
fn fields<'a>(registry: &'a RegistrySnapshot, view: &str) -> &'a [Field] {
    if let Ok(view) = registry.feature_view(view) {
        return &view.object.features;
    }
    registry.on_demand_feature_view(view).map_or(&[], |view| &view.object.features)
}

/// Whether a source is what a dataset is kept in.
fn lies_at(source: &DataSourceKind, storage: &SavedDatasetStorage) -> bool {
    match (source, storage) {
        (DataSourceKind::File(file), SavedDatasetStorage::File { path, .. }) => file.path == *path,
        (DataSourceKind::External(table), SavedDatasetStorage::External { system, options }) => {
            let same = |option: &str| {
                let place = table.option(option);
                !place.is_empty() && options.get(option).is_some_and(|kept| kept == place)
            };
            table.system == *system && (same("table") || same("path"))
        }
        _ => false,
    }
}
