//! Progress of a materialization, as it happens.

use std::fmt;

use larder_core::{MaterializationInterval, PullSummary, Timestamp};

use crate::{Notice, ViewReport};

/// Is told how a materialization proceeds.
///
/// Called between batches on the thread that drives the run: return quickly and do not block. Any
/// closure over an event is an observer, and `()` is one that looks away.
pub trait MaterializationObserver: Send + Sync {
    /// Takes note of an event.
    fn observe(&self, event: MaterializationEvent);
}

/// A step of a materialization. Views come one after another, so that events between two
/// `ViewStarted` belong to the first.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MaterializationEvent {
    /// The views are chosen.
    RunStarted(RunHeader),
    /// Something worth knowing.
    Notice(Notice),
    /// A view begins.
    ViewStarted(ViewHeader),
    /// The source has been scanned; so many rows are to be written. Comes again for each further source
    /// of an on-demand view.
    Scanned {
        /// The view.
        view: String,
        /// What the scan saw.
        summary: PullSummary,
    },
    /// A batch is in the store, though not yet durable.
    Wrote {
        /// The view.
        view: String,
        /// Keys done since the view began.
        rows: u64,
        /// Keys known to be done, which for a view with one source is all.
        total: u64,
    },
    /// The view's rows are durable and its interval is recorded.
    ViewDone(ViewReport),
}

/// What a run is about to do. Displays as Feast's first line, without colours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunHeader {
    /// The views, in the order in which they are done.
    pub views: Vec<String>,
    /// The start asked for; `None` for an incremental run, where each view has its own.
    pub start: Option<Timestamp>,
    /// The end asked for.
    pub end: Timestamp,
    /// The kind of the online store, as in `feature_store.yaml`.
    pub online_store: &'static str,
}

impl fmt::Display for RunHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Materializing {} feature views", self.views.len())?;
        if let Some(start) = self.start {
            write!(f, " from {}", start.to_python_seconds())?;
        }
        write!(f, " to {} into the {} online store.", self.end.to_python_seconds(), self.online_store)
    }
}

/// The view that begins. Displays as Feast's line for it, without colours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewHeader {
    /// The view.
    pub view: String,
    /// The span of event time.
    pub interval: MaterializationInterval,
    /// Whether the run is incremental, so that the span is the view's own.
    pub incremental: bool,
}

impl fmt::Display for ViewHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.view)?;
        if self.incremental {
            let MaterializationInterval { start, end } = self.interval;
            write!(f, " from {} to {}", start.to_python_seconds(), end.to_python_seconds())?;
        }
        f.write_str(":")
    }
}

impl MaterializationObserver for () {
    fn observe(&self, _event: MaterializationEvent) {}
}

impl<F: Fn(MaterializationEvent) + Send + Sync> MaterializationObserver for F {
    fn observe(&self, event: MaterializationEvent) {
        self(event);
    }
}
