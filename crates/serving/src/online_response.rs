//! The answer of the online door.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{Field as ArrowField, Schema};
use bytes::Bytes;
use larder_core::{Timestamp, ValueType};

use crate::feature_log::LogColumn;
use crate::http::FeatureCounts;
use crate::json;

/// More values than this are many.
const LARGE_ANSWER_VALUES: usize = 50_000;

/// What is known of one value of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FeatureStatus {
    /// It is held, perhaps as null; also every entity column and every on-demand feature.
    Present,
    /// Nothing is held: the entity is unknown, or the feature was never written for it.
    NotFound,
    /// It is held, and older than its view's ttl. Only told where `online_ttl` asks for it.
    OutsideMaxAge,
}

impl FeatureStatus {
    /// The name on Feast's wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Present => "PRESENT",
            Self::NotFound => "NOT_FOUND",
            Self::OutsideMaxAge => "OUTSIDE_MAX_AGE",
        }
    }
}

/// The newest values for the rows of a request `[rows × columns]`: the entity columns in the order of
/// the request, then the features as planned.
#[derive(Clone, Debug)]
pub struct OnlineResponse {
    row_count: usize,
    columns: Vec<ResponseColumn>,
    names: Arc<PreparedNames>,
    /// How many of the columns are entity columns, whose names `names` does not hold.
    entity_columns: usize,
    /// By position in the plan's request fields; not part of the answer.
    request_data: Vec<ArrayRef>,
}

/// One column of an answer, one value per row of the request.
#[derive(Clone, Debug)]
pub struct ResponseColumn {
    pub(crate) name: Arc<str>,
    pub(crate) value_type: ValueType,
    pub(crate) values: ArrayRef,
    pub(crate) presence: Presence,
    pub(crate) event_timestamps: Option<EventTimes>,
}

/// The event time of each row, where it has one.
pub(crate) type EventTimes = Arc<[Option<Timestamp>]>;

/// Which values of a column are held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    All,
    Some(BooleanBuffer),
    /// Some are held, and some of those are too old.
    Expiring {
        held: BooleanBuffer,
        expired: BooleanBuffer,
    },
}

impl Presence {
    /// What is known of the value of a row.
    pub(crate) fn status(&self, row: usize) -> FeatureStatus {
        match self {
            Self::Some(held) | Self::Expiring { held, .. } if !held.value(row) => FeatureStatus::NotFound,
            Self::Expiring { expired, .. } if expired.value(row) => FeatureStatus::OutsideMaxAge,
            _ => FeatureStatus::Present,
        }
    }
}

/// The names of a plan's features and views as JSON, made once per plan.
#[derive(Debug, Default)]
pub(crate) struct PreparedNames {
    /// `"conv_rate","acc_rate"`
    pub(crate) features: Box<[u8]>,
    /// The views that are read, each once, under the names they are asked for by.
    pub(crate) feature_views: Box<[Arc<str>]>,
    /// The view of each feature, under the name it was asked for.
    pub(crate) views_of_features: Box<[Arc<str>]>,
    /// What a log of the answer holds.
    pub(crate) log_columns: Box<[LogColumn]>,
}

impl OnlineResponse {
    pub(crate) fn new(
        row_count: usize,
        entity_columns: Vec<ResponseColumn>,
        feature_columns: impl IntoIterator<Item = ResponseColumn>,
        names: Arc<PreparedNames>,
        request_data: Vec<ArrayRef>,
    ) -> Self {
        let mut columns = entity_columns;
        let entity_columns = columns.len();
        columns.extend(feature_columns);
        Self { row_count, columns, names, entity_columns, request_data }
    }

    /// How many rows every column has: those of the request.
    pub fn row_count(&self) -> usize {
        self.row_count
    }

    /// The columns: entity columns, then features.
    pub fn columns(&self) -> &[ResponseColumn] {
        &self.columns
    }

    /// The feature columns alone.
    pub fn feature_columns(&self) -> &[ResponseColumn] {
        self.columns.get(self.entity_columns..).unwrap_or_default()
    }

    /// The column of a name.
    pub fn column(&self, name: &str) -> Option<&ResponseColumn> {
        self.columns.iter().find(|column| &*column.name == name)
    }

    /// The values alone `[rows × columns]`.
    pub fn to_record_batch(&self) -> RecordBatch {
        let fields: Vec<ArrowField> = self
            .columns
            .iter()
            .map(|column| ArrowField::new(&*column.name, column.values.data_type().clone(), true))
            .collect();
        let arrays = self.columns.iter().map(|column| Arc::clone(&column.values)).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.row_count));
        RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
            .expect("every column has one value per row and its own type")
    }

    /// The body of Feast's HTTP answer. With `feature_view_metadata` it also names the views.
    pub fn to_json(&self, feature_view_metadata: bool) -> Bytes {
        json::encode_response(self, feature_view_metadata)
    }

    /// Feast's `to_dict`: one JSON object with a list of values per column.
    pub fn to_json_columns(&self) -> Bytes {
        json::encode_columns(self)
    }

    /// Whether it takes so long to write it that other requests would notice: such an answer is better written on a
    /// thread that may block.
    pub fn is_large(&self) -> bool {
        self.columns.len() * self.row_count > LARGE_ANSWER_VALUES
    }

    /// The views that were read, each once, under the names they were asked for by.
    pub fn feature_views(&self) -> impl Iterator<Item = &str> {
        self.names.feature_views.iter().map(|view| &**view)
    }

    pub(crate) fn entity_column_count(&self) -> usize {
        self.entity_columns
    }

    pub(crate) fn log_columns(&self) -> &[LogColumn] {
        &self.names.log_columns
    }

    /// The request data at a position of the plan's request fields.
    pub(crate) fn request_data(&self, at: usize) -> Option<&ArrayRef> {
        self.request_data.get(at)
    }

    /// The view of each feature column.
    pub(crate) fn views_of_features(&self) -> &[Arc<str>] {
        &self.names.views_of_features
    }

    /// How many features of how many views it has.
    pub(crate) fn feature_counts(&self) -> FeatureCounts {
        let views = self.views_of_features();
        let feature_views = views.iter().collect::<HashSet<_>>().len();
        FeatureCounts { features: views.len(), feature_views }
    }

    pub(crate) fn prepared_names(&self) -> &PreparedNames {
        &self.names
    }
}

impl ResponseColumn {
    /// A column whose values are all present and have no event time.
    pub(crate) fn computed(name: Arc<str>, value_type: ValueType, values: ArrayRef) -> Self {
        Self { name, value_type, values, presence: Presence::All, event_timestamps: None }
    }

    /// The name in the answer.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The declared type.
    pub fn value_type(&self) -> &ValueType {
        &self.value_type
    }

    /// The values, of the declared Arrow type, null where nothing is held.
    pub fn values(&self) -> &ArrayRef {
        &self.values
    }

    /// What is known of the value of a row.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    pub fn status(&self, row: usize) -> FeatureStatus {
        self.presence.status(row)
    }

    /// When the row's value became true; `None` for entity columns, on-demand features and unknown
    /// entities, for which Feast shows 1970.
    pub fn event_timestamp(&self, row: usize) -> Option<Timestamp> {
        self.event_timestamps.as_ref().and_then(|times| times.get(row).copied().flatten())
    }

    /// How many values are held, and how many are not.
    pub(crate) fn status_counts(&self) -> (usize, usize) {
        let rows = self.values.len();
        match &self.presence {
            Presence::All => (rows, 0),
            Presence::Some(held) | Presence::Expiring { held, .. } => {
                let held = held.count_set_bits();
                (held, rows - held)
            }
        }
    }
}
