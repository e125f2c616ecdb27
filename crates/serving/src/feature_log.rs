//! Answers of feature services as rows of Feast's feature log.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Int32Array, RecordBatch, RecordBatchOptions, StringArray,
    TimestampMicrosecondArray, new_null_array,
};
use arrow::datatypes::{Field as ArrowField, Schema};
use larder_core::{Field, Timestamp};
use larder_plan::{FeaturePlan, OnDemandInput, OutputSource};

use crate::{FeatureStatus, OnlineResponse};

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Takes note of answered requests for feature services. Shared by all requests; never makes one wait.
pub trait FeatureLog: Debug + Send + Sync + 'static {
    /// Whether the next answer of a service is to be logged. Called once per request.
    fn wants(&self, feature_service: &str) -> bool;

    /// Takes an answer, or drops it if too many wait already.
    fn log(&self, answer: LoggedAnswer);
}

/// One answer of a feature service, with all that a log says of it.
#[derive(Clone, Debug)]
pub struct LoggedAnswer {
    /// The service.
    pub feature_service: String,
    /// When it was answered.
    pub logged_at: Timestamp,
    pub(crate) response: OnlineResponse,
}

/// A column of the log of a plan, before those that every log has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LogColumn {
    /// A join key under the name it has in requests.
    JoinKey(Field),
    /// Request data, by position in the plan's request fields.
    RequestData(usize, Field),
    /// A feature with time and status, by position in the plan's outputs.
    Feature(usize, String),
}

impl LogColumn {
    /// The columns of a plan's log in Feast's order: for each view its join keys or request data, then its
    /// features as `view__feature`.
    pub(crate) fn of_plan(plan: &FeaturePlan) -> Vec<Self> {
        let mut columns: Vec<Self> = Vec::new();
        for (at, output) in plan.outputs.iter().enumerate() {
            let (view, before) = match output.source {
                OutputSource::Stored { view, .. } => {
                    let Some(view) = plan.views.get(view) else { continue };
                    let keys = view.join_keys.iter();
                    let keys =
                        keys.map(|key| Self::JoinKey(Field { name: key.column.clone(), ..key.key.clone() }));
                    (&output.view, keys.collect::<Vec<_>>())
                }
                OutputSource::OnDemand { call, .. } => {
                    let Some(on_demand) = plan.calls.get(call) else { continue };
                    (&on_demand.view.name, request_data(plan, call))
                }
            };
            for column in before {
                if !columns.contains(&column) {
                    columns.push(column);
                }
            }
            columns.push(Self::Feature(at, format!("{view}__{}", output.field.name)));
        }
        columns
    }
}

impl LoggedAnswer {
    /// How many rows it has.
    pub fn row_count(&self) -> usize {
        self.response.row_count()
    }

    /// Its rows in Feast's schema: join keys and request data; per feature `view__feature`,
    /// `view__feature__timestamp` and `view__feature__status` (1 is present, 3 is not found); then
    /// `__log_timestamp`, `__log_date` and `__request_id`. A time is null where nothing is held.
    pub fn to_record_batch(&self, request_id: &str) -> RecordBatch {
        let rows = self.row_count();
        let mut columns: Vec<(String, ArrayRef)> = Vec::new();
        for column in self.response.log_columns() {
            match column {
                LogColumn::JoinKey(field) => {
                    let echoed = self.response.column(&field.name).map(|column| Arc::clone(column.values()));
                    let values =
                        echoed.unwrap_or_else(|| new_null_array(&field.value_type.data_type(), rows));
                    columns.push((field.name.clone(), values));
                }
                LogColumn::RequestData(at, field) => {
                    let values = self.response.request_data(*at).map(Arc::clone);
                    let values =
                        values.unwrap_or_else(|| new_null_array(&field.value_type.data_type(), rows));
                    columns.push((field.name.clone(), values));
                }
                LogColumn::Feature(at, name) => {
                    let Some(feature) = self.response.feature_columns().get(*at) else { continue };
                    let times = (0..rows).map(|row| feature.event_timestamp(row).map(Timestamp::micros));
                    let times = times.collect::<TimestampMicrosecondArray>().with_timezone("UTC");
                    let statuses = (0..rows).map(|row| number_of(feature.status(row)));
                    let statuses = statuses.collect::<Int32Array>();
                    columns.push((name.clone(), Arc::clone(feature.values())));
                    columns.push((format!("{name}__timestamp"), Arc::new(times)));
                    columns.push((format!("{name}__status"), Arc::new(statuses)));
                }
            }
        }
        let micros = self.logged_at.micros();
        let times = TimestampMicrosecondArray::from_value(micros, rows).with_timezone("UTC");
        let day = i32::try_from(micros.div_euclid(MICROS_PER_DAY)).unwrap_or(i32::MAX);
        columns.push(("__log_timestamp".to_owned(), Arc::new(times)));
        columns.push(("__log_date".to_owned(), Arc::new(Date32Array::from_value(day, rows))));
        let ids = StringArray::from_iter_values(std::iter::repeat_n(request_id, rows));
        columns.push(("__request_id".to_owned(), Arc::new(ids)));
        let fields =
            columns.iter().map(|(name, array)| ArrowField::new(name, array.data_type().clone(), true));
        let schema = Schema::new(fields.collect::<Vec<_>>());
        let arrays = columns.into_iter().map(|(_, array)| array).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::new(schema), arrays, &options)
            .expect("every column has one value per row and its own type")
    }
}

/// The request data that a call takes, itself or through the calls it takes from.
fn request_data(plan: &FeaturePlan, call: usize) -> Vec<LogColumn> {
    let mut open = vec![call];
    let mut fields: Vec<LogColumn> = Vec::new();
    let mut seen = BTreeSet::from([call]);
    while let Some(call) = open.pop() {
        for input in plan.calls.get(call).into_iter().flat_map(|call| &call.inputs) {
            match input {
                OnDemandInput::Request(at) => {
                    let field = plan.request_fields.get(*at).map(|request| request.field.clone());
                    fields.extend(field.map(|field| LogColumn::RequestData(*at, field)));
                }
                OnDemandInput::Computed { call, .. } if seen.insert(*call) => open.push(*call),
                _ => {}
            }
        }
    }
    fields
}

/// The number of a status in Feast's protocol.
fn number_of(status: FeatureStatus) -> i32 {
    match status {
        FeatureStatus::Present => 1,
        FeatureStatus::NotFound => 3,
        FeatureStatus::OutsideMaxAge => 4,
    }
}
