//! Changes of single views, without an apply.

use std::sync::Arc;

use larder_core::{FeatureViewState, RequestError, Result, TransformationLimits, TransformationReference};
use larder_registry::{FeatureViewVersion, RegistrySnapshot, VersionedView, bind_inputs, check_outputs};

use crate::FeatureStore;

impl FeatureStore {
    /// Makes a component compute an on-demand view: one that came from Feast with a function in Python, or
    /// one whose definition names none. The function is `function`, or the component's only one, or the one
    /// that is called as the view.
    ///
    /// The binding stands in the view's tags. It outlives a `feast apply`, also of a changed definition.
    ///
    /// # Errors
    ///
    /// [`RequestError::OnDemandFeatureViewNotFound`]; the runtime's error if the bytes are no component; and
    /// why its function does not fit the view.
    pub async fn bind_component(
        &self,
        view: &str,
        component: Arc<[u8]>,
        function: Option<&str>,
    ) -> Result<TransformationReference> {
        let catalog = self.refresh().await?;
        let snapshot = catalog.snapshot();
        let defined = Arc::clone(&snapshot.on_demand_feature_view(view)?.object);
        let inspected = self.udf().inspect(component).await?;
        let names: Vec<&str> = inspected.signatures.iter().map(|signature| signature.name.as_str()).collect();
        let wanted = match (function, names.as_slice()) {
            (Some(function), _) => function,
            (None, [only]) => only,
            (None, _) => view,
        };
        let signature = inspected.signatures.iter().find(|signature| signature.name == wanted);
        let signature = signature.ok_or_else(|| {
            RequestError::other(format!(
                "the component has no function `{wanted}`; name one of {} with `--function`",
                names.join(", ")
            ))
        })?;
        bind_inputs(snapshot, &defined, signature)?;
        check_outputs(&defined, signature)?;
        let reference = TransformationReference {
            component: Some(inspected.digest),
            function: wanted.to_owned(),
            limits: TransformationLimits::default(),
        };
        let (registry, project) = (Arc::clone(self.registry()), self.config().project.clone());
        let (name, bound, bytes) = (view.to_owned(), reference.clone(), Arc::clone(&inspected.bytes));
        larder_blocking::run(move || {
            // The bytes first: a binding never names what is not there.
            registry.store_component(&bytes)?;
            registry.bind_component(&project, &name, &bound)
        })
        .await?;
        self.refresh().await?;
        Ok(reference)
    }

    /// Puts an on-demand view back to a version that another component or function computed: `to`, or the
    /// newest such version before the one in use. The view is restored whole, with the schema that the
    /// component was proven to fit, and stays so until an apply says otherwise. Returns the version's number
    /// and what computes it.
    ///
    /// # Errors
    ///
    /// [`RequestError::OnDemandFeatureViewNotFound`], [`RequestError::FeatureViewVersionNotFound`]; a bare
    /// message if there is nothing to go back to; and why the old version does not fit its sources any more.
    pub async fn roll_back_component(
        &self,
        view: &str,
        to: Option<u32>,
    ) -> Result<(u32, TransformationReference)> {
        let catalog = self.refresh().await?;
        let snapshot = catalog.snapshot();
        let current = snapshot.on_demand_feature_view(view)?;
        let in_use = &current.object.transformation;
        let number = match to {
            Some(number) => number,
            None => earlier(snapshot, view, current.version_number, in_use).ok_or_else(|| {
                RequestError::other(format!(
                    "on-demand feature view `{view}` has no earlier version with another component; \
                     see `larder udf history {view}`"
                ))
            })?,
        };
        let VersionedView::OnDemand(restored) = snapshot.versioned_view(view, number)? else {
            return Err(RequestError::other(format!(
                "version v{number} of feature view {view} is no on-demand feature view"
            ))
            .into());
        };
        let reference = restored.transformation.clone();
        let Some(digest) = reference.component else {
            return Err(RequestError::other(format!(
                "version v{number} of on-demand feature view `{view}` has no component"
            ))
            .into());
        };
        let registry = Arc::clone(self.registry());
        let bytes = larder_blocking::run(move || registry.load_component(digest)).await?;
        // Compiled before anybody is switched to it.
        let transformation = self.udf().load(view, bytes, &reference.function, reference.limits).await?;
        bind_inputs(snapshot, restored, transformation.signature())?;
        check_outputs(restored, transformation.signature())?;
        let (registry, project) = (Arc::clone(self.registry()), self.config().project.clone());
        let (name, bound) = (view.to_owned(), reference.clone());
        larder_blocking::run(move || registry.restore_version(&project, &name, number, &bound)).await?;
        self.refresh().await?;
        Ok((number, reference))
    }

    /// Says how far the values of a view have come. It keeps nobody from reading them.
    ///
    /// # Errors
    ///
    /// [`RequestError::FeatureViewNotFound`], and as the registry.
    pub async fn set_feature_view_state(&self, view: &str, state: FeatureViewState) -> Result<()> {
        let (registry, project) = (Arc::clone(self.registry()), self.config().project.clone());
        let view = view.to_owned();
        larder_blocking::run(move || registry.set_state(&project, &view, state)).await?;
        self.refresh().await.map(|_| ())
    }

    /// Switches a view on or off, until its next apply says otherwise. A view that is off answers nothing
    /// and takes no rows.
    ///
    /// # Errors
    ///
    /// As [`set_feature_view_state`](Self::set_feature_view_state).
    pub async fn set_feature_view_enabled(&self, view: &str, enabled: bool) -> Result<()> {
        let (registry, project) = (Arc::clone(self.registry()), self.config().project.clone());
        let view = view.to_owned();
        larder_blocking::run(move || registry.set_enabled(&project, &view, enabled)).await?;
        self.refresh().await.map(|_| ())
    }
}

/// The newest version of an on-demand view before `current` that another transformation computed.
fn earlier(
    snapshot: &RegistrySnapshot,
    view: &str,
    current: u32,
    in_use: &TransformationReference,
) -> Option<u32> {
    let is_other = |known: &&FeatureViewVersion| match &known.view {
        Ok(VersionedView::OnDemand(view)) => {
            let known = &view.transformation;
            known.component.is_some()
                && (known.component, &known.function) != (in_use.component, &in_use.function)
        }
        _ => false,
    };
    let versions = snapshot.feature_view_versions(view).iter().filter(|known| known.number < current);
    versions.filter(is_other).map(|known| known.number).max()
}
