//! Plans of recent requests, so that names are resolved once per selection and not per request.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use larder_core::{EntityKeyVersion, Result};
use larder_plan::{Catalog, Selection};

use crate::entity_columns::ProjectColumns;
use crate::prepared_plan::PreparedPlan;

/// How much the plans of one generation may weigh; a plan weighs about as much as it has features.
const GENERATION_WEIGHT: usize = 65_536;

/// Plans of recent requests against one catalog.
///
/// Two generations of bounded weight: when the young one is full it becomes the old one, and what is
/// asked for again moves to the young one. So plans in use stay, and any others go.
#[derive(Debug)]
pub(crate) struct PlanCache {
    key_version: EntityKeyVersion,
    generation_weight: usize,
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The catalog of all plans here. Kept, so that its address is not given to another one.
    catalog: Option<Arc<Catalog>>,
    project_columns: Arc<ProjectColumns>,
    young: HashMap<PlanKey, Arc<PreparedPlan>>,
    young_weight: usize,
    old: HashMap<PlanKey, Arc<PreparedPlan>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct PlanKey {
    selection: Selection,
    full_feature_names: bool,
}

impl PlanCache {
    pub(crate) fn new(key_version: EntityKeyVersion) -> Self {
        Self { key_version, generation_weight: GENERATION_WEIGHT, state: RwLock::default() }
    }

    /// The plan of a selection against `catalog`; resolved if it is not here. Plans of another catalog
    /// are dropped.
    pub(crate) fn get(
        &self,
        catalog: &Arc<Catalog>,
        selection: Selection,
        full_feature_names: bool,
    ) -> Result<Arc<PreparedPlan>> {
        let key = PlanKey { selection, full_feature_names };
        {
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            if state.is_of(catalog)
                && let Some(plan) = state.young.get(&key)
            {
                return Ok(Arc::clone(plan));
            }
        }
        let (known, project_columns) = {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            if !state.is_of(catalog) {
                *state = State {
                    catalog: Some(Arc::clone(catalog)),
                    project_columns: Arc::new(ProjectColumns::new(catalog.snapshot())),
                    ..State::default()
                };
            }
            (state.old.get(&key).cloned(), Arc::clone(&state.project_columns))
        };
        let plan = match known {
            Some(plan) => plan,
            // Without the lock: a large selection must not hold up the others.
            None => Arc::new(PreparedPlan::try_new(
                catalog,
                project_columns,
                &key.selection,
                full_feature_names,
                self.key_version,
            )?),
        };
        self.insert(catalog, key, &plan);
        Ok(plan)
    }

    fn insert(&self, catalog: &Arc<Catalog>, key: PlanKey, plan: &Arc<PreparedPlan>) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        // The catalog may have changed while the plan was made.
        if !state.is_of(catalog) {
            return;
        }
        if state.young_weight + plan.weight() > self.generation_weight {
            state.old = std::mem::take(&mut state.young);
            state.young_weight = 0;
        }
        if state.young.insert(key, Arc::clone(plan)).is_none() {
            state.young_weight += plan.weight();
        }
    }
}

impl State {
    fn is_of(&self, catalog: &Arc<Catalog>) -> bool {
        self.catalog.as_ref().is_some_and(|known| Arc::ptr_eq(known, catalog))
    }
}
