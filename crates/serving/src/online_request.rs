//! What a caller of the online door sends.

use arrow::array::{Array, ArrayRef, RecordBatch};
use larder_core::{RequestError, ValueType, column};
use larder_plan::Selection;
use serde_json::Value;

/// A request for the newest values of features.
#[derive(Clone, Debug)]
pub struct OnlineRequest {
    /// The features.
    pub selection: Selection,
    /// The entity rows as columns by name: join keys and request data, all of one length. Columns that
    /// the project does not know are ignored.
    pub entities: Vec<(String, EntityValues)>,
    /// Whether features are called `view__feature`.
    pub full_feature_names: bool,
}

/// The values of one column of entity rows.
#[derive(Clone, Debug, PartialEq)]
pub enum EntityValues {
    /// Values from HTTP or the command line.
    Json(Vec<Value>),
    /// Values from a program.
    Arrow(ArrayRef),
}

impl OnlineRequest {
    /// A request whose entity rows are a batch `[rows × join keys and request data]`.
    pub fn from_arrow(selection: Selection, entities: &RecordBatch) -> Self {
        let names = entities.schema_ref().fields().iter().map(|field| field.name().clone());
        let values = entities.columns().iter().map(|array| EntityValues::Arrow(ArrayRef::clone(array)));
        Self { selection, entities: names.zip(values).collect(), full_feature_names: false }
    }

    /// Calls features `view__feature`, or only `feature`.
    pub fn with_full_feature_names(mut self, full_feature_names: bool) -> Self {
        self.full_feature_names = full_feature_names;
        self
    }
}

impl EntityValues {
    /// How many rows it has.
    pub fn len(&self) -> usize {
        match self {
            Self::Json(values) => values.len(),
            Self::Arrow(array) => array.len(),
        }
    }

    /// Whether it has no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values as an array of the declared type.
    ///
    /// # Errors
    ///
    /// As [`column::column_from_json`] and [`column::cast_column`].
    pub fn to_array(&self, column: &str, value_type: &ValueType) -> Result<ArrayRef, RequestError> {
        match self {
            Self::Json(values) => column::column_from_json(column, value_type, values),
            Self::Arrow(array) => column::cast_column(column, array, value_type),
        }
    }
}
