//! Every row of a span of time, as it lies in the source.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::filter;
use arrow::datatypes::{Schema, SchemaRef};
use larder_core::{Field, PullAll, Timestamp};

use crate::error::OfflineError;
use crate::file_table::{FileTable, Selection, Wanted, times};
use crate::point_in_time_join::chunks_in_range;

/// A read that is prepared.
#[derive(Debug)]
pub(crate) struct Rows {
    table: FileTable,
    /// The wanted columns, then the event time.
    selection: Selection,
    schema: SchemaRef,
    chunks: Vec<usize>,
    start: i64,
    end: i64,
}

/// Finds the columns, and which parts of the source may hold rows of the span.
pub(crate) fn prepare(table: FileTable, pull: &PullAll) -> Result<Rows, OfflineError> {
    let start = pull.start.map_or(i64::MIN, Timestamp::micros);
    let end = pull.end.map_or(i64::MAX, Timestamp::micros);
    let mut wanted: Vec<_> = pull.columns.iter().map(Wanted::field).collect();
    wanted.push(table.timestamp_column());
    let selection = table.select(wanted)?;
    let schema = Schema::new(pull.columns.iter().map(Field::to_arrow).collect::<Vec<_>>());
    let chunks = chunks_in_range(&table, start, end);
    Ok(Rows { table, selection, schema: Arc::new(schema), chunks, start, end })
}

impl Rows {
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Hands the rows out in source order, batch by batch, until `give` says that nobody wants more.
    pub(crate) fn give_parts(&self, give: &mut dyn FnMut(RecordBatch) -> bool) -> Result<(), OfflineError> {
        for chunk in &self.chunks {
            self.table.scan(*chunk, &self.selection, &mut |columns, rows| {
                let Some((time, columns)) = columns.split_last() else { return Ok(()) };
                let part = self.in_span(time, columns, rows)?;
                // The error ends the scan; whoever would read it has gone.
                if part.num_rows() == 0 || give(part) { Ok(()) } else { Err(OfflineError::Closed) }
            })?;
        }
        Ok(())
    }

    fn in_span(
        &self,
        time: &ArrayRef,
        columns: &[ArrayRef],
        rows: usize,
    ) -> Result<RecordBatch, OfflineError> {
        let (micros, nulls) = times(time);
        let is_in_span = |(row, time): (usize, &i64)| {
            nulls.is_none_or(|nulls| nulls.is_valid(row)) && (self.start..=self.end).contains(time)
        };
        let kept: BooleanArray = micros.iter().enumerate().map(|row| Some(is_in_span(row))).collect();
        let count = kept.true_count();
        let failed = || OfflineError::arrow("put rows of a span together");
        let columns = if count == rows {
            columns.to_vec()
        } else {
            columns.iter().map(|column| filter(column, &kept)).collect::<Result<_, _>>().map_err(failed())?
        };
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        RecordBatch::try_new_with_options(SchemaRef::clone(&self.schema), columns, &options).map_err(failed())
    }
}
