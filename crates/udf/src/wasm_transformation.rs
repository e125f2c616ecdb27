//! One function of a component as a [`Transformation`].

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::DataType;
use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream};
use larder_core::{Layout, Transformation, TransformationLimits, TransformationSignature, ValueType};
use tokio::time::Instant;
use tracing::instrument;

use crate::call_metrics::CallMetrics;
use crate::call_slots::{CallSlots, Share};
use crate::compiled::CompiledComponent;
use crate::input_size::split;
use crate::quick_calls::QuickCalls;
use crate::sandboxed_call;
use crate::signature::AgreedSignature;
use crate::ticker::EpochTicker;
use crate::{CallError, SandboxLimits, UdfError};

/// A function of a component, with the limits of the view that uses it.
#[derive(Debug)]
pub(crate) struct WasmTransformation {
    pub(crate) view: String,
    pub(crate) component: Arc<CompiledComponent>,
    pub(crate) agreed: Arc<AgreedSignature>,
    pub(crate) limits: TransformationLimits,
    pub(crate) sandbox: SandboxLimits,
    pub(crate) slots: Arc<CallSlots>,
    pub(crate) share: Share,
    pub(crate) quick: QuickCalls,
    pub(crate) metrics: CallMetrics,
    /// The pieces of one batch that run at the same time.
    pub(crate) parallel_calls: usize,
    /// Keeps time limits alive should the runtime be dropped first.
    pub(crate) _ticker: Arc<EpochTicker>,
}

#[async_trait]
impl Transformation for WasmTransformation {
    fn signature(&self) -> &TransformationSignature {
        &self.agreed.signature
    }

    #[instrument(name = "larder_udf.transform", skip_all, fields(view = %self.view, rows = input.num_rows()))]
    async fn transform(&self, input: RecordBatch) -> larder_core::Result<RecordBatch> {
        self.check(&input)?;
        // A guest holds its input, its output and what it computes with: an eighth for the input.
        let calls = split(&input, self.sandbox.rows_per_call, self.limits.memory_bytes / 8);
        match calls.as_slice() {
            [] => Ok(RecordBatch::new_empty(Arc::clone(&self.agreed.output_schema))),
            [_all] => Ok(self.call(input).await?),
            _ => {
                let pieces: Vec<RecordBatch> = stream::iter(calls)
                    .map(|rows| self.call(input.slice(rows.start, rows.len())))
                    .buffered(self.parallel_calls.max(1))
                    .try_collect()
                    .await?;
                Ok(self.concat(pieces).await?)
            }
        }
    }
}

impl WasmTransformation {
    /// Runs the function over `input` in one call.
    async fn call(&self, input: RecordBatch) -> Result<RecordBatch, UdfError> {
        let answer = match self.quick_call(&input) {
            Some(answer) => answer,
            None => self.long_call(input).await?,
        };
        answer.map_err(|source| UdfError::Call {
            view: self.view.clone(),
            function: self.agreed.signature.name.clone(),
            source,
        })
    }

    /// Runs a call that is short, on this thread. `None`: it is not, or more than it may be.
    fn quick_call(&self, input: &RecordBatch) -> Option<Result<RecordBatch, CallError>> {
        if !self.quick.suits(input) {
            return None;
        }
        let _slot = self.slots.try_quick()?;
        let limits = QuickCalls::limits(self.limits);
        let started = Instant::now();
        let instantiable = &self.component.instantiable;
        let (answer, peak_bytes) = sandboxed_call::transform(instantiable, &self.agreed, input, limits);
        let took = started.elapsed();
        let error = answer.as_ref().err();
        let is_final = self.quick.is_final(self.limits, took, error);
        if is_final {
            self.metrics.ended(took, peak_bytes, error);
        }
        is_final.then_some(answer)
    }

    /// Runs a call on another thread, in its turn.
    async fn long_call(&self, input: RecordBatch) -> Result<Result<RecordBatch, CallError>, UdfError> {
        let (component, agreed) = (Arc::clone(&self.component), Arc::clone(&self.agreed));
        let limits = self.limits;
        let call = move || {
            let started = Instant::now();
            let (answer, peak_bytes) =
                sandboxed_call::transform(&component.instantiable, &agreed, &input, limits);
            (answer, peak_bytes, started.elapsed())
        };
        let ((answer, peak_bytes, took), waited) = self.slots.run(&self.share, call).await?;
        self.metrics.waited(waited);
        self.metrics.ended(took, peak_bytes, answer.as_ref().err());
        Ok(answer)
    }

    async fn concat(&self, pieces: Vec<RecordBatch>) -> Result<RecordBatch, UdfError> {
        /// Copying so little takes no longer than handing it to another thread.
        const SHORT_BYTES: usize = 256 << 10;
        let schema = Arc::clone(&self.agreed.output_schema);
        let bytes: usize = pieces.iter().map(RecordBatch::get_array_memory_size).sum();
        let whole = if bytes <= SHORT_BYTES {
            concat_batches(&schema, &pieces)
        } else {
            self.slots.run(&self.share, move || concat_batches(&schema, &pieces)).await?.0
        };
        whole.map_err(|error| UdfError::OutputTooLong {
            view: self.view.clone(),
            function: self.agreed.signature.name.clone(),
            source: error.into(),
        })
    }

    /// Checks that `input` has the columns of the signature.
    fn check(&self, input: &RecordBatch) -> Result<(), UdfError> {
        check_input(&self.agreed.signature, input).map_err(|WrongInput { found, expected }| {
            UdfError::WrongInput {
                view: self.view.clone(),
                function: self.agreed.signature.name.clone(),
                found,
                expected,
            }
        })
    }
}

/// What a table has instead of the columns of a signature.
pub(crate) struct WrongInput {
    pub(crate) found: String,
    pub(crate) expected: String,
}

/// Checks that `input` has the input columns of `signature`.
pub(crate) fn check_input(
    signature: &TransformationSignature,
    input: &RecordBatch,
) -> Result<(), WrongInput> {
    let expected = &signature.inputs;
    let schema = input.schema_ref();
    let fits = schema.fields().len() == expected.len()
        && schema.fields().iter().zip(expected).all(|(actual, expected)| {
            *actual.name() == expected.name && is_carried_by(&expected.value_type, actual.data_type())
        });
    if fits {
        return Ok(());
    }
    let found = schema.fields().iter().map(|field| format!("`{}`: {}", field.name(), field.data_type()));
    let wanted = expected.iter().map(|field| format!("`{}`: {}", field.name, field.value_type));
    let (found, expected) = (found.collect::<Vec<_>>().join(", "), wanted.collect::<Vec<_>>().join(", "));
    Err(WrongInput { found, expected })
}

/// Whether Arrow's type carries larder's. The name of a list's item does not matter.
pub(crate) fn is_carried_by(value_type: &ValueType, data_type: &DataType) -> bool {
    match (value_type.layout(), data_type) {
        (Layout::List(item), DataType::List(field)) => is_carried_by(item, field.data_type()),
        _ => *data_type == value_type.data_type(),
    }
}
