//! What the offline server can do, as one trait.

use std::fmt::Debug;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use async_trait::async_trait;
use larder_core::{DataSource, FeatureViewProjection, InputTable, Result, RowStream, Timestamp};
use larder_registry::RegistrySnapshot;

/// The verbs behind the Flight door.
///
/// One implementation is shared by all calls; methods may run concurrently, work on one registry snapshot each,
/// and never block the caller's thread.
#[async_trait]
pub trait OfflineServer: Debug + Send + Sync + 'static {
    /// What the registry holds now; what it held last, if it cannot be read. Later verbs see no older state.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`](larder_core::ErrorKind::Unavailable) if the registry cannot be reached.
    async fn snapshot(&self) -> Result<Arc<RegistrySnapshot>>;

    /// Reads history. The rows are made as they are asked for.
    ///
    /// # Errors
    ///
    /// [`RequestError`](larder_core::RequestError) for a mistake in the request; else as the offline store and the
    /// transformations, also in the middle of the rows.
    async fn read(self: Arc<Self>, read: OfflineRead) -> Result<RowStream>;

    /// Reads history into the file of a data source. The file is complete and durable when this returns.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read); `SavedDatasetLocationAlreadyExists` if the file is there and may not be replaced.
    async fn persist(self: Arc<Self>, read: OfflineRead, target: PersistTarget) -> Result<()>;

    /// Adds rows to the batch source of a feature view. They are durable when this returns.
    ///
    /// # Errors
    ///
    /// [`RequestError`](larder_core::RequestError) for a mistake in the rows; else as the offline store.
    async fn write_to_offline_store(&self, feature_view: &str, rows: InputTable) -> Result<()>;

    /// Adds rows to the log of a feature service. They are durable when this returns.
    ///
    /// # Errors
    ///
    /// [`RequestError`](larder_core::RequestError) if the service is not logged here, or for a mistake in the rows.
    async fn write_logged_features(&self, feature_service: &str, rows: RecordBatch) -> Result<()>;

    /// The registered data sources that read a file of this one, which a client describes and which need not be
    /// registered itself.
    ///
    /// # Errors
    ///
    /// [`RequestError`](larder_core::RequestError) if it reads files that clients may not look at.
    async fn registered_readers(&self, source: &DataSource) -> Result<Vec<String>>;

    /// Refuses a data source that cannot be read as it is described. A table that is not there yet is no mistake.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    async fn validate_data_source(&self, source: &DataSource) -> Result<()>;

    /// The columns of a data source as they are called in it, in order.
    ///
    /// # Errors
    ///
    /// As the offline store.
    async fn columns(&self, source: &DataSource) -> Result<Vec<(String, DataType)>>;
}

/// A read of history.
#[derive(Clone, Debug)]
pub enum OfflineRead {
    /// A training set.
    TrainingSet(TrainingSetRequest),
    /// The newest row of every key of a data source, in a span of event time.
    Latest(SourceRows),
    /// Every row of a data source in a span of event time.
    All(SourceRows),
}

/// A training set.
#[derive(Clone, Debug)]
pub struct TrainingSetRequest {
    /// The features, by view.
    pub features: Vec<FeatureViewProjection>,
    /// Whether feature columns are called `view__feature`.
    pub full_feature_names: bool,
    /// What its rows are about.
    pub rows: TrainingRows,
}

/// What the rows of a training set are about.
#[derive(Clone, Debug)]
pub enum TrainingRows {
    /// Entity rows.
    Of(RecordBatch),
    /// Every entity that the sources know in a span of event time.
    All {
        /// The earliest event time.
        start: Option<Timestamp>,
        /// The latest event time, as of which entities are described; now, without it.
        end: Option<Timestamp>,
    },
}

/// Columns of a data source, under the names that they have in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRows {
    /// The data source, or the path of a saved dataset.
    pub data_source: String,
    /// The join keys; none for a view without entities.
    pub join_keys: Vec<String>,
    /// The features; none for all columns there are.
    pub features: Vec<String>,
    /// The event time.
    pub timestamp_field: String,
    /// When rows were written.
    pub created_timestamp_column: Option<String>,
    /// The earliest event time, included.
    pub start: Option<Timestamp>,
    /// The latest event time, included.
    pub end: Option<Timestamp>,
}

impl SourceRows {
    /// The columns of the answer, each once: join keys, features, times.
    pub fn columns(&self) -> Vec<&str> {
        let mut columns: Vec<&str> = Vec::new();
        let times = [Some(&self.timestamp_field), self.created_timestamp_column.as_ref()];
        for column in self.join_keys.iter().chain(&self.features).chain(times.into_iter().flatten()) {
            if !columns.contains(&column.as_str()) {
                columns.push(column);
            }
        }
        columns
    }
}

/// Where rows are to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersistTarget {
    /// The data source.
    pub data_source: String,
    /// Whether what is there may be replaced.
    pub allow_overwrite: bool,
}
