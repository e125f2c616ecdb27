//! Progress of a materialization, as a caller in this process or at the other end of a connection sees it.

use serde::{Deserialize, Serialize};

/// Is told how far a materialization is. Called from any thread; must return quickly. Any closure over
/// an event is one.
pub trait MaterializeObserver: Send + Sync + 'static {
    /// Takes note of one step.
    fn observe(&self, event: MaterializeEvent);
}

impl<F: Fn(MaterializeEvent) + Send + Sync + 'static> MaterializeObserver for F {
    fn observe(&self, event: MaterializeEvent) {
        self(event);
    }
}

/// One step of a materialization, and one line of JSON on the wire:
/// `{"event":"wrote","feature_view":"driver_stats","rows":512,"total_rows":2048}`.
///
/// Times are microseconds since the epoch. Views come one after another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum MaterializeEvent {
    /// The views are chosen.
    RunStarted {
        /// The views, in the order in which they are done.
        feature_views: Vec<String>,
        /// The start asked for; `None` for an incremental run, where each view has its own.
        start_micros: Option<i64>,
        /// The end asked for.
        end_micros: i64,
        /// The kind of the online store.
        online_store: String,
    },
    /// Something a user should know.
    Notice {
        /// One sentence.
        text: String,
    },
    /// A view begins.
    ViewStarted {
        /// The view.
        feature_view: String,
        /// The earliest event time.
        start_micros: i64,
        /// The latest event time.
        end_micros: i64,
        /// Whether the run is incremental, so that the span is the view's own.
        incremental: bool,
    },
    /// A source has been read.
    Scanned {
        /// The view.
        feature_view: String,
        /// Source rows read.
        rows_scanned: u64,
        /// Rows passed over because a join key is null.
        null_keys: u64,
        /// Keys found, which are the rows to write.
        keys: u64,
    },
    /// Rows are in the store, though not yet durable.
    Wrote {
        /// The view.
        feature_view: String,
        /// Rows done so far.
        rows: u64,
        /// Rows to do, as far as known.
        total_rows: u64,
    },
    /// A view is durable, and recorded.
    ViewDone(MaterializedView),
}

/// What became of one view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaterializedView {
    /// The view.
    pub feature_view: String,
    /// The earliest event time asked for.
    pub start_micros: i64,
    /// The latest event time asked for.
    pub end_micros: i64,
    /// Source rows read.
    pub rows_scanned: u64,
    /// Rows passed over because a join key is null.
    pub null_keys: u64,
    /// Keys found.
    pub keys: u64,
    /// Rows that took effect.
    pub rows_written: u64,
    /// Rows that lost against a newer row.
    pub rows_older: u64,
}

/// What became of a materialization.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaterializeSummary {
    /// The views, in the order in which they were done.
    pub feature_views: Vec<MaterializedView>,
}
