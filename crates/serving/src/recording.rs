//! Calls of an on-demand view, written down as they happen.

use arrow::array::RecordBatch;
use larder_core::ComponentDigest;
use tokio::sync::mpsc;

/// The calls of one view from now on. Dropping it ends the recording.
#[derive(Debug)]
pub struct Recording {
    /// The component that is called.
    pub component: ComponentDigest,
    /// The function in it.
    pub function: String,
    /// Good calls, in the order in which they end. Some are left out while nobody reads.
    pub calls: mpsc::Receiver<RecordedCall>,
}

/// One good call.
#[derive(Clone, Debug)]
pub struct RecordedCall {
    /// What went in `[rows × inputs]`.
    pub input: RecordBatch,
    /// What came out `[rows × outputs]`.
    pub output: RecordBatch,
}
