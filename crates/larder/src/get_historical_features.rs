//! Training sets: the features of each entity row as of its time.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Field as ArrowField, Schema};
use larder_core::column::cast_column;
use larder_core::{
    EntityFrame, Error, ErrorKind, FeatureViewProjection, Field, JoinedColumns, PointInTimeJoin,
    RequestError, Result, ValueType, ViewJoin,
};
use larder_offline::entity_frame;
use larder_plan::{
    CallColumns, Catalog, FeaturePlan, OnDemandInput, OutputColumn, OutputSource, PlannedView, Retrieval,
    Selection,
};

use crate::all_entities::all_entities;
use crate::dask_rows::kept_by_dask;
use crate::{EntitySpan, FeatureStore};

/// A request for a training set.
#[derive(Clone, Debug)]
pub struct HistoricalRequest {
    /// What the rows of the answer are about.
    pub entities: TrainingEntities,
    /// The features wanted.
    pub selection: Selection,
    /// Whether feature columns are called `view__feature`.
    pub full_feature_names: bool,
    /// Whether feature rows created after an entity row's time are invisible to it.
    pub filter_by_created_timestamp: bool,
}

/// What the rows of a training set are about.
#[derive(Clone, Debug)]
pub enum TrainingEntities {
    /// One row per row of the answer: join keys, a time, request data, and anything else, which passes
    /// through.
    ///
    /// The time is the column `event_timestamp`, or else the only column of a timestamp type.
    Rows(RecordBatch),
    /// Every entity that the views' sources know, as of one time: a row each, in a column
    /// `event_timestamp` and one for each join key.
    All(EntitySpan),
}

/// The metadata of a column of a [`TrainingSet`] that names its type where its Arrow type does not tell
/// it: a map or a decimal is text, a set is a list.
pub const VALUE_TYPE_METADATA: &str = "larder.dev/value-type";

/// A training set.
#[derive(Clone, Debug)]
pub struct TrainingSet {
    /// The entity columns in their order, then the features; one row per entity row, in its order.
    pub rows: RecordBatch,
    /// The features, as references `view:feature`, in the order of their columns.
    pub features: Vec<String>,
    /// The columns that identify an entity, in first-seen order.
    pub join_keys: Vec<String>,
    /// The time column.
    pub timestamp_column: String,
    /// The time column, where it had to be inferred.
    pub inferred_timestamp_column: Option<String>,
}

impl FeatureStore {
    /// Joins features to entity rows, each as of the row's time, and applies on-demand views to the
    /// result. Every entity row is kept, in order; what is not known is null. `compat` in
    /// `feature_store.yaml` may ask for fewer rows and more columns.
    ///
    /// # Errors
    ///
    /// [`RequestError`] for unknown names, missing columns and colliding names; the stores' and
    /// transformations' own errors otherwise.
    pub async fn get_historical_features(&self, request: HistoricalRequest) -> Result<TrainingSet> {
        let HistoricalRequest { entities, selection, full_feature_names, filter_by_created_timestamp } =
            request;
        let query = self.historical_query(&selection, full_feature_names, filter_by_created_timestamp)?;
        let drops_rows = self.config().compat.dask_drop_rows && matches!(entities, TrainingEntities::Rows(_));
        let entity_rows = match entities {
            TrainingEntities::Rows(rows) => rows,
            TrainingEntities::All(span) => self.all_entities(&query, span).await?,
        };
        self.join(&query, entity_rows, drops_rows).await
    }

    /// What a request for a training set means, by the registry as it is now.
    pub(crate) fn historical_query(
        &self,
        selection: &Selection,
        full_feature_names: bool,
        filter_by_created_timestamp: bool,
    ) -> Result<HistoricalQuery> {
        let catalog = self.catalog();
        let plan =
            FeaturePlan::resolve(&catalog, selection, full_feature_names, self.retrieval_of_history())?;
        HistoricalQuery::try_new(&catalog, plan, filter_by_created_timestamp)
    }

    /// As [`historical_query`](Self::historical_query), for views that are asked for as a feature service does.
    pub(crate) fn historical_query_of(
        &self,
        features: &[FeatureViewProjection],
        full_feature_names: bool,
    ) -> Result<HistoricalQuery> {
        let catalog = self.catalog();
        let retrieval = self.retrieval_of_history();
        let plan = FeaturePlan::of_projections(&catalog, features, full_feature_names, retrieval)?;
        HistoricalQuery::try_new(&catalog, plan, false)
    }

    fn retrieval_of_history(&self) -> Retrieval {
        if self.config().compat.on_demand_inputs_in_training_sets {
            Retrieval::HistoricalWithInputs
        } else {
            Retrieval::Historical
        }
    }

    /// A row for every entity that the query's sources know in the span.
    pub(crate) async fn all_entities(
        &self,
        query: &HistoricalQuery,
        span: EntitySpan,
    ) -> Result<RecordBatch> {
        all_entities(self.offline().as_ref(), &query.views, span, self.clock().now()).await
    }

    /// The training set of some entity rows. Rows are answered one by one, so the sets of two halves are the
    /// halves of the set; not with `drops_rows`, which takes rows out as Feast's file store does.
    pub(crate) async fn join(
        &self,
        query: &HistoricalQuery,
        entity_rows: RecordBatch,
        drops_rows: bool,
    ) -> Result<TrainingSet> {
        let plan = &query.plan;
        check_columns(plan, &entity_rows)?;
        let timed = entity_frame::from_batch(entity_rows)?;
        let mut frame = timed.frame;
        if drops_rows {
            frame = kept_by_dask(self.offline().as_ref(), &query.views, &frame).await?;
        }
        let joined = self
            .offline()
            .join(PointInTimeJoin {
                frame: frame.clone(),
                views: query.views.clone(),
                filter_by_created_timestamp: query.filter_by_created_timestamp,
            })
            .await?;
        let columns = TrainingColumns { plan, frame: &frame, joined: &joined };
        let computed = plan.compute(frame.rows.num_rows(), &columns).await?;
        Ok(TrainingSet {
            rows: assemble(plan, &frame, &joined, &computed)?,
            features: plan.outputs.iter().map(OutputColumn::reference).collect(),
            join_keys: plan.join_key_columns().iter().map(|key| key.column.clone()).collect(),
            inferred_timestamp_column: timed.is_inferred.then(|| timed.timestamp_column.clone()),
            timestamp_column: timed.timestamp_column,
        })
    }
}

/// A request for a training set, resolved, without its entity rows.
#[derive(Debug)]
pub(crate) struct HistoricalQuery {
    pub(crate) plan: FeaturePlan,
    /// The joins of the plan's views, in their order.
    pub(crate) views: Vec<ViewJoin>,
    filter_by_created_timestamp: bool,
}

impl HistoricalQuery {
    fn try_new(catalog: &Catalog, plan: FeaturePlan, filter_by_created_timestamp: bool) -> Result<Self> {
        let views = plan.views.iter().map(|view| view_join(catalog, view)).collect::<Result<Vec<_>>>()?;
        Ok(Self { plan, views, filter_by_created_timestamp })
    }

    /// The columns that entity rows must or may bring, with the types that they count as.
    pub(crate) fn declared_columns(&self) -> Vec<Field> {
        let keys = self.plan.join_key_columns().into_iter();
        let keys = keys.map(|key| Field { name: key.column.clone(), ..key.key.clone() });
        let requests = self.plan.request_fields.iter().map(|request| request.field.clone());
        keys.chain(requests).collect()
    }

    /// How many views are joined.
    pub(crate) fn view_count(&self) -> usize {
        self.views.len()
    }
}

/// Refuses entity rows that lack a column the plan needs, or that already have one it would add.
fn check_columns(plan: &FeaturePlan, rows: &RecordBatch) -> Result<(), RequestError> {
    let schema = rows.schema_ref();
    let has = |name: &str| schema.column_with_name(name).is_some();
    let mut expected: Vec<String> = plan.join_key_columns().iter().map(|key| key.column.clone()).collect();
    for input in plan.calls.iter().flat_map(|call| &call.inputs) {
        if let OnDemandInput::EntityColumn(field) = input
            && !expected.contains(&field.name)
        {
            expected.push(field.name.clone());
        }
    }
    let missing: Vec<String> = expected.iter().filter(|name| !has(name)).cloned().collect();
    if !missing.is_empty() {
        return Err(RequestError::EntityDfMissingColumns { expected, missing });
    }
    if let Some(absent) = plan.request_fields.iter().find(|request| !has(&request.field.name)) {
        return Err(RequestError::RequestDataMissingHistorical {
            feature: absent.field.name.clone(),
            view: absent.needed_by.clone(),
        });
    }
    let names: Vec<String> =
        plan.outputs.iter().filter(|output| has(&output.name)).map(|output| output.name.clone()).collect();
    if names.is_empty() {
        Ok(())
    } else {
        Err(RequestError::FeatureNameCollision { names, full_feature_names: false })
    }
}

fn view_join(catalog: &Catalog, view: &PlannedView) -> Result<ViewJoin> {
    let definition = view.definition.as_ref().expect("historical plans read feature views only");
    let source = definition.batch_source.as_ref().ok_or_else(|| {
        RequestError::other(format!(
            "feature view `{}` has no batch source, so it has no history; give its push source a `batch_source`",
            view.name
        ))
    })?;
    Ok(ViewJoin {
        view: view.name.clone(),
        source: Arc::clone(&catalog.snapshot().data_source(source)?.object),
        join_keys: view.join_keys.iter().map(|key| key.key.clone()).collect(),
        frame_columns: view.join_keys.iter().map(|key| key.column.clone()).collect(),
        ttl: definition.ttl,
        features: view
            .features
            .iter()
            .filter_map(|position| view.stored_features.get(*position).cloned())
            .collect(),
    })
}

/// The joined columns, for the on-demand views. They run once over all rows; the transformations split
/// them as they like.
struct TrainingColumns<'a> {
    plan: &'a FeaturePlan,
    frame: &'a EntityFrame,
    joined: &'a [JoinedColumns],
}

impl CallColumns for TrainingColumns<'_> {
    fn column(&self, _call: usize, _input: usize, source: &OnDemandInput) -> Result<ArrayRef> {
        match source {
            OnDemandInput::Stored { view, feature } => Ok(joined_column(self.joined, *view, *feature)),
            OnDemandInput::Request(at) => {
                let request = self.plan.request_fields.get(*at);
                frame_column(self.frame, &request.expect("the plan counts its request fields").field)
            }
            OnDemandInput::EntityColumn(field) => frame_column(self.frame, field),
            OnDemandInput::Computed { .. } => unreachable!("the plan has the columns that it computes"),
        }
    }
}

fn frame_column(frame: &EntityFrame, field: &Field) -> Result<ArrayRef> {
    let column = frame.rows.column_by_name(&field.name).expect("`check_columns` saw the column");
    Ok(cast_column(&field.name, column, &field.value_type)?)
}

fn joined_column(joined: &[JoinedColumns], view: usize, feature: usize) -> ArrayRef {
    let column = joined.get(view).and_then(|columns| columns.get(feature));
    Arc::clone(column.expect("the offline store answers every feature of every view"))
}

/// The Arrow field of an output; its metadata says the type where Arrow's does not.
fn named_with_type(name: &str, value_type: &ValueType, column: &ArrayRef) -> ArrowField {
    let field = ArrowField::new(name, column.data_type().clone(), true);
    if ValueType::infer(column.data_type()).as_ref() == Some(value_type) {
        return field;
    }
    field.with_metadata([(VALUE_TYPE_METADATA.to_owned(), value_type.to_string())].into())
}

fn assemble(
    plan: &FeaturePlan,
    frame: &EntityFrame,
    joined: &[JoinedColumns],
    computed: &[Vec<ArrayRef>],
) -> Result<RecordBatch> {
    let mut fields: Vec<Arc<ArrowField>> = frame.rows.schema_ref().fields().to_vec();
    let mut columns = frame.rows.columns().to_vec();
    for output in &plan.outputs {
        let column = match output.source {
            OutputSource::Stored { view, feature } => joined_column(joined, view, feature),
            OutputSource::OnDemand { call, feature } => joined_column(computed, call, feature),
        };
        fields.push(Arc::new(named_with_type(&output.name, &output.field.value_type, &column)));
        columns.push(column);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
        .map_err(|source| Error::new(ErrorKind::Internal, source))
}
