//! A registry snapshot together with the transformations it names, ready to run.

use std::collections::HashMap;
use std::sync::Arc;

use futures::future::join_all;
use larder_core::{
    Error, ErrorKind, FeatureView, OnDemandFeatureView, RequestError, Transformation, TransformationReference,
};
use larder_registry::{RegistrySnapshot, VersionedView};

/// A registry snapshot together with the transformations it names, loaded once.
#[derive(Debug)]
pub struct Catalog {
    snapshot: Arc<RegistrySnapshot>,
    transformations: HashMap<TransformationKey, Result<Arc<dyn Transformation>, UnusableView>>,
}

/// A view's name and what computes it: versions of a view may be computed by different functions.
type TransformationKey = (String, TransformationReference);

fn key(view: &OnDemandFeatureView) -> TransformationKey {
    (view.name.clone(), view.transformation.clone())
}

/// Why an on-demand view of the registry cannot run. The rest of the registry still works.
#[derive(Clone, Debug, thiserror::Error)]
#[error("on-demand feature view `{view}` cannot run: {reason}")]
pub struct UnusableView {
    view: String,
    reason: String,
    kind: ErrorKind,
}

impl Catalog {
    /// Loads the transformation of every on-demand view through `load`, all at once.
    ///
    /// A view whose transformation cannot be loaded does not fail the catalog: using it does.
    pub async fn load<Loading>(
        snapshot: Arc<RegistrySnapshot>,
        load: impl Fn(Arc<OnDemandFeatureView>) -> Loading,
    ) -> Self
    where
        Loading: Future<Output = larder_core::Result<Arc<dyn Transformation>>>,
    {
        let mut views: Vec<Arc<OnDemandFeatureView>> =
            snapshot.on_demand_feature_views().iter().map(|view| Arc::clone(&view.object)).collect();
        if snapshot.has_online_versioning() {
            // Versions are few, and equal transformations are compiled once.
            for name in views.iter().map(|view| view.name.clone()).collect::<Vec<_>>() {
                for version in snapshot.feature_view_versions(&name) {
                    if let Ok(VersionedView::OnDemand(view)) = &version.view
                        && views.iter().all(|known| key(known) != key(view))
                    {
                        views.push(Arc::clone(view));
                    }
                }
            }
        }
        let loaded = join_all(views.iter().map(|view| load(Arc::clone(view)))).await;
        let transformations = views.iter().zip(loaded).map(|(view, loaded)| {
            let unusable = |error: Error| UnusableView {
                view: view.name.clone(),
                reason: error.chain(),
                kind: error.kind(),
            };
            (key(view), loaded.map_err(unusable))
        });
        let transformations = transformations.collect();
        Self { snapshot, transformations }
    }

    /// The snapshot.
    pub fn snapshot(&self) -> &Arc<RegistrySnapshot> {
        &self.snapshot
    }

    /// The stored view of this name, as it is or as it was in one version.
    ///
    /// # Errors
    ///
    /// [`RequestError`] if there is no such view or version, or if versions cannot be read.
    pub fn stored_view(&self, name: &str, version: Option<u32>) -> Result<Arc<FeatureView>, RequestError> {
        match self.versioned(name, version)? {
            Some(VersionedView::Stored(view)) => Ok(view),
            Some(VersionedView::OnDemand(_)) => Err(RequestError::FeatureViewNotFound {
                view: name.to_owned(),
                project: self.snapshot.project.name.clone(),
            }),
            None => Ok(Arc::clone(&self.snapshot.feature_view(name)?.object)),
        }
    }

    /// The on-demand view of this name, as it is or as it was in one version; none if the name is that of
    /// another view.
    ///
    /// # Errors
    ///
    /// [`RequestError`] if there is no such version, or if versions cannot be read.
    pub fn on_demand_view(
        &self,
        name: &str,
        version: Option<u32>,
    ) -> Result<Option<Arc<OnDemandFeatureView>>, RequestError> {
        Ok(match self.versioned(name, version)? {
            Some(VersionedView::OnDemand(view)) => Some(view),
            Some(VersionedView::Stored(_)) => None,
            None => self.snapshot.on_demand_feature_view(name).ok().map(|view| Arc::clone(&view.object)),
        })
    }

    /// A view as it was in one version; none where none is named, or the one in use.
    fn versioned(&self, name: &str, version: Option<u32>) -> Result<Option<VersionedView>, RequestError> {
        let Some(version) = version else { return Ok(None) };
        if !self.snapshot.has_online_versioning() {
            return Err(RequestError::VersionedReference { view: name.to_owned(), version });
        }
        let found = self.snapshot.versioned_view(name, version)?;
        Ok(Some(found.clone()))
    }

    /// The transformation of an on-demand view.
    ///
    /// # Errors
    ///
    /// The error that loading it gave, with the view's name.
    pub fn transformation(
        &self,
        view: &OnDemandFeatureView,
    ) -> larder_core::Result<&Arc<dyn Transformation>> {
        match self.transformations.get(&key(view)) {
            Some(Ok(transformation)) => Ok(transformation),
            Some(Err(unusable)) => Err(Error::new(unusable.kind, unusable.clone())),
            None => {
                let view = view.name.clone();
                let reason = "it is not part of this catalog".to_owned();
                Err(Error::new(ErrorKind::Internal, UnusableView { view, reason, kind: ErrorKind::Internal }))
            }
        }
    }
}
