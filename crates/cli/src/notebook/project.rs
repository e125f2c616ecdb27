//! What notebooks are made of: a project, its registry and its settings.

use std::path::PathBuf;
use std::sync::Arc;

use larder::{AuthConfig, FeatureStore, RegistrySnapshot, RetrievalInputs, Selection};
use larder_core::{
    DUMMY_ENTITY, DataSource, Entity, EntityKeyVersion, FeatureService, FeatureView, OnDemandFeatureView,
    Timestamp,
};

use super::cell::Cell;
use super::python;

/// A project and what its registry holds.
#[derive(Debug)]
pub(crate) struct NotebookProject {
    /// The folder of the feature repo, complete.
    pub(crate) repo: PathBuf,
    /// The file of its settings, complete.
    pub(crate) config: PathBuf,
    /// The program that notebooks call.
    pub(crate) program: PathBuf,
    /// The time as of which features are asked for; the time of the call, without it.
    pub(crate) as_of: Option<Timestamp>,
    pub(crate) name: String,
    pub(crate) description: String,
    /// Its settings as Feast's words have them: name and value.
    pub(crate) settings: Vec<[String; 2]>,
    /// How callers prove who they are, as Feast's client calls it; `None` where nobody is asked.
    pub(crate) auth: Option<&'static str>,
    pub(crate) entity_key_version: u8,
    pub(crate) entities: Vec<Arc<Entity>>,
    pub(crate) feature_views: Vec<Arc<FeatureView>>,
    pub(crate) on_demand_feature_views: Vec<Arc<OnDemandFeatureView>>,
    pub(crate) feature_services: Vec<Arc<FeatureService>>,
    pub(crate) data_sources: Vec<Arc<DataSource>>,
    /// What can be asked for: each service, and each feature view that none of them takes.
    pub(crate) retrievals: Vec<NotebookRetrieval>,
}

/// Something to ask for.
#[derive(Debug)]
pub(crate) struct NotebookRetrieval {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) kind: RetrievalKind,
    /// What it takes, or why it cannot be asked for.
    pub(crate) inputs: Result<RetrievalInputs, String>,
}

/// How one asks for it.
#[derive(Debug)]
pub(crate) enum RetrievalKind {
    Service,
    /// By these references.
    View(Vec<String>),
}

impl NotebookProject {
    /// What the registry of `store` holds.
    pub(crate) fn new(store: &FeatureStore, program: PathBuf, as_of: Option<Timestamp>) -> Self {
        let (catalog, config) = (store.catalog(), store.config());
        let snapshot = catalog.snapshot();
        let setting = |name: &str, value: &str| [name.to_owned(), value.to_owned()];
        Self {
            repo: config.repo_path.clone(),
            config: config.file.clone(),
            program,
            as_of,
            name: config.project.clone(),
            description: snapshot.project.description.clone(),
            settings: vec![
                setting("Registry", &config.registry.path.display().to_string()),
                setting("Online store", config.online_store.name()),
                setting("Offline store", "file"),
                setting("Auth", config.auth.name()),
            ],
            auth: (config.auth != AuthConfig::NoAuth).then(|| config.auth.name()),
            entity_key_version: match config.entity_key_serialization_version {
                EntityKeyVersion::V2 => 2,
                EntityKeyVersion::V3 => 3,
            },
            entities: objects(snapshot.entities())
                .into_iter()
                .filter(|entity: &Arc<Entity>| entity.name != DUMMY_ENTITY)
                .collect(),
            feature_views: objects(snapshot.feature_views()),
            on_demand_feature_views: objects(snapshot.on_demand_feature_views()),
            feature_services: objects(snapshot.feature_services()),
            data_sources: objects(snapshot.data_sources()),
            retrievals: retrievals(store, snapshot),
        }
    }

    /// Whether the registry holds nothing to show.
    pub(crate) fn is_empty(&self) -> bool {
        self.entities.is_empty() && self.feature_views.is_empty() && self.on_demand_feature_views.is_empty()
    }

    /// Whether the history of a feature view can be read.
    pub(crate) fn is_readable(&self, view: &str) -> bool {
        let read = self.retrievals.iter().filter_map(|retrieval| retrieval.inputs.as_ref().ok());
        read.flat_map(|inputs| &inputs.views).any(|read| read.name == view)
    }

    /// The cells with which every notebook begins: what may be set, and how larder is called.
    pub(crate) fn setup(&self) -> [Cell; 2] {
        let path = |path: &PathBuf| python::text(&path.to_string_lossy());
        let as_of = self.as_of.map_or_else(|| "None".to_owned(), |time| python::text(&time.to_string()));
        let parameters = format!(
            "import os\n\n\
             # The feature repo, its settings, and the program that wrote this notebook.\n\
             REPO = {}\n\
             CONFIG = {}\n\
             LARDER = os.environ.get(\"LARDER\", {})\n\
             # The time as of which features are asked for, such as \"2024-01-31T00:00:00Z\"; None is now.\n\
             AS_OF = {as_of}\n",
            path(&self.repo),
            path(&self.config),
            path(&self.program),
        );
        [Cell::parameters(parameters), Cell::code(include_str!("cells/larder.py"))]
    }
}

fn objects<T>(registered: &[larder::Registered<T>]) -> Vec<Arc<T>> {
    registered.iter().map(|registered| Arc::clone(&registered.object)).collect()
}

fn retrievals(store: &FeatureStore, snapshot: &RegistrySnapshot) -> Vec<NotebookRetrieval> {
    let inputs = |selection| store.retrieval_inputs(&selection).map_err(|error| error.to_string());
    let services = objects(snapshot.feature_services());
    let mut retrievals: Vec<NotebookRetrieval> = services
        .iter()
        .map(|service| NotebookRetrieval {
            name: service.name.clone(),
            description: service.description.clone(),
            kind: RetrievalKind::Service,
            inputs: inputs(Selection::Service(service.name.clone())),
        })
        .collect();
    let is_taken = |view: &str| services.iter().flat_map(|service| &service.features).any(|p| p.view == view);
    let views = objects(snapshot.feature_views());
    retrievals.extend(views.iter().filter(|view| !is_taken(&view.name)).map(|view| {
        let references: Vec<String> =
            view.features.iter().map(|feature| format!("{}:{}", view.name, feature.name)).collect();
        NotebookRetrieval {
            name: view.name.clone(),
            description: view.description.clone(),
            inputs: inputs(Selection::References(references.clone())),
            kind: RetrievalKind::View(references),
        }
    }));
    retrievals
}
