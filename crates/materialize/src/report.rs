//! What became of a run, a push or a write.

use larder_core::{MaterializationInterval, WriteOutcome};

/// What became of a materialization.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MaterializationReport {
    /// One report per view, in the order in which they were done.
    pub views: Vec<ViewReport>,
}

/// What became of one view in a materialization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewReport {
    /// The view.
    pub view: String,
    /// The span of event time that was asked for, both ends included.
    pub interval: MaterializationInterval,
    /// The span that entered the registry; `None` for an on-demand view, which has no record, and where
    /// there was nothing to do.
    pub recorded: Option<MaterializationInterval>,
    /// Source rows read.
    pub rows_scanned: u64,
    /// Rows passed over because a join key is null.
    pub null_keys: u64,
    /// Keys found.
    pub keys: u64,
    /// What became of them in the store. For an on-demand view, keys without any source row are in
    /// neither count.
    pub outcome: WriteOutcome,
}

impl ViewReport {
    pub(crate) fn new(view: &str, interval: MaterializationInterval) -> Self {
        Self {
            view: view.to_owned(),
            interval,
            recorded: None,
            rows_scanned: 0,
            null_keys: 0,
            keys: 0,
            outcome: WriteOutcome::default(),
        }
    }
}

/// What became of a push.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PushReport {
    /// The views written online, in name order.
    pub online: Vec<WrittenView>,
    /// The names of the sources that the rows were added to, each once.
    pub offline: Vec<String>,
}

/// What became of rows written to one view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenView {
    /// The view.
    pub view: String,
    /// What became of the rows.
    pub outcome: WriteOutcome,
}
