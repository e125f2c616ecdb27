//! The objects that a request is about.

use std::collections::BTreeMap;

use larder_core::{
    DataSource, FeatureView, FeatureViewKind, OnDemandFeatureView, OnDemandSource, PermissionType,
    RequestError, Result, SavedDataset, split_version,
};
use larder_plan::Selection;
use larder_registry::RegistrySnapshot;

/// An object that permissions may be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protected<'s> {
    /// What it is.
    pub kind: PermissionType,
    /// Its name.
    pub name: &'s str,
    /// Its tags.
    pub tags: &'s BTreeMap<String, String>,
}

impl<'s> Protected<'s> {
    /// A view of any kind, by name.
    ///
    /// # Errors
    ///
    /// [`RequestError::FeatureViewNotFound`].
    pub fn named(snapshot: &'s RegistrySnapshot, view: &str) -> Result<Self, RequestError> {
        match snapshot.on_demand_feature_view(view) {
            Ok(view) => Ok(view.object.as_ref().into()),
            Err(_) => Ok(snapshot.feature_view(view)?.object.as_ref().into()),
        }
    }

    /// The views whose rows make the features of a view: itself, or of an on-demand view those that it computes from,
    /// to the end of the chain. Feast asks for these where history is read.
    ///
    /// # Errors
    ///
    /// As [`named`](Self::named).
    pub fn stored_behind(snapshot: &'s RegistrySnapshot, view: &str) -> Result<Vec<Self>> {
        let Ok(on_demand) = snapshot.on_demand_feature_view(view) else {
            return Ok(vec![snapshot.feature_view(view)?.object.as_ref().into()]);
        };
        let mut objects = Vec::new();
        for inner in snapshot.on_demand_chain(&on_demand.object, |_| true)? {
            for source in &inner.sources {
                if let OnDemandSource::FeatureView(read) = source {
                    objects.push(snapshot.feature_view(&read.view)?.object.as_ref().into());
                }
            }
        }
        Ok(objects)
    }

    /// The project, which stands for what is registered in no place of Feast's own, such as jobs.
    pub fn project(snapshot: &'s RegistrySnapshot) -> Self {
        let project = &snapshot.project;
        Self { kind: PermissionType::Project, name: &project.name, tags: &project.tags }
    }

    /// The views that a push source feeds; none where the source feeds none, or is not there.
    pub fn fed_by(snapshot: &'s RegistrySnapshot, push_source: &str) -> Vec<Self> {
        let views = snapshot.feature_views().iter().map(|view| view.object.as_ref());
        views.filter(|view| view.stream_source.as_deref() == Some(push_source)).map(Self::from).collect()
    }
}

impl<'s> From<&'s DataSource> for Protected<'s> {
    fn from(source: &'s DataSource) -> Self {
        Self { kind: PermissionType::DataSource, name: &source.name, tags: &source.tags }
    }
}

impl<'s> From<&'s SavedDataset> for Protected<'s> {
    fn from(dataset: &'s SavedDataset) -> Self {
        Self { kind: PermissionType::SavedDataset, name: &dataset.name, tags: &dataset.tags }
    }
}

impl<'s> From<&'s FeatureView> for Protected<'s> {
    fn from(view: &'s FeatureView) -> Self {
        let kind = match view.kind {
            FeatureViewKind::Batch(_) => PermissionType::BatchFeatureView,
            FeatureViewKind::Stream(_) => PermissionType::StreamFeatureView,
            FeatureViewKind::Label(_) => PermissionType::LabelView,
            _ => PermissionType::FeatureView,
        };
        Self { kind, name: &view.name, tags: &view.tags }
    }
}

impl<'s> From<&'s OnDemandFeatureView> for Protected<'s> {
    fn from(view: &'s OnDemandFeatureView) -> Self {
        Self { kind: PermissionType::OnDemandFeatureView, name: &view.name, tags: &view.tags }
    }
}

/// What must be readable for a selection: the service alone; or every view that is named, and with an
/// on-demand view those that it computes from, to the end of a chain.
///
/// # Errors
///
/// [`RequestError`] for a name that the registry does not have.
pub(crate) fn read_by<'s>(
    snapshot: &'s RegistrySnapshot,
    selection: &Selection,
) -> Result<Vec<Protected<'s>>> {
    let references = match selection {
        Selection::Service(name) => {
            let service = &snapshot.feature_service(name)?.object;
            let kind = PermissionType::FeatureService;
            return Ok(vec![Protected { kind, name: &service.name, tags: &service.tags }]);
        }
        Selection::References(references) => references,
    };
    let mut objects: Vec<Protected<'s>> = Vec::new();
    let mut last_view = "";
    for reference in references {
        let invalid = || RequestError::InvalidFeatureReference { reference: reference.clone() };
        // Every request comes here, so nothing is copied; what else is wrong with it is told later.
        let (view, _version) = split_version(reference.split_once(':').ok_or_else(invalid)?.0);
        if view == last_view {
            continue;
        }
        for object in with_sources(snapshot, view)? {
            if !objects.contains(&object) {
                objects.push(object);
            }
        }
        last_view = view;
    }
    Ok(objects)
}

/// What must be readable for the history of a selection: every view behind it.
///
/// # Errors
///
/// As [`read_by`].
pub(crate) fn history_read_by<'s>(
    snapshot: &'s RegistrySnapshot,
    selection: &Selection,
) -> Result<Vec<Protected<'s>>> {
    let mut views: Vec<&str> = Vec::new();
    match selection {
        Selection::Service(name) => {
            let projections = &snapshot.feature_service(name)?.object.features;
            views.extend(projections.iter().map(|projection| projection.view.as_str()));
        }
        Selection::References(references) => {
            for reference in references {
                let invalid = || RequestError::InvalidFeatureReference { reference: reference.clone() };
                views.push(split_version(reference.split_once(':').ok_or_else(invalid)?.0).0);
            }
        }
    }
    views.sort_unstable();
    views.dedup();
    let mut objects = Vec::new();
    for view in views {
        objects.extend(Protected::stored_behind(snapshot, view)?);
    }
    Ok(objects)
}

fn with_sources<'s>(snapshot: &'s RegistrySnapshot, view: &str) -> Result<Vec<Protected<'s>>> {
    let mut objects = vec![Protected::named(snapshot, view)?];
    if let Ok(view) = snapshot.on_demand_feature_view(view) {
        for inner in snapshot.on_demand_chain(&view.object, |_| true)? {
            for source in &inner.sources {
                if let OnDemandSource::FeatureView(projection)
                | OnDemandSource::OnDemandFeatureView(projection) = source
                {
                    objects.push(Protected::named(snapshot, &projection.view)?);
                }
            }
        }
    }
    Ok(objects)
}
