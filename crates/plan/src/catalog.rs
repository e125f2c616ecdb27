//! A registry snapshot together with the transformations it names, ready to run.

use std::collections::HashMap;
use std::sync::Arc;

use futures::future::join_all;
use larder_core::{Error, ErrorKind, OnDemandFeatureView, Transformation};
use larder_registry::RegistrySnapshot;

/// A registry snapshot together with the transformations it names, loaded once.
#[derive(Debug)]
pub struct Catalog {
    snapshot: Arc<RegistrySnapshot>,
    transformations: HashMap<String, Result<Arc<dyn Transformation>, UnusableView>>,
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
        let views = snapshot.on_demand_feature_views();
        let loaded = join_all(views.iter().map(|view| load(Arc::clone(&view.object)))).await;
        let transformations = views.iter().zip(loaded).map(|(view, loaded)| {
            let view = view.object.name.clone();
            let unusable =
                |error: Error| UnusableView { view: view.clone(), reason: error.chain(), kind: error.kind() };
            (view.clone(), loaded.map_err(unusable))
        });
        let transformations = transformations.collect();
        Self { snapshot, transformations }
    }

    /// The snapshot.
    pub fn snapshot(&self) -> &Arc<RegistrySnapshot> {
        &self.snapshot
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
        match self.transformations.get(&view.name) {
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
