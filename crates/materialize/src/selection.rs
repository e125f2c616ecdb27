//! Which views a materialization is about.

use std::sync::Arc;

use larder_core::{MaterializationInterval, RequestError, Result};

use crate::Notice;
use crate::recomputation::Recomputation;
use crate::view_target::ViewTarget;
use crate::write_plan::WritePlan;

/// The views of a materialization: feature views first, then the on-demand views that read them.
#[derive(Debug, Default)]
pub(crate) struct Selected {
    pub(crate) views: Vec<SelectedView>,
    pub(crate) on_demand_views: Vec<Arc<Recomputation>>,
    /// What was left out, though nobody asked for it by name.
    pub(crate) notices: Vec<Notice>,
}

/// A feature view to be materialized.
#[derive(Debug)]
pub(crate) struct SelectedView {
    pub(crate) target: Arc<ViewTarget>,
    /// What the registry has recorded of it.
    pub(crate) recorded: Vec<MaterializationInterval>,
}

impl Selected {
    /// Without names: every enabled view that is kept online and has a history, and every on-demand view
    /// that follows its sources. With names: exactly those.
    ///
    /// # Errors
    ///
    /// [`RequestError`] for a name that does not exist or cannot be materialized.
    pub(crate) fn new(plan: &WritePlan, names: Option<&[String]>) -> Result<Self> {
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
                selected.views.push(SelectedView { target: plan.view(&view.name)?, recorded });
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

    fn add(&mut self, plan: &WritePlan, name: &str) -> Result<()> {
        let snapshot = plan.catalog.snapshot();
        let disabled = || RequestError::FeatureViewDisabled { view: name.to_owned() };
        if let Ok(registered) = snapshot.on_demand_feature_view(name) {
            if !registered.object.enabled {
                return Err(disabled().into());
            }
            let recomputation = plan.recomputation(name).ok_or_else(|| {
                RequestError::other(format!(
                    "OnDemandFeatureView {name} does not have write_to_online_store enabled."
                ))
            })?;
            self.on_demand_views.push(Arc::clone(recomputation.as_ref().map_err(Clone::clone)?));
            return Ok(());
        }
        let registered = snapshot.feature_view(name)?;
        if !registered.object.enabled {
            return Err(disabled().into());
        }
        if !registered.object.online {
            return Err(RequestError::NotServedOnline { view: name.to_owned() }.into());
        }
        if !registered.object.is_materialized() {
            return Err(RequestError::other(format!(
                "label view `{name}` cannot be materialized: its labels come in by push"
            ))
            .into());
        }
        let target = plan.view(name)?;
        target.history()?;
        let recorded = registered.materialization_intervals.clone();
        self.views.push(SelectedView { target, recorded });
        Ok(())
    }
}
