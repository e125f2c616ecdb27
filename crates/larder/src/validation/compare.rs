//! Rows beside a dataset: every compared column, batch by batch.

use std::collections::BTreeMap;

use arrow::array::{Array as _, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int32Type};
use larder_core::{Result, ValidationReference};
use serde_json::json;

use super::ComparedColumn;
use super::dataset_profile::DatasetProfile;
use super::observed_column::ObservedColumn;
use super::report::{ValidationFailure, ValidationReport};
use crate::statistics::column::Values;
use crate::statistics::moments::as_float;

/// The status of a feature whose entity is not known, in a log.
const NOT_FOUND: i32 = 3;

/// What is seen of the rows so far.
#[derive(Debug)]
pub(super) struct Observed<'a> {
    rows: u64,
    columns: Vec<(&'a ComparedColumn, ObservedColumn<'a>)>,
}

impl<'a> Observed<'a> {
    /// Nothing yet. Columns that the profile does not know are left out.
    pub(super) fn new(columns: &'a [ComparedColumn], profile: &'a DatasetProfile) -> Self {
        let columns = columns.iter().filter_map(|column| {
            let expected = profile.column(&column.in_dataset)?;
            Some((column, ObservedColumn::new(expected, column.tolerances)))
        });
        Self { rows: 0, columns: columns.collect() }
    }

    /// Counts the rows of a batch, in which `names` tells what columns are called that have another name than
    /// in a report. In a log, a feature that
    /// was not found counts as null, whatever stands there.
    pub(super) fn add(
        &mut self,
        rows: &RecordBatch,
        names: &BTreeMap<String, String>,
        is_log: bool,
    ) -> Result<()> {
        self.rows += u64::try_from(rows.num_rows()).unwrap_or(u64::MAX);
        for (column, observed) in &mut self.columns {
            let name = names.get(&column.name).unwrap_or(&column.name);
            let Some(values) = rows.column_by_name(name) else { continue };
            let statuses = rows
                .column_by_name(&format!("{name}__status"))
                .filter(|statuses| is_log && *statuses.data_type() == DataType::Int32)
                .map(AsArray::as_primitive::<Int32Type>);
            let is_held = |row: usize| {
                statuses.is_none_or(|statuses| statuses.is_null(row) || statuses.value(row) != NOT_FOUND)
            };
            observed.add(&Values::of(values)?, is_held);
        }
        Ok(())
    }

    /// What is not as expected. Of no rows at all only their number is told.
    pub(super) fn report(&self, reference: &ValidationReference) -> ValidationReport {
        let min_rows = reference.expectations.min_rows;
        let mut failures = Vec::new();
        if self.rows < min_rows {
            failures.push(ValidationFailure {
                observed: Some(as_float(self.rows)),
                ..ValidationFailure::new("row_count", "", json!({ "min": min_rows }))
            });
        }
        if self.rows > 0 {
            let found = self.columns.iter().flat_map(|(column, observed)| observed.failures(&column.name));
            failures.extend(found);
        }
        ValidationReport { rows: self.rows, failures, ignores_python_profiler: reference.has_python_profiler }
    }
}
