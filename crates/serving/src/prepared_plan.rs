//! A plan with everything made ready that does not depend on the rows of a request.

use std::collections::BTreeSet;
use std::sync::Arc;

use larder_core::{
    EntityKey, EntityKeyEncoder, EntityKeyVersion, OnlineRead, OnlineView, RequestError, Result,
};
use larder_plan::{Catalog, FeaturePlan, OnDemandInput, OutputSource, Retrieval, Selection};

use crate::entity_columns::{EntityColumns, PlanColumns, ProjectColumns};
use crate::fan_out::DistinctKeys;
use crate::feature_log::LogColumn;
use crate::json;
use crate::online_response::PreparedNames;

/// A plan with key encoders, store handles and names made ready.
#[derive(Debug)]
pub(crate) struct PreparedPlan {
    pub(crate) plan: FeaturePlan,
    pub(crate) columns: PlanColumns,
    pub(crate) project_columns: Arc<ProjectColumns>,
    pub(crate) names: Arc<PreparedNames>,
    /// One name per output of the plan.
    pub(crate) output_names: Vec<Arc<str>>,
    /// For each call, for each of its inputs: the position of the entity column, if it is one.
    pub(crate) entity_inputs: Vec<Vec<Option<usize>>>,
    /// One per view of the plan.
    views: Vec<PreparedView>,
    key_groups: Vec<KeyGroup>,
    /// What every answer to the plan is told to need, for the error that names it.
    needed_keys: Vec<String>,
    has_entityless_view: bool,
}

#[derive(Debug)]
struct PreparedView {
    view: Arc<OnlineView>,
    features: Arc<[usize]>,
    key_group: usize,
}

/// Views that are read under the same keys.
#[derive(Debug)]
enum KeyGroup {
    /// Views of entities: the positions of the key columns among the wanted ones, in the encoder's order.
    Entities { encoder: EntityKeyEncoder, key_names: Vec<String>, columns: Vec<usize> },
    /// Views without entities, which hold one row.
    Entityless { key: Arc<[Option<EntityKey>]> },
}

/// What to read for one request, and how its rows become those of the request.
#[derive(Debug)]
pub(crate) struct PreparedReads {
    pub(crate) reads: Vec<OnlineRead>,
    /// For each view of the plan, its read; `None` if the request lacks a part of the key.
    pub(crate) by_view: Vec<Option<ViewRead>>,
}

/// The read of one view: its position, and the row of the answer for each row of the request.
#[derive(Clone, Debug)]
pub(crate) struct ViewRead {
    pub(crate) read: usize,
    pub(crate) rows: Option<Arc<[usize]>>,
}

impl PreparedPlan {
    pub(crate) fn try_new(
        catalog: &Catalog,
        project_columns: Arc<ProjectColumns>,
        selection: &Selection,
        full_feature_names: bool,
        key_version: EntityKeyVersion,
    ) -> Result<Self> {
        let plan = FeaturePlan::resolve(catalog, selection, full_feature_names, Retrieval::Online)?;
        let mut columns = PlanColumns::new(&plan);
        let mut key_groups: Vec<KeyGroup> = Vec::new();
        let mut views = Vec::with_capacity(plan.views.len());
        for view in &plan.views {
            let keys: Vec<usize> = view
                .join_keys
                .iter()
                .map(|key| columns.want(&key.column, key.key.value_type.clone()))
                .collect();
            let group = if keys.is_empty() {
                let key = EntityKeyEncoder::dummy_key(key_version);
                KeyGroup::Entityless { key: Arc::from([Some(key)]) }
            } else {
                let fields: Vec<_> = view.join_keys.iter().map(|key| key.key.clone()).collect();
                KeyGroup::Entities {
                    encoder: EntityKeyEncoder::try_new(&fields, key_version)?,
                    key_names: fields.into_iter().map(|field| field.name).collect(),
                    columns: keys,
                }
            };
            let same = |known: &KeyGroup| known.has_keys_of(&group);
            let key_group = key_groups.iter().position(same).unwrap_or(key_groups.len());
            if key_group == key_groups.len() {
                key_groups.push(group);
            }
            views.push(PreparedView {
                view: Arc::new(OnlineView {
                    project: catalog.snapshot().project.name.clone(),
                    name: view.online_name.clone(),
                    features: view.stored_features.to_vec(),
                }),
                features: view.features.clone().into(),
                key_group,
            });
        }
        let entity_inputs = plan
            .calls
            .iter()
            .map(|call| {
                let positions = call.inputs.iter().map(|input| match input {
                    OnDemandInput::EntityColumn(field) => {
                        Some(columns.want(&field.name, field.value_type.clone()))
                    }
                    _ => None,
                });
                positions.collect()
            })
            .collect();
        let needed_keys: BTreeSet<String> =
            plan.join_key_columns().into_iter().map(|key| key.column.clone()).collect();
        Ok(Self {
            names: Arc::new(prepared_names(&plan)),
            output_names: plan.outputs.iter().map(|output| Arc::from(output.name.as_str())).collect(),
            entity_inputs,
            has_entityless_view: plan.views.iter().any(|view| view.join_keys.is_empty()),
            needed_keys: needed_keys.into_iter().collect(),
            plan,
            columns,
            project_columns,
            views,
            key_groups,
        })
    }

    /// The plan's weight in a cache: how many things it names.
    pub(crate) fn weight(&self) -> usize {
        self.plan.outputs.len() + self.plan.views.len() + 1
    }

    /// Makes the keys of a request and the reads of all views.
    pub(crate) fn reads(&self, entities: &EntityColumns) -> Result<PreparedReads> {
        self.refuse_missing_keys(entities)?;
        let keys = self
            .key_groups
            .iter()
            .map(|group| group.keys(entities))
            .collect::<Result<Vec<Option<DistinctKeys>>>>()?;
        let mut reads = Vec::with_capacity(self.views.len());
        let by_view = self
            .views
            .iter()
            .map(|view| {
                let keys = keys.get(view.key_group).and_then(Option::as_ref)?;
                reads.push(OnlineRead {
                    view: Arc::clone(&view.view),
                    features: Arc::clone(&view.features),
                    keys: Arc::clone(&keys.keys),
                });
                Some(ViewRead { read: reads.len() - 1, rows: keys.rows.clone() })
            })
            .collect();
        Ok(PreparedReads { reads, by_view })
    }

    /// A view needs a value for at least one of its keys; with a part of them it holds nothing for any
    /// row. A view without entities needs any entity column at all, which says how many rows to answer.
    fn refuse_missing_keys(&self, entities: &EntityColumns) -> Result<(), RequestError> {
        let given =
            |at: &usize| entities.row_count > 0 && entities.typed.get(*at).is_some_and(Option::is_some);
        let lacking = |group: &KeyGroup| match group {
            KeyGroup::Entities { columns, .. } => !columns.iter().any(given),
            KeyGroup::Entityless { .. } => entities.row_count == 0 || entities.recognised.is_empty(),
        };
        if !self.key_groups.iter().any(lacking) {
            return Ok(());
        }
        let needed = if self.needed_keys.is_empty() && self.has_entityless_view {
            self.project_columns.join_key_names()
        } else {
            self.needed_keys.clone()
        };
        let is_given = |name: &String| self.columns.is_given(name, entities);
        let missing = needed.iter().filter(|name| !is_given(name)).cloned().collect();
        Err(RequestError::MissingJoinKeys { needed, missing, provided: entities.recognised.clone() })
    }
}

impl KeyGroup {
    /// The same columns under other names make other keys: the names are part of the key bytes.
    fn has_keys_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Entityless { .. }, Self::Entityless { .. }) => true,
            (
                Self::Entities { key_names, columns, .. },
                Self::Entities { key_names: other_names, columns: other_columns, .. },
            ) => key_names == other_names && columns == other_columns,
            _ => false,
        }
    }

    /// The distinct keys of the rows; `None` if a key column is missing.
    fn keys(&self, entities: &EntityColumns) -> Result<Option<DistinctKeys>> {
        match self {
            Self::Entityless { key } => {
                let rows = (entities.row_count != 1).then(|| vec![0; entities.row_count].into());
                Ok(Some(DistinctKeys { keys: Arc::clone(key), rows }))
            }
            Self::Entities { encoder, columns, .. } => {
                let arrays: Option<Vec<_>> =
                    columns.iter().map(|at| entities.typed.get(*at).cloned().flatten()).collect();
                let Some(arrays) = arrays else { return Ok(None) };
                Ok(Some(DistinctKeys::new(encoder.encode(&arrays, entities.row_count)?)))
            }
        }
    }
}

fn prepared_names(plan: &FeaturePlan) -> PreparedNames {
    let mut features = Vec::new();
    for output in &plan.outputs {
        json::push_separated_string(&mut features, &output.name);
    }
    let mut seen = BTreeSet::new();
    let names = plan.views.iter().map(|view| view.name_to_use.as_str());
    let feature_views = names.filter(|name| seen.insert(*name)).map(Arc::from).collect();
    let views_of_features = plan.outputs.iter().map(|output| match output.source {
        OutputSource::Stored { .. } => output.view.as_str(),
        OutputSource::OnDemand { call, .. } => {
            plan.calls.get(call).map(|call| call.view.name.as_str()).unwrap_or_default()
        }
    });
    PreparedNames {
        features: features.into(),
        feature_views,
        views_of_features: views_of_features.map(Arc::from).collect(),
        log_columns: LogColumn::of_plan(plan).into(),
    }
}
