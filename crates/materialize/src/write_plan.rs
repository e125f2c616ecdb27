//! All that writes need to know of one catalog.

use std::collections::HashMap;
use std::sync::Arc;

use larder_core::{EntityKeyVersion, Error, FeatureView, OnDemandFeatureView, OnDemandSource, Result};
use larder_plan::Catalog;

use crate::NotFollowing;
use crate::feature_writer::Turns;
use crate::on_demand_target::OnDemandTarget;
use crate::recomputation::{Follower, Recomputation};
use crate::view_target::ViewTarget;

/// All that writes need to know of one catalog, resolved once.
#[derive(Debug)]
pub(crate) struct WritePlan {
    /// The catalog it was made from.
    pub(crate) catalog: Arc<Catalog>,
    version: EntityKeyVersion,
    views: HashMap<String, Arc<ViewTarget>>,
    on_demand_views: HashMap<String, Result<Arc<Recomputation>, NotFollowing>>,
}

impl WritePlan {
    /// Resolves a catalog. What is wrong with one view shows when that view is used, and not before.
    pub(crate) fn new(catalog: &Arc<Catalog>, version: EntityKeyVersion, turns: &Turns) -> Self {
        let snapshot = catalog.snapshot();
        let mut on_demand_views = HashMap::new();
        for registered in snapshot.on_demand_feature_views() {
            let view = &registered.object;
            if view.write_to_online_store && view.enabled {
                let followed = follow(catalog, view, None, version, turns);
                if let Err(reason) = &followed {
                    tracing::warn!(view = %view.name, %reason, "an on-demand view does not follow its sources");
                }
                on_demand_views.insert(view.name.clone(), followed);
            }
        }
        let mut plan = Self { catalog: Arc::clone(catalog), version, views: HashMap::new(), on_demand_views };
        for registered in snapshot.feature_views() {
            let name = &registered.object.name;
            if let Ok(target) = plan.resolve_view(name) {
                plan.views.insert(name.clone(), Arc::new(target));
            }
        }
        plan
    }

    /// A feature view.
    ///
    /// # Errors
    ///
    /// [`RequestError::FeatureViewNotFound`](larder_core::RequestError), or why its rows cannot be written.
    pub(crate) fn view(&self, name: &str) -> Result<Arc<ViewTarget>> {
        match self.views.get(name) {
            Some(target) => Ok(Arc::clone(target)),
            None => self.resolve_view(name).map(Arc::new),
        }
    }

    /// How an on-demand view follows its sources.
    ///
    /// # Errors
    ///
    /// Why it does not; `None` for a view that is not kept online.
    pub(crate) fn recomputation(&self, name: &str) -> Option<&Result<Arc<Recomputation>, NotFollowing>> {
        self.on_demand_views.get(name)
    }

    /// A feature view as it was in a version that is not in use. No on-demand view follows its rows.
    ///
    /// # Errors
    ///
    /// Why its rows cannot be written.
    pub(crate) fn view_version(&self, view: &Arc<FeatureView>, number: u32) -> Result<Arc<ViewTarget>> {
        ViewTarget::try_new(self.catalog.snapshot(), view, Some(number), self.version, Vec::new())
            .map(Arc::new)
    }

    /// How an on-demand view that is kept online, as it was in a version that is not in use, follows its
    /// sources as they are.
    ///
    /// # Errors
    ///
    /// Why it does not.
    pub(crate) fn recomputation_of_version(
        &self,
        view: &Arc<OnDemandFeatureView>,
        number: u32,
        turns: &Turns,
    ) -> Result<Arc<Recomputation>, NotFollowing> {
        follow(&self.catalog, view, Some(number), self.version, turns)
    }

    /// An on-demand view, whether or not it follows its sources.
    ///
    /// # Errors
    ///
    /// Why it cannot be computed.
    pub(crate) fn on_demand_view(&self, view: &Arc<OnDemandFeatureView>) -> Result<Arc<OnDemandTarget>> {
        match self.on_demand_views.get(&view.name) {
            Some(Ok(recomputation)) => Ok(Arc::clone(recomputation.target())),
            _ => OnDemandTarget::try_new(&self.catalog, view, None, self.version).map(Arc::new),
        }
    }

    fn resolve_view(&self, name: &str) -> Result<ViewTarget> {
        let snapshot = self.catalog.snapshot();
        let view = &snapshot.feature_view(name)?.object;
        let mut followers = Vec::new();
        // In the order of definition, so that runs repeat exactly.
        for registered in snapshot.on_demand_feature_views() {
            if let Some(Ok(recomputation)) = self.on_demand_views.get(&registered.object.name) {
                followers.extend(Follower::of_view(snapshot, recomputation, view)?);
            }
        }
        ViewTarget::try_new(snapshot, view, None, self.version, followers)
    }
}

fn follow(
    catalog: &Arc<Catalog>,
    view: &Arc<OnDemandFeatureView>,
    number: Option<u32>,
    version: EntityKeyVersion,
    turns: &Turns,
) -> Result<Arc<Recomputation>, NotFollowing> {
    let unusable = |error: Error| NotFollowing::unusable(&view.name, &error);
    let snapshot = catalog.snapshot();
    let chain = snapshot.on_demand_chain(view, |_| true).map_err(unusable)?;
    let sources = chain.iter().rev().flat_map(|view| &view.sources);
    if let Some(data_source) = sources.into_iter().find_map(|source| match source {
        OnDemandSource::RequestSource(name) => Some(name),
        _ => None,
    }) {
        let (view, data_source) = (view.name.clone(), data_source.clone());
        return Err(NotFollowing::RequestData { view, data_source });
    }
    let target = Arc::new(OnDemandTarget::try_new(catalog, view, number, version).map_err(unusable)?);
    let turn = turns.of(&snapshot.project.name, &target.online.name);
    let recomputation = Arc::new(Recomputation::try_new(snapshot, &target, version, turn)?);
    for registered in snapshot.feature_views() {
        let followers = Follower::of_view(snapshot, &recomputation, &registered.object).map_err(unusable)?;
        if !followers.is_empty() {
            return Ok(recomputation);
        }
    }
    Err(NotFollowing::NoSourceWithAllKeys { view: view.name.clone() })
}
