//! The walk of one request: plan, read, transform, answer.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, new_null_array};
use arrow::buffer::BooleanBuffer;
use arrow::compute::nullif;
use larder_core::{
    Clock, EntityKeyVersion, Error, ErrorKind, OnlineRows, OnlineStore, RequestError, Result, TextIndexes,
    Timestamp,
};
use larder_plan::{CallColumns, Catalog, OnDemandCall, OnDemandInput, OutputSource};
use larder_registry::OnlineTtl;
use metrics::histogram;
use tokio::time::Instant;

use crate::entity_columns::EntityColumns;
use crate::fan_out::ViewRows;
use crate::online_response::Presence;
use crate::plan_cache::PlanCache;
use crate::prepared_plan::{PreparedPlan, ViewRead};
use crate::{OnlineRequest, OnlineResponse, ResponseColumn};

/// Reads the newest values of features from an online store and runs on-demand views over them.
///
/// One is shared by all requests. It remembers the plans of recent selections for the catalog it saw
/// last, so a request that came before resolves no names.
#[derive(Debug)]
pub struct OnlineRetrieval {
    store: Arc<dyn OnlineStore>,
    plans: PlanCache,
    key_version: EntityKeyVersion,
    online_ttl: Option<(OnlineTtl, Arc<dyn Clock>)>,
    refuses_null_entities: bool,
    text_indexes: Option<Arc<dyn TextIndexes>>,
}

/// A store or a plan that broke its own contract.
#[derive(Clone, Copy, Debug, thiserror::Error)]
enum BrokenContract {
    #[error("the online store gave {given} answers to {asked} reads")]
    Answers { asked: usize, given: usize },
    #[error("the online store gave an answer with other rows or columns than it was asked for")]
    Shape,
    #[error("the plan names a column that it does not have")]
    Plan,
}

impl From<BrokenContract> for Error {
    fn from(broken: BrokenContract) -> Self {
        Self::new(ErrorKind::Internal, broken)
    }
}

impl OnlineRetrieval {
    /// Reads from `store`, whose rows lie under keys of `key_version`.
    pub fn new(store: Arc<dyn OnlineStore>, key_version: EntityKeyVersion) -> Self {
        let plans = PlanCache::new(key_version);
        Self { store, plans, key_version, online_ttl: None, refuses_null_entities: false, text_indexes: None }
    }

    /// Searches texts by these indexes.
    pub fn with_text_indexes(mut self, indexes: Arc<dyn TextIndexes>) -> Self {
        self.text_indexes = Some(indexes);
        self
    }

    /// # Errors
    ///
    /// [`RequestError`] if there are none.
    pub(crate) fn text_indexes(&self) -> Result<&dyn TextIndexes, RequestError> {
        let none = || RequestError::other("there is no search by text here; send a vector as `query`");
        self.text_indexes.as_deref().ok_or_else(none)
    }

    /// Tells of values that are older than their view's ttl, by `clock`; on-demand views then see what is
    /// served. Values of on-demand views that are kept online have no ttl.
    pub fn with_online_ttl(mut self, online_ttl: OnlineTtl, clock: Arc<dyn Clock>) -> Self {
        self.online_ttl = Some((online_ttl, clock));
        self
    }

    /// Refuses requests with a null entity value, as Feast does.
    pub fn with_null_entities_refused(mut self) -> Self {
        self.refuses_null_entities = true;
        self
    }

    /// Answers a request against one catalog: one row per entity row, in order.
    ///
    /// All stored features come from one call of the store; on-demand views run after it, each as soon as the
    /// views it reads are done.
    /// An unknown entity, or one with a null or lacking part of its key, is a row of nulls.
    ///
    /// # Errors
    ///
    /// [`RequestError`] for a mistake in the request, before anything is read;
    /// else as the store and the transformations.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: it only reads.
    pub async fn get_online_features(
        &self,
        catalog: &Arc<Catalog>,
        request: OnlineRequest,
    ) -> Result<OnlineResponse> {
        let OnlineRequest { selection, entities, full_feature_names } = request;
        let plan = self.plans.get(catalog, selection, full_feature_names)?;
        let entities = EntityColumns::classify(&entities, &plan.plan, &plan.columns, &plan.project_columns)?;
        if self.refuses_null_entities {
            entities.refuse_nulls()?;
        }
        let mut views = self.read(&plan, &entities).await?;
        if let Some((online_ttl, clock)) = &self.online_ttl {
            expire(&plan, &mut views, *online_ttl, clock.now())?;
        }
        let columns = RequestColumns { plan: &plan, entities: &entities, views: &views };
        let computed = plan.plan.compute(entities.row_count, &columns).await?;
        respond(&plan, entities, &views, &computed)
    }

    pub(crate) fn store(&self) -> &Arc<dyn OnlineStore> {
        &self.store
    }

    pub(crate) fn key_version(&self) -> EntityKeyVersion {
        self.key_version
    }

    async fn read(&self, plan: &PreparedPlan, entities: &EntityColumns) -> Result<Vec<ViewRows>> {
        let prepared = plan.reads(entities)?;
        let asked = prepared.reads.len();
        let answers = if asked == 0 {
            Vec::new()
        } else {
            let started = Instant::now();
            let answers = self.store.read(prepared.reads).await?;
            histogram!("feast_feature_server_online_store_read_duration_seconds").record(started.elapsed());
            answers
        };
        if answers.len() != asked {
            return Err(BrokenContract::Answers { asked, given: answers.len() }.into());
        }
        let mut answers: Vec<Option<OnlineRows>> = answers.into_iter().map(Some).collect();
        let rows = entities.row_count;
        plan.plan
            .views
            .iter()
            .zip(prepared.by_view)
            .map(|(view, read)| match read {
                None => {
                    let types = view.features.iter().filter_map(|at| view.stored_features.get(*at));
                    let absent = BooleanBuffer::new_unset(rows);
                    let columns = types
                        .map(|field| (new_null_array(&field.value_type.data_type(), rows), absent.clone()));
                    Ok(ViewRows {
                        event_timestamps: vec![None; rows].into(),
                        columns: columns.collect(),
                        expired: None,
                    })
                }
                Some(ViewRead { read, rows: positions }) => {
                    let answer = answers.get_mut(read).and_then(Option::take).ok_or(BrokenContract::Shape)?;
                    let keys = positions.as_ref().map_or(rows, |_| answer.event_timestamps.len());
                    check_shape(&answer, keys, view.features.len())?;
                    ViewRows::fan_out(answer, positions.as_deref())
                }
            })
            .collect()
    }
}

fn check_shape(answer: &OnlineRows, keys: usize, features: usize) -> Result<(), BrokenContract> {
    let even =
        answer.columns.iter().all(|column| column.values.len() == keys && column.present.len() == keys);
    if even && answer.event_timestamps.len() == keys && answer.columns.len() == features {
        Ok(())
    } else {
        Err(BrokenContract::Shape)
    }
}

/// Marks the rows that are older than their view's ttl; exactly as old still counts.
fn expire(plan: &PreparedPlan, views: &mut [ViewRows], online_ttl: OnlineTtl, now: Timestamp) -> Result<()> {
    for (planned, rows) in plan.plan.views.iter().zip(views) {
        let Some(ttl) = planned.definition.as_ref().map(|view| view.ttl).filter(|ttl| !ttl.is_zero()) else {
            continue;
        };
        let oldest = now.saturating_sub(ttl);
        let times = rows.event_timestamps.iter();
        let expired: BooleanBuffer = times.map(|time| time.is_some_and(|time| time < oldest)).collect();
        if expired.count_set_bits() == 0 {
            continue;
        }
        if online_ttl == OnlineTtl::Null {
            let mask = BooleanArray::new(expired.clone(), None);
            for (values, _) in &mut rows.columns {
                *values = nullif(values, &mask).map_err(|source| Error::new(ErrorKind::Internal, source))?;
            }
        }
        rows.expired = Some(expired);
    }
    Ok(())
}

/// The columns of one request, for the on-demand views.
struct RequestColumns<'a> {
    plan: &'a PreparedPlan,
    entities: &'a EntityColumns,
    views: &'a [ViewRows],
}

impl CallColumns for RequestColumns<'_> {
    fn column(&self, call: usize, input: usize, source: &OnDemandInput) -> Result<ArrayRef> {
        let column = match source {
            OnDemandInput::Stored { view, feature } => {
                stored_column(self.views, *view, *feature).map(|(values, _)| values)
            }
            OnDemandInput::Request(at) => self.entities.request_data.get(*at),
            OnDemandInput::EntityColumn(field) => {
                let inputs = self.plan.entity_inputs.get(call);
                let position = inputs.and_then(|inputs| inputs.get(input).copied().flatten());
                match position.and_then(|at| self.entities.typed.get(at)) {
                    // A part of a key that the request lacks is null, as in the read.
                    Some(None) => {
                        let (kind, rows) = (field.value_type.data_type(), self.entities.row_count);
                        return Ok(new_null_array(&kind, rows));
                    }
                    Some(column) => column.as_ref(),
                    None => None,
                }
            }
            OnDemandInput::Computed { .. } => None,
        };
        column.cloned().ok_or_else(|| BrokenContract::Plan.into())
    }

    fn begin(&self, call: &OnDemandCall) -> impl FnOnce() + Send {
        let (view, started) = (call.view.name.clone(), Instant::now());
        move || {
            histogram!("feast_feature_server_transformation_duration_seconds", "odfv_name" => view, "mode" => "wasm")
                .record(started.elapsed());
        }
    }
}

fn respond(
    plan: &PreparedPlan,
    entities: EntityColumns,
    views: &[ViewRows],
    computed: &[Vec<ArrayRef>],
) -> Result<OnlineResponse> {
    let features = plan
        .plan
        .outputs
        .iter()
        .zip(&plan.output_names)
        .map(|(output, name)| {
            let name = Arc::clone(name);
            match output.source {
                OutputSource::Stored { view, feature } => {
                    let (values, present) =
                        stored_column(views, view, feature).ok_or(BrokenContract::Plan)?;
                    let held = present.clone();
                    let presence = match views.get(view).and_then(|rows| rows.expired.clone()) {
                        Some(expired) => Presence::Expiring { held, expired },
                        None => Presence::Some(held),
                    };
                    Ok(ResponseColumn {
                        name,
                        value_type: output.field.value_type.clone(),
                        values: Arc::clone(values),
                        presence,
                        event_timestamps: views.get(view).map(|rows| Arc::clone(&rows.event_timestamps)),
                    })
                }
                OutputSource::OnDemand { call, feature } => {
                    let columns = computed.get(call).ok_or(BrokenContract::Plan)?;
                    let values = columns.get(feature).ok_or(BrokenContract::Plan)?;
                    Ok(ResponseColumn::computed(name, output.field.value_type.clone(), Arc::clone(values)))
                }
            }
        })
        .collect::<Result<Vec<_>>>()?;
    let echoed = entities.echoed.into_iter();
    let echoed =
        echoed.map(|(name, value_type, values)| ResponseColumn::computed(name, value_type, values)).collect();
    let names = Arc::clone(&plan.names);
    Ok(OnlineResponse::new(entities.row_count, echoed, features, names, entities.request_data))
}

fn stored_column(views: &[ViewRows], view: usize, feature: usize) -> Option<(&ArrayRef, &BooleanBuffer)> {
    views.get(view)?.columns.get(feature).map(|(values, present)| (values, present))
}
