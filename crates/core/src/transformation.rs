//! Transformations: pure functions from a batch to a batch.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use async_trait::async_trait;

use crate::{ComponentDigest, Field, Result};

/// The columns a transformation takes and gives, as its component declares them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransformationSignature {
    /// The function's name in its component.
    pub name: String,
    /// The input columns, in order.
    pub inputs: Vec<Field>,
    /// The output columns, in order.
    pub outputs: Vec<Field>,
}

/// What one call of a transformation may use up. The defaults of all limits stand here.
///
/// Rows have no limit of their own: a call gives as many as it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TransformationLimits {
    /// Wall time of one call; the call is interrupted within a tick (about a millisecond) of it.
    pub wall_time: Duration,
    /// Linear memory of one instance, in bytes.
    pub memory_bytes: usize,
    /// Entries of one table of an instance, which holds the functions that are called indirectly.
    pub table_elements: usize,
    /// Stack of Wasm frames in one call, in bytes; rounded up to 64 KiB. What languages call their stack lies mostly
    /// in linear memory and counts as memory.
    pub stack_bytes: usize,
    /// Bytes that one call may return.
    pub output_bytes: usize,
    /// Bytes of an error message that are kept.
    pub message_bytes: usize,
    /// Steps of one call, counted alike on every machine. `None`: they are not counted, which is faster.
    pub fuel: Option<u64>,
}

impl Default for TransformationLimits {
    /// 1 s, 64 MiB of memory, 100,000 entries of a table, 512 KiB of stack, 32 MiB of output, 4 KiB of message, any fuel.
    fn default() -> Self {
        Self {
            wall_time: Duration::from_secs(1),
            memory_bytes: 64 << 20,
            table_elements: 100_000,
            stack_bytes: 512 << 10,
            output_bytes: 32 << 20,
            message_bytes: 4 << 10,
            fuel: None,
        }
    }
}

/// A pure function from a batch to a batch.
///
/// The output has the rows of the input, in its order, and each output row depends on its input row
/// alone: no clock, no randomness, no memory of earlier calls. So a batch may be split, merged and
/// computed again anywhere, and training and serving get the same bytes.
///
/// Implementations are shared by all requests; methods may run concurrently.
#[async_trait]
pub trait Transformation: Debug + Send + Sync + 'static {
    /// The columns it takes and gives.
    fn signature(&self) -> &TransformationSignature;

    /// Applies the function. `input` has the columns of the signature, in its order and of its Arrow
    /// types `[rows × inputs]`; so has the result `[rows × outputs]`. Never blocks the caller's thread.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Transformation`](crate::ErrorKind::Transformation) names the view and says how the
    /// function failed: an error of its own, a trap, a limit, or an output that breaks the contract.
    async fn transform(&self, input: RecordBatch) -> Result<RecordBatch>;
}

/// Turns component bytes into transformations.
#[async_trait]
pub trait UdfRuntime: Debug + Send + Sync + 'static {
    /// Checks bytes that a user gave: a component of larder's world, or a core module that can be
    /// made into one. Returns the component's bytes and all signatures it declares.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) says what the bytes are instead, or which
    /// import the world does not have.
    async fn inspect(&self, bytes: Arc<[u8]>) -> Result<InspectedComponent>;

    /// Makes one function of a component ready to be called within `limits`. `view` is the name that
    /// errors show.
    ///
    /// # Errors
    ///
    /// As [`inspect`](Self::inspect); [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if the
    /// component has no such function.
    async fn load(
        &self,
        view: &str,
        component: Arc<[u8]>,
        function: &str,
        limits: TransformationLimits,
    ) -> Result<Arc<dyn Transformation>>;
}

/// A component that passed the checks of [`UdfRuntime::inspect`].
#[derive(Clone, Debug)]
pub struct InspectedComponent {
    /// The component's bytes; not those given where a core module was made into a component.
    pub bytes: Arc<[u8]>,
    /// The SHA-256 of `bytes`.
    pub digest: ComponentDigest,
    /// The functions it declares, in its order.
    pub signatures: Vec<TransformationSignature>,
}
