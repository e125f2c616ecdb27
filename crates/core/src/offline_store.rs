//! The offline store: the history of feature values, and the point-in-time join over it.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use futures::stream::BoxStream;

use crate::{DataSource, Field, Result, Timestamp};

/// The rows of a training set before any feature is joined to them.
#[derive(Clone, Debug)]
pub struct EntityFrame {
    /// All columns, in the caller's order.
    pub rows: RecordBatch,
    /// The time of each row; `None` matches nothing.
    pub event_timestamps: Arc<[Option<Timestamp>]>,
}

/// One feature view's part of a point-in-time join.
///
/// The rule (Feast's, both ends included): of the source rows with the entity row's key and
/// `e − ttl ≤ t ≤ e` (no lower end if `ttl` is zero) the one with the greatest event time `t` wins, then
/// the greatest created time, then the last in source order. A null key matches nothing. Each entity
/// row gets exactly one answer; where nothing matches, every feature is null.
#[derive(Clone, Debug)]
pub struct ViewJoin {
    /// The view's name, for errors.
    pub view: String,
    /// The source; a file source in the file store.
    pub source: Arc<DataSource>,
    /// The view's join keys, as they are called in the source after its field mapping.
    pub join_keys: Vec<Field>,
    /// For each join key, the column of the entity frame that holds it. Empty together with
    /// `join_keys` for a view without entities.
    pub frame_columns: Vec<String>,
    /// How long a value counts; zero means for ever.
    pub ttl: Duration,
    /// The features wanted, in order, with the names they have in the source after its field mapping.
    pub features: Vec<Field>,
}

/// A point-in-time join of several views to one entity frame.
#[derive(Clone, Debug)]
pub struct PointInTimeJoin {
    /// The rows to join to.
    pub frame: EntityFrame,
    /// The views, joined independently.
    pub views: Vec<ViewJoin>,
    /// Whether rows created after the entity row's time are invisible to it.
    pub filter_by_created_timestamp: bool,
}

/// The answer to one [`ViewJoin`]: one column per feature, each with one value per entity row in
/// frame order, of the feature's declared Arrow type.
pub type JoinedColumns = Vec<ArrayRef>;

/// A read of the newest row of every key in a span of event time.
#[derive(Clone, Debug)]
pub struct PullLatest {
    /// The view's name, for errors.
    pub view: String,
    /// The source.
    pub source: Arc<DataSource>,
    /// The join keys, as they are called in the source after its field mapping; empty for a view
    /// without entities.
    pub join_keys: Vec<Field>,
    /// The features wanted, in order.
    pub features: Vec<Field>,
    /// The earliest event time, included.
    pub start: Timestamp,
    /// The latest event time, included.
    pub end: Timestamp,
}

/// A part of the answer to a [`PullLatest`]. Every key occurs in one part only, once.
#[derive(Clone, Debug)]
pub struct LatestRows {
    /// The join key columns `[rows × keys]`, in order, of their declared types, without nulls.
    pub keys: RecordBatch,
    /// The feature columns `[rows × features]`, in order, of their declared types.
    pub features: RecordBatch,
    /// When each row's values became true.
    pub event_timestamps: Vec<Timestamp>,
    /// When each row was written, where the source says so.
    pub created_timestamps: Vec<Option<Timestamp>>,
}

/// What a [`PullLatest`] will give and what it saw on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PullSummary {
    /// Source rows read, also those outside the span.
    pub rows_scanned: u64,
    /// Rows passed over because a join key is null.
    pub null_keys: u64,
    /// Distinct keys found, which is how many rows the parts hold together.
    pub keys: u64,
}

/// The answer to a [`PullLatest`]: what was seen, then the rows, in parts of bounded size.
pub struct LatestStream {
    /// What the scan saw; complete before the first part.
    pub summary: PullSummary,
    /// The rows.
    pub parts: BoxStream<'static, Result<LatestRows>>,
}

impl Debug for LatestStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LatestStream").field("summary", &self.summary).finish_non_exhaustive()
    }
}

/// A read of every row of a source in a span of event time.
#[derive(Clone, Debug)]
pub struct PullAll {
    /// The source.
    pub source: Arc<DataSource>,
    /// The columns wanted, in order, as they are called in the source after its field mapping.
    pub columns: Vec<Field>,
    /// The earliest event time, included; `None` for all that came before.
    pub start: Option<Timestamp>,
    /// The latest event time, included; `None` for all that came after.
    pub end: Option<Timestamp>,
}

/// Rows in parts of bounded size.
pub struct RowStream {
    /// The columns of every part.
    pub schema: SchemaRef,
    /// The rows.
    pub parts: BoxStream<'static, Result<RecordBatch>>,
}

impl Debug for RowStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowStream").field("schema", &self.schema).finish_non_exhaustive()
    }
}

/// The history of feature values.
///
/// Implementations are shared; methods may run concurrently and never block the caller's thread.
#[async_trait]
pub trait OfflineStore: Debug + Send + Sync + 'static {
    /// The columns of a source after its field mapping, with the Arrow types the source has.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if there is no such table,
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) if it cannot be read.
    async fn schema(&self, source: &DataSource) -> Result<SchemaRef>;

    /// Joins every view to the frame by the rule of [`ViewJoin`]; one answer per view, in order.
    ///
    /// # Errors
    ///
    /// As [`schema`](Self::schema); [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if a column is
    /// missing or its type cannot become the declared one.
    async fn join(&self, join: PointInTimeJoin) -> Result<Vec<JoinedColumns>>;

    /// Reads the newest row of every key by the same rule, with memory bounded by the number of keys
    /// and not by the length of their history.
    ///
    /// # Errors
    ///
    /// As [`join`](Self::join).
    async fn pull_latest(&self, pull: PullLatest) -> Result<LatestStream>;

    /// Reads every row of a span, in source order, with the columns wanted of their declared types. Rows
    /// without event time are passed over.
    ///
    /// # Errors
    ///
    /// As [`join`](Self::join).
    async fn pull_all(&self, pull: PullAll) -> Result<RowStream>;

    /// Adds rows to a source. `rows` must have exactly the source's columns, in any order; they are
    /// cast to its types. The rows are durable when this returns, and a reader sees all of them or none.
    ///
    /// # Errors
    ///
    /// As [`join`](Self::join), with Feast's text for columns that do not match.
    async fn append(&self, source: &DataSource, rows: RecordBatch) -> Result<()>;
}
