//! Values of a table as text for people and as JSON for machines.

use std::sync::Arc;

use anyhow::Result;
use arrow::array::{Array as _, ArrayRef, AsArray as _, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use larder_core::timestamp_data_type;

/// Every row as text, a cell a column; null is empty.
pub(crate) fn rows(batch: &RecordBatch) -> Result<Vec<Vec<String>>> {
    let options = FormatOptions::default().with_null("");
    let columns: Vec<ArrayRef> = batch.columns().iter().map(with_offset).collect();
    let formatters = columns
        .iter()
        .map(|column| ArrayFormatter::try_new(column, &options))
        .collect::<Result<Vec<_>, _>>()?;
    Ok((0..batch.num_rows())
        .map(|row| formatters.iter().map(|formatter| formatter.value(row).to_string()).collect())
        .collect())
}

/// The column with its zone as an offset: the formatter knows no names of zones.
fn with_offset(column: &ArrayRef) -> ArrayRef {
    match column.as_primitive_opt::<TimestampMicrosecondType>() {
        Some(times) if column.data_type() == &timestamp_data_type() => {
            Arc::new(times.clone().with_timezone("+00:00"))
        }
        _ => Arc::clone(column),
    }
}

/// The names of the columns.
pub(crate) fn headers(batch: &RecordBatch) -> Vec<&str> {
    batch.schema_ref().fields().iter().map(|field| field.name().as_str()).collect()
}
