//! The calls of on-demand views within a plan.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, SchemaRef};
use futures::stream::{FuturesUnordered, StreamExt as _};
use larder_core::{Error, ErrorKind, Field, OnDemandFeatureView, Result, Transformation};

use crate::FeaturePlan;

/// Where a plan finds one input column of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnDemandInput {
    /// A feature read by the plan.
    Stored {
        /// Position in the plan's views.
        view: usize,
        /// Position in that view's features.
        feature: usize,
    },
    /// An output of an earlier call.
    Computed {
        /// Position in the plan's calls.
        call: usize,
        /// Position in the features of that call's view.
        feature: usize,
    },
    /// A request field: position in the plan's request fields.
    Request(usize),
    /// An entity column: the name of the column in the request or the entity table, and its type.
    EntityColumn(Field),
}

/// One call of an on-demand view: which columns go in, which come out.
#[derive(Clone, Debug)]
pub struct OnDemandCall {
    /// The view.
    pub view: Arc<OnDemandFeatureView>,
    /// The input columns, in the order of the transformation's signature.
    pub inputs: Vec<OnDemandInput>,
    transformation: Arc<dyn Transformation>,
    input_schema: SchemaRef,
    /// For each feature of the view, its position in the transformation's outputs.
    outputs: Vec<usize>,
}

impl OnDemandCall {
    pub(crate) fn new(
        view: Arc<OnDemandFeatureView>,
        inputs: Vec<OnDemandInput>,
        transformation: Arc<dyn Transformation>,
        outputs: Vec<usize>,
    ) -> Self {
        let fields: Vec<_> = transformation.signature().inputs.iter().map(Field::to_arrow).collect();
        Self { view, inputs, transformation, input_schema: Arc::new(Schema::new(fields)), outputs }
    }

    /// The calls whose outputs this one takes, by position; one that gives several inputs as often.
    fn takes_from(&self) -> impl Iterator<Item = usize> {
        self.inputs.iter().filter_map(|input| match input {
            OnDemandInput::Computed { call, .. } => Some(*call),
            _ => None,
        })
    }

    /// Runs the transformation over `rows` rows of its input columns.
    pub(crate) async fn run(&self, rows: usize, columns: Vec<ArrayRef>) -> Result<Vec<ArrayRef>> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.input_schema), columns, &options)
            .map_err(|source| Error::new(ErrorKind::Internal, source))?;
        let output = self.transformation.transform(batch).await?;
        Ok(self.outputs.iter().map(|at| Arc::clone(output.column(*at))).collect())
    }
}

/// What a plan asks of whoever has its columns.
pub trait CallColumns {
    /// The column of the input at position `input` of the call at position `call`, of its declared Arrow
    /// type. Never asked for an input that another call computes.
    ///
    /// # Errors
    ///
    /// Why there is none; the plan then fails with it.
    fn column(&self, call: usize, input: usize, source: &OnDemandInput) -> Result<ArrayRef>;

    /// Is told when a call begins; what it returns is called once the call has succeeded.
    fn begin(&self, _call: &OnDemandCall) -> impl FnOnce() + Send {
        || ()
    }
}

impl FeaturePlan {
    /// Runs every call over `rows` rows, each as soon as the calls it takes from are done. Returns for each
    /// call one column per feature of its view, in the view's order.
    ///
    /// The one way in which on-demand views are computed: for training sets, requests and writes.
    ///
    /// # Errors
    ///
    /// Whatever `columns` returns; [`ErrorKind::Transformation`] if a transformation fails. Calls that have
    /// begun are then dropped.
    pub async fn compute(&self, rows: usize, columns: &impl CallColumns) -> Result<Vec<Vec<ArrayRef>>> {
        let mut computed: Vec<Option<Vec<ArrayRef>>> = vec![None; self.calls.len()];
        let mut waiting: Vec<usize> = (0..self.calls.len()).collect();
        let mut running = FuturesUnordered::new();
        loop {
            let mut still_waiting = Vec::new();
            for at in waiting {
                let Some(call) = self.calls.get(at) else { continue };
                if !call.takes_from().all(|inner| computed.get(inner).is_some_and(Option::is_some)) {
                    still_waiting.push(at);
                    continue;
                }
                let inputs = call.inputs.iter().enumerate().map(|(input, source)| match source {
                    OnDemandInput::Computed { call, feature } => {
                        let column = computed.get(*call).and_then(Option::as_ref);
                        let column = column.and_then(|columns| columns.get(*feature));
                        Ok(Arc::clone(column.expect("a call gives one column per feature of its view")))
                    }
                    _ => columns.column(at, input, source),
                });
                let inputs = inputs.collect::<Result<Vec<_>>>()?;
                let done = columns.begin(call);
                running.push(async move {
                    let outputs = call.run(rows, inputs).await?;
                    done();
                    Ok::<_, Error>((at, outputs))
                });
            }
            waiting = still_waiting;
            let Some(finished) = running.next().await else { break };
            let (at, outputs) = finished?;
            if let Some(slot) = computed.get_mut(at) {
                *slot = Some(outputs);
            }
        }
        let all: Option<Vec<_>> = computed.into_iter().collect();
        Ok(all.expect("a plan has calls only after those they take from"))
    }
}
