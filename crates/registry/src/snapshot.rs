//! What the registry held at one moment.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use larder_core::{
    DataSource, Entity, FeatureService, FeatureView, MaterializationInterval, OnDemandFeatureView, Project,
    RequestError, Timestamp,
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
    unsupported: Vec<UnsupportedObject>,
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
}

/// The objects of a snapshot, kind by kind, each in the order in which they are to be listed.
#[derive(Clone, Debug, Default)]
pub struct SnapshotObjects {
    /// Entities.
    pub entities: Vec<Registered<Entity>>,
    /// Data sources.
    pub data_sources: Vec<Registered<DataSource>>,
    /// Feature views.
    pub feature_views: Vec<Registered<FeatureView>>,
    /// On-demand feature views.
    pub on_demand_feature_views: Vec<Registered<OnDemandFeatureView>>,
    /// Feature services.
    pub feature_services: Vec<Registered<FeatureService>>,
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
            unsupported: Vec::new(),
        }
    }

    /// The same snapshot, with the objects that were left out of it.
    pub fn with_unsupported(self, unsupported: Vec<UnsupportedObject>) -> Self {
        Self { unsupported, ..self }
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

    /// All feature views.
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

    /// The feature view of this name.
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
