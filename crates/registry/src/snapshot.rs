//! What the registry held at one moment.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use larder_core::{
    DataSource, Entity, FeatureService, FeatureView, FeatureViewState, InvalidVersion,
    MaterializationInterval, OnDemandFeatureView, Permission, Project, RequestError, SavedDataset,
    SavedDatasetStorage, Timestamp, ValidationReference, ViewVersion,
};

use crate::ObjectKind;

/// All objects of one project, as the registry held them at one moment. Never changes.
///
/// A request works on one snapshot from start to end, so it never sees half of an `apply`.
#[derive(Clone, Debug)]
pub struct RegistrySnapshot {
    /// Changes with every write of the registry; equal ids mean equal content.
    pub version_id: String,
    /// The project.
    pub project: Project,
    /// When the project was first applied.
    pub created: Timestamp,
    entities: Kind<Entity>,
    data_sources: Kind<DataSource>,
    feature_views: Kind<FeatureView>,
    on_demand_feature_views: Kind<OnDemandFeatureView>,
    feature_services: Kind<FeatureService>,
    saved_datasets: Kind<SavedDataset>,
    validation_references: Kind<ValidationReference>,
    permissions: Kind<Permission>,
    versions: BTreeMap<String, Vec<FeatureViewVersion>>,
    online_versioning: bool,
    unsupported: Vec<UnsupportedObject>,
}

/// A version of a view that the registry remembers.
#[derive(Clone, Debug)]
pub struct FeatureViewVersion {
    /// Its number, counted from 0.
    pub number: u32,
    /// Feast's word for the kind of view: `feature_view`, `on_demand_feature_view`, ….
    pub view_type: String,
    /// When it was made.
    pub created: Timestamp,
    /// Its own id.
    pub version_id: String,
    /// The spans of event time moved into this version's place in the online store while another version
    /// was in use.
    pub materialization_intervals: Vec<MaterializationInterval>,
    /// The view as it was; why it cannot be used, where it cannot.
    pub view: Result<VersionedView, String>,
}

/// A view as it was in one version.
#[derive(Clone, Debug)]
pub enum VersionedView {
    /// A view whose values are stored.
    Stored(Arc<FeatureView>),
    /// An on-demand view.
    OnDemand(Arc<OnDemandFeatureView>),
}

/// An object of the registry, or a feature of one, that larder cannot use. The rest works without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsupportedObject {
    /// What the object is.
    pub kind: ObjectKind,
    /// The object's name; `view:feature` for a single feature.
    pub name: String,
    /// Why it cannot be used.
    pub reason: String,
}

impl fmt::Display for UnsupportedObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`: {}", self.kind.noun(), self.name, self.reason)
    }
}

/// An object of the registry with what the registry knows about it.
#[derive(Clone, Debug)]
pub struct Registered<T> {
    /// The object.
    pub object: Arc<T>,
    /// When it was first applied.
    pub created: Timestamp,
    /// When its definition, or the record of its materialization, last changed.
    pub last_updated: Timestamp,
    /// The spans of event time moved into the online store, in the order they were recorded. Only
    /// feature views have any.
    pub materialization_intervals: Vec<MaterializationInterval>,
    /// How far its values have come. Only views have any.
    pub state: FeatureViewState,
    /// The number of the version in use, of a view that has versions.
    pub version_number: u32,
}

impl<T> Registered<T> {
    /// An object that is neither materialized nor changed since it was first made.
    pub fn new(object: T, created: Timestamp, last_updated: Timestamp) -> Self {
        Self {
            object: Arc::new(object),
            created,
            last_updated,
            materialization_intervals: Vec::new(),
            state: FeatureViewState::Unspecified,
            version_number: 0,
        }
    }
}

/// The objects of a snapshot, kind by kind, each in the order in which they are to be listed.
#[derive(Clone, Debug, Default)]
pub struct SnapshotObjects {
    /// Entities.
    pub entities: Vec<Registered<Entity>>,
    /// Data sources.
    pub data_sources: Vec<Registered<DataSource>>,
    /// Views whose values are stored, of every kind: feature, batch, stream and label views.
    pub feature_views: Vec<Registered<FeatureView>>,
    /// On-demand feature views.
    pub on_demand_feature_views: Vec<Registered<OnDemandFeatureView>>,
    /// Feature services.
    pub feature_services: Vec<Registered<FeatureService>>,
    /// Saved datasets.
    pub saved_datasets: Vec<Registered<SavedDataset>>,
    /// Validation references.
    pub validation_references: Vec<Registered<ValidationReference>>,
    /// Permissions.
    pub permissions: Vec<Registered<Permission>>,
    /// The versions of views that are remembered, by the view's name, by number.
    pub versions: BTreeMap<String, Vec<FeatureViewVersion>>,
}

/// Objects of one kind, in order and by name.
#[derive(Clone, Debug)]
struct Kind<T> {
    ordered: Vec<Registered<T>>,
    by_name: HashMap<String, usize>,
}

impl<T> Kind<T> {
    fn new(ordered: Vec<Registered<T>>, name: impl Fn(&T) -> &str) -> Self {
        let by_name =
            ordered.iter().enumerate().map(|(at, item)| (name(&item.object).to_owned(), at)).collect();
        Self { ordered, by_name }
    }

    fn get(&self, name: &str) -> Option<&Registered<T>> {
        self.by_name.get(name).and_then(|at| self.ordered.get(*at))
    }
}

impl RegistrySnapshot {
    /// Puts a snapshot together. Names are unique within each kind.
    pub fn new(version_id: String, project: Project, created: Timestamp, objects: SnapshotObjects) -> Self {
        Self {
            version_id,
            project,
            created,
            entities: Kind::new(objects.entities, |entity| &entity.name),
            data_sources: Kind::new(objects.data_sources, |source| &source.name),
            feature_views: Kind::new(objects.feature_views, |view| &view.name),
            on_demand_feature_views: Kind::new(objects.on_demand_feature_views, |view| &view.name),
            feature_services: Kind::new(objects.feature_services, |service| &service.name),
            saved_datasets: Kind::new(objects.saved_datasets, |dataset| &dataset.name),
            validation_references: Kind::new(objects.validation_references, |reference| &reference.name),
            permissions: Kind::new(objects.permissions, |permission| &permission.name),
            versions: objects.versions,
            online_versioning: false,
            unsupported: Vec::new(),
        }
    }

    /// The same snapshot, with the objects that were left out of it.
    pub fn with_unsupported(self, unsupported: Vec<UnsupportedObject>) -> Self {
        Self { unsupported, ..self }
    }

    /// The same snapshot, where every version of a view has online rows of its own, and references may name
    /// a version.
    pub fn with_online_versioning(self, enabled: bool) -> Self {
        Self { online_versioning: enabled, ..self }
    }

    /// Whether every version of a view has online rows of its own.
    pub fn has_online_versioning(&self) -> bool {
        self.online_versioning
    }

    /// The name under which the online store keeps the rows of a view's version: with online versioning
    /// `view_v2` for version 2, else and for version 0 the view's own. Without a version it is the one in
    /// use.
    pub fn online_name(&self, view: &str, version: Option<u32>) -> String {
        match version.or_else(|| self.version_in_use(view)) {
            Some(number) if number > 0 && self.online_versioning => format!("{view}_v{number}"),
            _ => view.to_owned(),
        }
    }

    /// The number of the version of a view that is in use; `None` if there is no such view.
    pub fn version_in_use(&self, view: &str) -> Option<u32> {
        let stored = self.feature_views.get(view).map(|view| view.version_number);
        stored.or_else(|| self.on_demand_feature_views.get(view).map(|view| view.version_number))
    }

    /// The versions of a view that the registry remembers, by number.
    pub fn feature_view_versions(&self, view: &str) -> &[FeatureViewVersion] {
        self.versions.get(view).map(Vec::as_slice).unwrap_or_default()
    }

    /// One version of a view.
    ///
    /// # Errors
    ///
    /// [`RequestError::FeatureViewVersionNotFound`].
    pub fn feature_view_version(
        &self,
        view: &str,
        version: u32,
    ) -> Result<&FeatureViewVersion, RequestError> {
        let found = self.feature_view_versions(view).iter().find(|known| known.number == version);
        found.ok_or_else(|| RequestError::FeatureViewVersionNotFound {
            view: view.to_owned(),
            version,
            project: self.project.name.clone(),
        })
    }

    /// The number of the version that a materialization names for the only one of its views; `None` for the
    /// one in use, where nothing or `latest` is named.
    ///
    /// # Errors
    ///
    /// [`RequestError`], as Feast checks it: several views or none, no online rows by version, text that is
    /// no version, a version that is not there.
    pub fn version_to_materialize(
        &self,
        views: Option<&[String]>,
        version: Option<&str>,
    ) -> Result<Option<u32>, RequestError> {
        let Some(version) = version else { return Ok(None) };
        let Some([view]) = views else {
            return Err(RequestError::other("--version requires --views with exactly one feature view."));
        };
        if !self.online_versioning {
            return Err(RequestError::other(
                "Version-aware materialization requires 'enable_online_feature_view_versioning: true' under \
                 'registry' in feature_store.yaml.",
            ));
        }
        let asked: ViewVersion =
            version.parse().map_err(|error: InvalidVersion| RequestError::other(error.to_string()))?;
        let Some(number) = asked.number() else { return Ok(None) };
        self.feature_view_version(view, number)?;
        Ok(Some(number))
    }

    /// A view as it was in one version.
    ///
    /// # Errors
    ///
    /// [`RequestError::FeatureViewVersionNotFound`]; a bare message if it was of a kind or type that larder
    /// does not have.
    pub fn versioned_view(&self, view: &str, version: u32) -> Result<&VersionedView, RequestError> {
        self.feature_view_version(view, version)?.view.as_ref().map_err(|reason| {
            RequestError::other(format!("version v{version} of feature view {view} cannot be used: {reason}"))
        })
    }

    /// The objects of the registry that larder cannot use, such as sources of kinds it does not have.
    pub fn unsupported(&self) -> &[UnsupportedObject] {
        &self.unsupported
    }

    /// All entities, without the hidden one.
    pub fn entities(&self) -> &[Registered<Entity>] {
        &self.entities.ordered
    }

    /// All data sources.
    pub fn data_sources(&self) -> &[Registered<DataSource>] {
        &self.data_sources.ordered
    }

    /// All views whose values are stored, of every kind: feature, batch, stream and label views.
    pub fn feature_views(&self) -> &[Registered<FeatureView>] {
        &self.feature_views.ordered
    }

    /// All on-demand feature views.
    pub fn on_demand_feature_views(&self) -> &[Registered<OnDemandFeatureView>] {
        &self.on_demand_feature_views.ordered
    }

    /// All feature services.
    pub fn feature_services(&self) -> &[Registered<FeatureService>] {
        &self.feature_services.ordered
    }

    /// All saved datasets.
    pub fn saved_datasets(&self) -> &[Registered<SavedDataset>] {
        &self.saved_datasets.ordered
    }

    /// All validation references.
    pub fn validation_references(&self) -> &[Registered<ValidationReference>] {
        &self.validation_references.ordered
    }

    /// All permissions.
    pub fn permissions(&self) -> &[Registered<Permission>] {
        &self.permissions.ordered
    }

    /// Whether the project has permissions, be they such that larder cannot use: then what no permission
    /// grants is refused.
    pub fn has_permissions(&self) -> bool {
        let mut unsupported = self.unsupported.iter();
        !self.permissions().is_empty() || unsupported.any(|object| object.kind == ObjectKind::Permission)
    }

    /// The saved dataset of this name.
    ///
    /// # Errors
    ///
    /// [`RequestError::SavedDatasetNotFound`].
    pub fn saved_dataset(&self, name: &str) -> Result<&Registered<SavedDataset>, RequestError> {
        self.saved_datasets.get(name).ok_or_else(|| RequestError::SavedDatasetNotFound {
            dataset: name.to_owned(),
            project: self.project.name.clone(),
        })
    }

    /// The saved dataset whose rows lie in the file of this path, as it is written down.
    pub fn saved_dataset_at(&self, path: &str) -> Option<&Registered<SavedDataset>> {
        self.saved_datasets().iter().find(|dataset| {
            matches!(&dataset.object.storage, SavedDatasetStorage::File { path: known, .. } if known == path)
        })
    }

    /// The validation reference of this name.
    ///
    /// # Errors
    ///
    /// [`RequestError::ValidationReferenceNotFound`].
    pub fn validation_reference(&self, name: &str) -> Result<&Registered<ValidationReference>, RequestError> {
        self.validation_references.get(name).ok_or_else(|| RequestError::ValidationReferenceNotFound {
            reference: name.to_owned(),
            project: self.project.name.clone(),
        })
    }

    /// The permission of this name.
    ///
    /// # Errors
    ///
    /// [`RequestError::PermissionNotFound`].
    pub fn permission(&self, name: &str) -> Result<&Registered<Permission>, RequestError> {
        self.permissions.get(name).ok_or_else(|| RequestError::PermissionNotFound {
            permission: name.to_owned(),
            project: self.project.name.clone(),
        })
    }

    /// The entity of this name.
    ///
    /// # Errors
    ///
    /// [`RequestError::EntityNotFound`].
    pub fn entity(&self, name: &str) -> Result<&Registered<Entity>, RequestError> {
        self.entities.get(name).ok_or_else(|| RequestError::EntityNotFound {
            entity: name.to_owned(),
            project: self.project.name.clone(),
        })
    }

    /// The data source of this name.
    ///
    /// # Errors
    ///
    /// [`RequestError::DataSourceNotFound`].
    pub fn data_source(&self, name: &str) -> Result<&Registered<DataSource>, RequestError> {
        self.data_sources.get(name).ok_or_else(|| RequestError::DataSourceNotFound {
            data_source: name.to_owned(),
            project: self.project.name.clone(),
        })
    }

    /// The view of this name whose values are stored, of whatever kind.
    ///
    /// # Errors
    ///
    /// [`RequestError::FeatureViewNotFound`].
    pub fn feature_view(&self, name: &str) -> Result<&Registered<FeatureView>, RequestError> {
        self.feature_views.get(name).ok_or_else(|| RequestError::FeatureViewNotFound {
            view: name.to_owned(),
            project: self.project.name.clone(),
        })
    }

    /// The on-demand feature view of this name.
    ///
    /// # Errors
    ///
    /// [`RequestError::OnDemandFeatureViewNotFound`].
    pub fn on_demand_feature_view(
        &self,
        name: &str,
    ) -> Result<&Registered<OnDemandFeatureView>, RequestError> {
        self.on_demand_feature_views.get(name).ok_or_else(|| RequestError::OnDemandFeatureViewNotFound {
            view: name.to_owned(),
            project: self.project.name.clone(),
        })
    }

    /// The feature service of this name.
    ///
    /// # Errors
    ///
    /// [`RequestError::FeatureServiceNotFound`].
    pub fn feature_service(&self, name: &str) -> Result<&Registered<FeatureService>, RequestError> {
        self.feature_services.get(name).ok_or_else(|| RequestError::FeatureServiceNotFound {
            service: name.to_owned(),
            project: self.project.name.clone(),
        })
    }
}
