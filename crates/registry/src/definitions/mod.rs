//! What a feature repo defines.

mod feature_repo;
mod ignore;
mod json_schema;
mod parsed;
mod read;
mod shapes;
mod write;

pub use self::feature_repo::FeatureRepo;
pub(crate) use self::feature_repo::yaml_files;
pub use self::json_schema::{definitions_json_schema, test_file_json_schema};
pub(crate) use self::parsed::{
    ParsedDataSource, ParsedDefinitions, ParsedFeatureService, ParsedFeatureView, ParsedFunction, ParsedJob,
    ParsedOnDemandFeatureView, ParsedProjection, ParsedSourceKind,
};
pub(crate) use self::read::{not_a_key_type, read_limits};
pub(crate) use self::shapes::LIMITS;
pub use self::write::DefinitionFiles;

use std::collections::BTreeMap;
use std::sync::Arc;

use larder_core::{
    ComponentDigest, DataSource, Entity, FeatureService, FeatureView, Job, OnDemandFeatureView, Permission,
    Project, SavedDataset, Timestamp, ValidationReference,
};

use crate::problem::Problem;
use crate::{Registered, RegistrySnapshot, SnapshotObjects};

/// All objects that a feature repo defines, complete and checked: every reference resolves, every type
/// is known, every transformation fits its view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definitions {
    /// The project.
    pub project: Project,
    /// Entities, without the hidden one.
    pub entities: Vec<Entity>,
    /// Data sources.
    pub data_sources: Vec<DataSource>,
    /// Views whose values are stored, of every kind: feature, batch, stream and label views.
    pub feature_views: Vec<FeatureView>,
    /// On-demand feature views.
    pub on_demand_feature_views: Vec<OnDemandFeatureView>,
    /// Feature services.
    pub feature_services: Vec<FeatureService>,
    /// Saved datasets. Those of the registry that are not defined stay: they were made by running.
    pub saved_datasets: Vec<SavedDataset>,
    /// Validation references. Those of the registry that are not defined stay.
    pub validation_references: Vec<ValidationReference>,
    /// Permissions.
    pub permissions: Vec<Permission>,
    /// Jobs, by name.
    pub jobs: Vec<Job>,
    /// The bytes of every component that an on-demand view or a job names.
    pub components: BTreeMap<ComponentDigest, Arc<[u8]>>,
    /// Remarks that stop nothing, such as a source without a file yet.
    pub warnings: Vec<Problem>,
}

impl Definitions {
    /// A project without objects.
    pub fn new(project: Project) -> Self {
        Self {
            project,
            entities: Vec::new(),
            data_sources: Vec::new(),
            feature_views: Vec::new(),
            on_demand_feature_views: Vec::new(),
            feature_services: Vec::new(),
            saved_datasets: Vec::new(),
            validation_references: Vec::new(),
            permissions: Vec::new(),
            jobs: Vec::new(),
            components: BTreeMap::new(),
            warnings: Vec::new(),
        }
    }

    /// The definitions as a snapshot of a registry that was first applied at `created`.
    pub fn snapshot(&self, created: Timestamp) -> RegistrySnapshot {
        fn register<T: Clone>(objects: &[T], created: Timestamp) -> Vec<Registered<T>> {
            objects.iter().map(|object| Registered::new(object.clone(), created, created)).collect()
        }
        let objects = SnapshotObjects {
            entities: register(&self.entities, created),
            data_sources: register(&self.data_sources, created),
            feature_views: register(&self.feature_views, created),
            on_demand_feature_views: register(&self.on_demand_feature_views, created),
            feature_services: register(&self.feature_services, created),
            saved_datasets: register(&self.saved_datasets, created),
            validation_references: register(&self.validation_references, created),
            permissions: register(&self.permissions, created),
            versions: BTreeMap::new(),
        };
        RegistrySnapshot::new(String::new(), self.project.clone(), created, objects)
    }
}
