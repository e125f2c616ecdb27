//! Which views a materialization is about.

use std::sync::Arc;

use larder_core::{FeatureView, MaterializationInterval, RequestError, Result};
use larder_registry::VersionedView;

use crate::Notice;
use crate::feature_writer::Turns;
use crate::recomputation::Recomputation;
use crate::view_target::ViewTarget;
use crate::write_plan::WritePlan;

/// The views of a materialization: feature views first, then the on-demand views that read them.
#[derive(Debug, Default)]
pub(crate) struct Selected {
    pub(crate) views: Vec<SelectedView>,
    pub(crate) on_demand_views: Vec<Arc<Recomputation>>,
    /// What was left out, though nobody asked for it by name, and what is not as it may seem.
    pub(crate) notices: Vec<Notice>,
}

/// A feature view to be materialized.
#[derive(Debug)]
pub(crate) struct SelectedView {
    pub(crate) target: Arc<ViewTarget>,
    /// What the registry has recorded of it.
    pub(crate) recorded: Vec<MaterializationInterval>,
    /// The version, if it is not the one in use.
    pub(crate) version: Option<u32>,
}

impl Selected {
    /// Without names: every enabled view that is kept online and has a history, and every on-demand view
    /// that follows its sources. With names: exactly those; with a version, that of the only one.
    ///
    /// # Errors
    ///
    /// [`RequestError`] for a name or version that does not exist or cannot be materialized.
    pub(crate) fn new(
        plan: &WritePlan,
        names: Option<&[String]>,
        version: Option<&str>,
        turns: &Turns,
    ) -> Result<Self> {
        let snapshot = plan.catalog.snapshot();
        if let (Some(number), Some([name])) = (snapshot.version_to_materialize(names, version)?, names)
            && snapshot.version_in_use(name) != Some(number)
        {
            return Self::version(plan, name, number, turns);
        }
        match names {
            Some(names) => Self::named(plan, names),
            None => Self::all(plan),
        }
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let views = self.views.iter().map(|view| &view.target.definition.name);
        let on_demand = self.on_demand_views.iter().map(|view| &view.target().definition.name);
        views.chain(on_demand).cloned().collect()
    }

    fn all(plan: &WritePlan) -> Result<Self> {
        let snapshot = plan.catalog.snapshot();
        let mut selected = Self::default();
        for registered in snapshot.feature_views() {
            let view = &registered.object;
            if view.online && view.enabled && view.batch_source.is_some() && view.is_materialized() {
                let recorded = registered.materialization_intervals.clone();
                selected.push(view, SelectedView { target: plan.view(&view.name)?, recorded, version: None });
            }
        }
        for registered in snapshot.on_demand_feature_views() {
            match plan.recomputation(&registered.object.name) {
                Some(Ok(recomputation)) => selected.on_demand_views.push(Arc::clone(recomputation)),
                Some(Err(reason)) => selected.notices.push(Notice::LeftOut(reason.clone())),
                None => {}
            }
        }
        Ok(selected)
    }

    fn named(plan: &WritePlan, names: &[String]) -> Result<Self> {
        let mut selected = Self::default();
        for (at, name) in names.iter().enumerate() {
            if !names.iter().take(at).any(|earlier| earlier == name) {
                selected.add(plan, name)?;
            }
        }
        Ok(selected)
    }

    /// A version that is not in use.
    fn version(plan: &WritePlan, name: &str, number: u32, turns: &Turns) -> Result<Self> {
        let version = plan.catalog.snapshot().feature_view_version(name, number)?;
        let mut selected = Self::default();
        match plan.catalog.snapshot().versioned_view(name, number)? {
            VersionedView::OnDemand(view) => {
                refuse_disabled(view.enabled, name)?;
                if !view.write_to_online_store {
                    return Err(not_written(name).into());
                }
                selected.on_demand_views.push(plan.recomputation_of_version(view, number, turns)?);
            }
            VersionedView::Stored(view) => {
                refuse_unmaterialized(view)?;
                let target = plan.view_version(view, number)?;
                target.history()?;
                let recorded = version.materialization_intervals.clone();
                selected.push(view, SelectedView { target, recorded, version: Some(number) });
            }
        }
        Ok(selected)
    }

    fn add(&mut self, plan: &WritePlan, name: &str) -> Result<()> {
        let snapshot = plan.catalog.snapshot();
        if let Ok(registered) = snapshot.on_demand_feature_view(name) {
            refuse_disabled(registered.object.enabled, name)?;
            let recomputation = plan.recomputation(name).ok_or_else(|| not_written(name))?;
            self.on_demand_views.push(Arc::clone(recomputation.as_ref().map_err(Clone::clone)?));
            return Ok(());
        }
        let registered = snapshot.feature_view(name)?;
        refuse_unmaterialized(&registered.object)?;
        let target = plan.view(name)?;
        target.history()?;
        let recorded = registered.materialization_intervals.clone();
        self.push(&registered.object, SelectedView { target, recorded, version: None });
        Ok(())
    }

    fn push(&mut self, view: &FeatureView, selected: SelectedView) {
        if view.is_made_by_engine() {
            self.notices.push(Notice::SourceAsItIs { view: view.name.clone() });
        }
        self.views.push(selected);
    }
}

fn refuse_disabled(enabled: bool, view: &str) -> Result<(), RequestError> {
    let disabled = || format!("FeatureView {view} is disabled. Enable it before materializing.");
    if enabled { Ok(()) } else { Err(RequestError::other(disabled())) }
}

fn refuse_unmaterialized(view: &FeatureView) -> Result<(), RequestError> {
    let name = &view.name;
    refuse_disabled(view.enabled, name)?;
    if !view.online {
        return Err(RequestError::NotServedOnline { view: name.clone() });
    }
    if !view.is_materialized() {
        return Err(RequestError::other(format!(
            "LabelView {name} cannot be materialized via materialize(). Use FeatureStore.push() to write labels."
        )));
    }
    Ok(())
}

fn not_written(view: &str) -> RequestError {
    RequestError::other(format!("OnDemandFeatureView {view} is not configured for write_to_online_store."))
}
