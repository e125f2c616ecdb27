//! What a caller of the online door sends.

use arrow::array::{ArrayRef, RecordBatch};
use larder_core::InputColumn;
use larder_plan::Selection;

/// A request for the newest values of features.
#[derive(Clone, Debug)]
pub struct OnlineRequest {
    /// The features.
    pub selection: Selection,
    /// The entity rows as columns by name: join keys and request data, all of one length. Columns that
    /// the project does not know are ignored.
    pub entities: Vec<(String, InputColumn)>,
    /// Whether features are called `view__feature`.
    pub full_feature_names: bool,
}

impl OnlineRequest {
    /// A request whose entity rows are a batch `[rows × join keys and request data]`.
    pub fn from_arrow(selection: Selection, entities: &RecordBatch) -> Self {
        let names = entities.schema_ref().fields().iter().map(|field| field.name().clone());
        let values = entities.columns().iter().map(|array| InputColumn::Arrow(ArrayRef::clone(array)));
        Self { selection, entities: names.zip(values).collect(), full_feature_names: false }
    }

    /// Calls features `view__feature`, or only `feature`.
    pub fn with_full_feature_names(mut self, full_feature_names: bool) -> Self {
        self.full_feature_names = full_feature_names;
        self
    }
}
