//! An on-demand view applied to rows that somebody brings, without a plan: nothing is read for it.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::Schema;
use larder_core::column::cast_column;
use larder_core::{
    Error, ErrorKind, Field, OnDemandFeatureView, OnDemandSource, RequestError, Result, Table,
};
use larder_registry::check_outputs;

use crate::feature_plan::refuse_disabled;
use crate::{Catalog, OnDemandCall};

impl Catalog {
    /// Applies an on-demand view to the columns of `rows` that are called as its function's inputs, or
    /// `view__feature` after the view they come from; others are not looked at. Returns the view's features, a row for each of `rows`, in their order.
    ///
    /// # Errors
    ///
    /// [`RequestError`] if there is no such view, a column is missing, or a value cannot be cast to the type of its
    /// input; [`ErrorKind::Transformation`] if the function fails.
    pub async fn compute_alone(&self, view: &str, rows: &RecordBatch) -> Result<Table> {
        let view = Arc::clone(&self.snapshot().on_demand_feature_view(view)?.object);
        refuse_disabled(view.enabled, &view.name)?;
        let transformation = self.transformation(&view)?;
        let outputs = check_outputs(&view, transformation.signature())?;
        let inputs = &transformation.signature().inputs;
        let columns = inputs.iter().map(|input| column(&view, input, inputs, rows));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let call = OnDemandCall::new(Arc::clone(&view), Vec::new(), Arc::clone(transformation), outputs);
        let computed = call.run(rows.num_rows(), columns).await?;
        let columns = view.features.clone();
        let schema = Schema::new(columns.iter().map(Field::to_arrow).collect::<Vec<_>>());
        let rows = RecordBatch::try_new(Arc::new(schema), computed);
        Ok(Table { columns, rows: rows.map_err(|source| Error::new(ErrorKind::Internal, source))? })
    }
}

fn column(
    view: &OnDemandFeatureView,
    input: &Field,
    inputs: &[Field],
    rows: &RecordBatch,
) -> Result<ArrayRef, RequestError> {
    let full_names = view.sources.iter().filter_map(|source| match source {
        OnDemandSource::FeatureView(projection) | OnDemandSource::OnDemandFeatureView(projection) => {
            Some(format!("{}__{}", projection.name_to_use(), input.name))
        }
        _ => None,
    });
    let named = rows.column_by_name(&input.name);
    let Some(column) = named.or_else(|| full_names.into_iter().find_map(|name| rows.column_by_name(&name)))
    else {
        let view = &view.name;
        let wanted: Vec<_> = inputs.iter().map(|input| format!("`{}`", input.name)).collect();
        return Err(RequestError::other(format!(
            "on-demand feature view `{view}` takes a column `{}`, which the rows do not have; its inputs are {}",
            input.name,
            wanted.join(", ")
        )));
    };
    cast_column(&input.name, column, &input.value_type)
}
