//! One call of an on-demand view within a plan.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, SchemaRef};
use larder_core::{Error, ErrorKind, Field, OnDemandFeatureView, Transformation};

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
    /// The name used for the view in full feature names.
    pub name_to_use: String,
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
        name_to_use: String,
        inputs: Vec<OnDemandInput>,
        transformation: Arc<dyn Transformation>,
        outputs: Vec<usize>,
    ) -> Self {
        let fields: Vec<_> = transformation.signature().inputs.iter().map(Field::to_arrow).collect();
        Self {
            view,
            name_to_use,
            inputs,
            transformation,
            input_schema: Arc::new(Schema::new(fields)),
            outputs,
        }
    }

    /// Runs the transformation over `rows` rows. `input` hands out the column for each of
    /// [`inputs`](Self::inputs), of its declared Arrow type. Returns one column per feature of the view,
    /// in the view's order.
    ///
    /// # Errors
    ///
    /// Whatever `input` returns; [`ErrorKind::Transformation`] if the transformation fails.
    pub async fn run(
        &self,
        rows: usize,
        mut input: impl FnMut(&OnDemandInput) -> larder_core::Result<ArrayRef>,
    ) -> larder_core::Result<Vec<ArrayRef>> {
        let columns = self.inputs.iter().map(&mut input).collect::<larder_core::Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.input_schema), columns, &options)
            .map_err(|source| Error::new(ErrorKind::Internal, source))?;
        let output = self.transformation.transform(batch).await?;
        Ok(self.outputs.iter().map(|at| Arc::clone(output.column(*at))).collect())
    }
}
