//! The second pass: feature columns of the winning rows, scattered to where they belong.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, new_null_array};
use arrow::compute::interleave;
use larder_core::Field;
use rayon::prelude::*;

use super::Position;
use crate::error::OfflineError;
use crate::file_table::{FileTable, Selection};

/// The columns of some rows of a table, each row fetched once.
#[derive(Debug)]
pub(crate) struct Gathered {
    /// Batches of columns.
    batches: Vec<Vec<ArrayRef>>,
    /// For each row asked for: its batch, counted from one, and its row there. Batch 0 is the null row.
    places: Vec<(usize, usize)>,
}

impl Gathered {
    /// Fetches rows by their positions; `None` stands for a row of nulls. A position may occur often.
    pub(crate) fn fetch(
        table: &FileTable,
        selection: &Selection,
        positions: &[Option<Position>],
    ) -> Result<Self, OfflineError> {
        let mut sorted: Vec<(Position, usize)> = Vec::new();
        sorted.extend(positions.iter().enumerate().filter_map(|(row, position)| Some(((*position)?, row))));
        sorted.par_sort_unstable();

        let chunks: Vec<&[(Position, usize)]> =
            sorted.chunk_by(|(one, _), (other, _)| one.chunk() == other.chunk()).collect();
        let fetched = chunks
            .par_iter()
            .map(|chunk| {
                let mut rows: Vec<u64> = chunk.iter().map(|(position, _)| position.row()).collect();
                rows.dedup();
                match chunk.first() {
                    Some((position, _)) => table.fetch(position.chunk(), selection, &rows),
                    None => Ok(Vec::new()),
                }
            })
            .collect::<Result<Vec<_>, _>>()?;

        let mut places = vec![(0, 0); positions.len()];
        let mut batches = Vec::new();
        for (chunk, fetched) in chunks.into_iter().zip(fetched) {
            let first_batch = batches.len() + 1;
            let lengths = fetched.iter().map(|columns| columns.first().map_or(0, Array::len));
            let mut fetched_places =
                (first_batch..).zip(lengths).flat_map(|(batch, rows)| (0..rows).map(move |row| (batch, row)));
            for same in chunk.chunk_by(|(one, _), (other, _)| one == other) {
                let Some(place) = fetched_places.next() else { break };
                for (_, row) in same {
                    if let Some(slot) = places.get_mut(*row) {
                        *slot = place;
                    }
                }
            }
            batches.extend(fetched);
        }
        Ok(Self { batches, places })
    }

    /// The columns with the row `rows[i]` of those asked for at row `i`; a number beyond them gives
    /// nulls.
    pub(crate) fn columns(self, fields: &[Field], rows: &[u32]) -> Result<Vec<ArrayRef>, OfflineError> {
        let places: Vec<(usize, usize)> =
            rows.iter().map(|row| self.places.get(*row as usize).copied().unwrap_or((0, 0))).collect();
        self.interleaved(fields, &places)
    }

    /// The columns of a span of the rows asked for.
    pub(crate) fn span(&self, fields: &[Field], rows: Range<usize>) -> Result<Vec<ArrayRef>, OfflineError> {
        self.interleaved(fields, self.places.get(rows).unwrap_or_default())
    }

    fn interleaved(
        &self,
        fields: &[Field],
        places: &[(usize, usize)],
    ) -> Result<Vec<ArrayRef>, OfflineError> {
        fields
            .par_iter()
            .enumerate()
            .map(|(column, field)| {
                let nulls = new_null_array(&field.value_type.data_type(), 1);
                let mut arrays: Vec<&dyn Array> = vec![nulls.as_ref()];
                arrays.extend(self.batches.iter().filter_map(|batch| Some(batch.get(column)?.as_ref())));
                interleave(&arrays, places).map_err(OfflineError::arrow("put the features into frame order"))
            })
            .collect()
    }
}
