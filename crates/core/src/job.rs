//! Jobs: programs that ask for the verbs of the feature store, run by a schedule or by hand.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use futures::stream::BoxStream;

use crate::{Capabilities, ComponentDigest, Field, PushMode, Result, Schedule, Selection, Timestamp};

/// A job of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its name, unique in the project.
    pub name: String,
    /// What it is, for people.
    pub description: String,
    /// Its component.
    pub component: ComponentDigest,
    /// What it is told, unless a run by hand says otherwise.
    pub arguments: Vec<String>,
    /// What it may do.
    pub allow: Capabilities,
    /// When a server runs it; without one it is run by hand alone.
    pub schedule: Option<Schedule>,
    /// What a run may use up.
    pub limits: JobLimits,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
}

/// What one run of a job may use up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct JobLimits {
    /// Time from the start to the end, waiting for larder included. Default: 1 h.
    pub wall_time: Duration,
    /// Time in the job's own code, in which larder's work for it does not count. Default: 1 min.
    pub compute_time: Duration,
    /// Linear memory of the job, in bytes. Default: 256 MiB.
    pub memory_bytes: usize,
    /// Bytes of one batch or table that crosses at once, either way. Default: 16 MiB.
    pub batch_bytes: usize,
    /// Bytes of the tables that larder holds for the job at any time: entity rows, and rows to be added to a
    /// source. Default: 512 MiB.
    pub table_bytes: usize,
    /// Bytes of rows that the job may write to files altogether. Default: 16 GiB.
    pub written_bytes: u64,
    /// Bytes of the log that are kept. Default: 256 KiB.
    pub log_bytes: usize,
}

impl Default for JobLimits {
    fn default() -> Self {
        Self {
            wall_time: Duration::from_secs(3_600),
            compute_time: Duration::from_secs(60),
            memory_bytes: 256 << 20,
            batch_bytes: 16 << 20,
            table_bytes: 512 << 20,
            written_bytes: 16 << 30,
            log_bytes: 256 << 10,
        }
    }
}

/// One run of a job.
#[derive(Clone, Debug)]
pub struct JobRun {
    /// The job's name, for errors.
    pub job: String,
    /// The component, as [`JobRuntime::inspect_job`] returned it.
    pub component: Arc<[u8]>,
    /// What the job is told.
    pub arguments: Vec<String>,
    /// The time that the run is for.
    pub time: Timestamp,
    /// What it may do.
    pub allow: Capabilities,
    /// What it may use up.
    pub limits: JobLimits,
}

/// A component that passed the checks of [`JobRuntime::inspect_job`].
#[derive(Clone, Debug)]
pub struct InspectedJob {
    /// The component's bytes; not those given where a core module was made into a component.
    pub bytes: Arc<[u8]>,
    /// The SHA-256 of `bytes`.
    pub digest: ComponentDigest,
}

/// Runs the components of jobs.
#[async_trait]
pub trait JobRuntime: Debug + Send + Sync + 'static {
    /// Checks bytes that a user gave: a component of a job, or a core module that can be made into one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) says what the bytes are instead, or which import a
    /// job does not have.
    async fn inspect_job(&self, component: Arc<[u8]>) -> Result<InspectedJob>;

    /// Runs a job to its end. Whatever it asks for that it is allowed to do is done by `host`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Transformation`](crate::ErrorKind::Transformation) names the job and says how it failed:
    /// an error of its own, a trap, or a limit. What the host has acknowledged until then stays.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the job within some milliseconds, and what the host does for it.
    async fn run_job(&self, run: JobRun, host: Arc<dyn JobHost>) -> Result<()>;
}

/// The verbs of the feature store, as a job asks for them.
///
/// Whether the job may has been checked before a method is called. Methods may be dropped half-way, where
/// the run is over.
#[async_trait]
pub trait JobHost: Debug + Send + Sync + 'static {
    /// Joins features to entity rows by the rule of [`ViewJoin`](crate::ViewJoin), and computes on-demand
    /// views. The stream has the entity columns, then the features; its rows are in the order of the entity
    /// rows.
    ///
    /// # Errors
    ///
    /// [`RequestError`](crate::RequestError) for a mistake in the request; else as the stores.
    async fn get_historical_features(&self, request: JobHistoricalRequest) -> Result<TableStream>;

    /// The rows of a saved dataset.
    ///
    /// # Errors
    ///
    /// As [`get_historical_features`](Self::get_historical_features).
    async fn read_saved_dataset(&self, name: String) -> Result<TableStream>;

    /// Begins to write a table, of which nothing is seen before [`TableWriter::finish`].
    ///
    /// # Errors
    ///
    /// [`RequestError`](crate::RequestError) if nothing may be written there.
    async fn open_writer(
        &self,
        destination: TableDestination,
        columns: Vec<Field>,
    ) -> Result<Box<dyn TableWriter>>;

    /// The newest values for the rows of `entities`.
    ///
    /// # Errors
    ///
    /// As [`get_historical_features`](Self::get_historical_features).
    async fn get_online_features(
        &self,
        selection: Selection,
        entities: RecordBatch,
        full_feature_names: bool,
    ) -> Result<Table>;

    /// Applies an on-demand view to rows that have a column for each of its function's inputs; other columns are
    /// not looked at. The view's features, a row for each of `rows`, in their order.
    ///
    /// # Errors
    ///
    /// [`RequestError`](crate::RequestError) for a mistake in the request;
    /// [`ErrorKind::Transformation`](crate::ErrorKind::Transformation) if the function fails.
    async fn transform(&self, on_demand_feature_view: String, rows: RecordBatch) -> Result<Table>;

    /// Writes rows to every view that a push source feeds. They are durable when this returns.
    ///
    /// # Errors
    ///
    /// As [`get_historical_features`](Self::get_historical_features).
    async fn push(&self, push_source: String, rows: RecordBatch, to: PushMode) -> Result<()>;

    /// Moves history into the online store: from `start`, or without one from where each view's last
    /// materialization ended. What it returns is durable and recorded.
    ///
    /// # Errors
    ///
    /// As [`get_historical_features`](Self::get_historical_features).
    async fn materialize(
        &self,
        start: Option<Timestamp>,
        end: Timestamp,
        feature_views: Option<Vec<String>>,
    ) -> Result<Vec<MaterializedSpan>>;

    /// Takes a line of the run's log, without control characters. Must return quickly.
    fn log(&self, level: LogLevel, line: &str);
}

/// A table that is held as a whole.
#[derive(Clone, Debug)]
pub struct Table {
    /// The columns, in the order of those of `rows`.
    pub columns: Vec<Field>,
    /// The rows, in the Arrow types of the columns.
    pub rows: RecordBatch,
}

/// A table that comes in parts of bounded size.
pub struct TableStream {
    /// The columns of every part.
    pub columns: Vec<Field>,
    /// The parts.
    pub parts: BoxStream<'static, Result<RecordBatch>>,
}

impl Debug for TableStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableStream").field("columns", &self.columns).finish_non_exhaustive()
    }
}

/// A request of a job for a training set.
#[derive(Clone, Debug)]
pub struct JobHistoricalRequest {
    /// The features wanted.
    pub selection: Selection,
    /// What the rows are about.
    pub entities: JobEntities,
    /// Whether feature columns are called `view__feature`.
    pub full_feature_names: bool,
    /// Whether feature rows created after an entity row's time are invisible to it.
    pub filter_by_created_timestamp: bool,
}

/// What the rows of a training set are about.
#[derive(Clone, Debug)]
pub enum JobEntities {
    /// These rows, in parts of the same columns.
    Rows {
        /// The columns.
        columns: Vec<Field>,
        /// The rows.
        parts: Vec<RecordBatch>,
    },
    /// Every entity that the views' sources know, as of `end`.
    All {
        /// Entities with a row from this time on; without it, as far back as the greatest ttl reaches.
        start: Option<Timestamp>,
        /// Entities with a row up to this time.
        end: Timestamp,
    },
}

/// Where a job writes a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableDestination {
    /// The end of the table of a view's batch source.
    FeatureView(String),
    /// A file in the feature repo, in place of what is there.
    File(String),
}

impl TableDestination {
    /// Whether rows are held in memory until they are written at once.
    pub fn holds_rows(&self) -> bool {
        matches!(self, Self::FeatureView(_))
    }
}

/// A table on its way out.
#[async_trait]
pub trait TableWriter: Debug + Send + 'static {
    /// Adds rows of the columns of [`JobHost::open_writer`].
    ///
    /// # Errors
    ///
    /// What the destination cannot take; the writer is of no use then.
    async fn write(&mut self, rows: RecordBatch) -> Result<()>;

    /// Makes all rows durable and visible at once. A writer that is dropped instead leaves nothing.
    ///
    /// # Errors
    ///
    /// If the destination cannot be written; it then is as it was.
    async fn finish(self: Box<Self>) -> Result<()>;
}

/// What a materialization did for one view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaterializedSpan {
    /// The view.
    pub feature_view: String,
    /// The earliest event time.
    pub start: Timestamp,
    /// The latest event time.
    pub end: Timestamp,
    /// Source rows read.
    pub rows_scanned: u64,
    /// Keys found.
    pub keys: u64,
    /// Rows that took effect.
    pub rows_written: u64,
}

/// How much a line of a log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LogLevel {
    /// For whoever looks for a mistake.
    Debug,
    /// The normal course.
    Info,
    /// Something that may be wrong.
    Warn,
    /// Something that is wrong.
    Error,
}

impl LogLevel {
    /// The name, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}
