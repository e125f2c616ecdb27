//! The first pass: key and time columns of the chunks that matter, read by all threads.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use arrow::array::ArrayRef;
use arrow::buffer::NullBuffer;
use larder_core::Field;
use rayon::prelude::*;

use super::entity_index::{EntityIndex, NO_GAP};
use super::{Candidate, NO_GROUP, NO_TIME, Position};
use crate::error::OfflineError;
use crate::file_table::{FileTable, Selection, Wanted, times};

/// What a scan has seen.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ScanCounts {
    /// Rows read.
    pub(crate) rows: u64,
    /// Rows passed over because a join key is null, of those that would have counted.
    pub(crate) null_keys: u64,
    /// Rows passed over because the event time is null.
    pub(crate) null_times: u64,
}

impl ScanCounts {
    /// Says what was passed over, if anything was.
    pub(crate) fn report(self, view: &str) {
        let Self { rows, null_keys, null_times } = self;
        if null_times > 0 {
            tracing::warn!(%view, rows, null_times, "source rows without event timestamp were skipped");
        }
        tracing::debug!(%view, rows, null_keys, null_times, "source scanned");
    }
}

impl std::ops::AddAssign for ScanCounts {
    fn add_assign(&mut self, other: Self) {
        self.rows += other.rows;
        self.null_keys += other.null_keys;
        self.null_times += other.null_times;
    }
}

/// The key and time columns of a table.
#[derive(Debug)]
pub(crate) struct KeyTimes {
    selection: Selection,
    keys: usize,
    has_created: bool,
}

/// Key and time columns of some rows of one chunk.
pub(crate) struct KeyTimesBatch<'a> {
    /// The place of the first row.
    pub(crate) start: Position,
    /// The number of rows.
    pub(crate) rows: usize,
    /// The join keys, of their declared types.
    pub(crate) keys: &'a [ArrayRef],
    /// The event times; those of the rows in `null_events` mean nothing.
    pub(crate) events: &'a [i64],
    /// The rows without event time, in order.
    pub(crate) null_events: &'a [usize],
    /// The created times; [`NO_TIME`] where there is none.
    pub(crate) created: &'a [i64],
}

impl KeyTimes {
    /// Finds the columns.
    pub(crate) fn select(table: &FileTable, join_keys: &[Field]) -> Result<Self, OfflineError> {
        let mut wanted: Vec<Wanted> = join_keys.iter().map(Wanted::field).collect();
        wanted.push(table.timestamp_column());
        let created = table.created_column();
        let has_created = created.is_some();
        wanted.extend(created);
        Ok(Self { selection: table.select(wanted)?, keys: join_keys.len(), has_created })
    }

    /// Whether the source says when its rows were written.
    pub(crate) fn has_created(&self) -> bool {
        self.has_created
    }

    /// Reads them from a chunk.
    pub(crate) fn scan(
        &self,
        table: &FileTable,
        chunk: usize,
        visit: &mut dyn FnMut(KeyTimesBatch<'_>) -> Result<(), OfflineError>,
    ) -> Result<(), OfflineError> {
        let start = Position::start_of(chunk);
        let mut rows_before = 0;
        let mut null_events = Vec::new();
        let mut created = Vec::new();
        table.scan(chunk, &self.selection, &mut |columns, rows| {
            let (keys, time_columns) = columns.split_at_checked(self.keys).unwrap_or_default();
            let Some(event) = time_columns.first() else { return Ok(()) };
            let (events, nulls) = times(event);
            null_events.clear();
            null_events.extend(null_rows(nulls));
            created.clear();
            if let Some(column) = time_columns.get(1) {
                let (values, nulls) = times(column);
                created.extend_from_slice(values);
                for row in null_rows(nulls) {
                    if let Some(time) = created.get_mut(row) {
                        *time = NO_TIME;
                    }
                }
            } else {
                created.resize(rows, NO_TIME);
            }
            visit(KeyTimesBatch {
                start: start.plus(rows_before),
                rows,
                keys,
                events,
                null_events: &null_events,
                created: &created,
            })?;
            rows_before += rows;
            Ok(())
        })
    }
}

impl KeyTimesBatch<'_> {
    /// The places, in order.
    pub(crate) fn positions(&self) -> impl Iterator<Item = Position> + '_ {
        (0..self.rows).map(|row| self.start.plus(row))
    }
}

fn null_rows(nulls: Option<&NullBuffer>) -> impl Iterator<Item = usize> + '_ {
    let nulls = nulls.filter(|nulls| nulls.null_count() > 0);
    nulls.into_iter().flat_map(|nulls| (0..nulls.len()).filter(|row| nulls.is_null(*row)))
}

/// The chunks that may hold a time from `oldest` to `newest`, both included: all but those whose
/// statistics rule it out.
pub(crate) fn chunks_in_range(table: &FileTable, oldest: i64, newest: i64) -> Vec<usize> {
    let may_matter = |range: &Option<(i64, i64)>| {
        range.is_none_or(|(least, greatest)| greatest >= oldest && least <= newest)
    };
    let ranges = table.time_ranges();
    ranges.iter().enumerate().filter(|(_, range)| may_matter(range)).map(|(chunk, _)| chunk).collect()
}

/// Lets at most `max_workers` threads work through the chunks, each with a state of its own, and
/// returns the states. The first error ends the work.
pub(crate) fn on_all_chunks<S: Send>(
    chunks: &[usize],
    max_workers: usize,
    new: impl Fn() -> Result<S, OfflineError> + Sync,
    work: impl Fn(&mut S, usize) -> Result<(), OfflineError> + Sync,
) -> Result<Vec<S>, OfflineError> {
    let workers = rayon::current_num_threads().min(max_workers).min(chunks.len()).max(1);
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    (0..workers)
        .into_par_iter()
        .with_max_len(1)
        .map(|_| {
            let mut state = new()?;
            while !failed.load(Ordering::Relaxed)
                && let Some(chunk) = chunks.get(next.fetch_add(1, Ordering::Relaxed))
            {
                work(&mut state, *chunk).inspect_err(|_| failed.store(true, Ordering::Relaxed))?;
            }
            Ok(state)
        })
        .collect()
}

/// The bytes that the best rows of all threads together may take before fewer threads are used.
const MAX_BEST_BYTES: usize = 1 << 29;

struct Worker {
    best: Vec<Candidate>,
    counts: ScanCounts,
    groups: Vec<u32>,
    gaps: Vec<u32>,
}

/// The best row of every gap.
pub(crate) fn best_of_gaps(
    table: &FileTable,
    key_times: &KeyTimes,
    index: &EntityIndex,
    chunks: &[usize],
    filter_by_created_timestamp: bool,
) -> Result<(Vec<Candidate>, ScanCounts), OfflineError> {
    let gap_count = index.times().len();
    let max_workers = (MAX_BEST_BYTES / (gap_count * size_of::<Candidate>()).max(1)).max(1);
    // Without a created column there is nothing to filter by.
    let filter = filter_by_created_timestamp && key_times.has_created();
    let workers = on_all_chunks(
        chunks,
        max_workers,
        || {
            let best = vec![Candidate::NONE; gap_count];
            Ok(Worker { best, counts: ScanCounts::default(), groups: Vec::new(), gaps: Vec::new() })
        },
        |worker, chunk| key_times.scan(table, chunk, &mut |batch| worker.offer(index, &batch, filter)),
    )?;
    let mut counts = ScanCounts::default();
    let mut merged: Option<Vec<Candidate>> = None;
    for worker in workers {
        counts += worker.counts;
        match &mut merged {
            None => merged = Some(worker.best),
            Some(best) => {
                best.par_iter_mut().zip(worker.best).for_each(|(best, other)| *best = other.max(*best));
            }
        }
    }
    Ok((merged.unwrap_or_default(), counts))
}

impl Worker {
    /// Lets every row of a batch compete in its gap.
    ///
    /// Three plain loops, so that the misses of each on the cache overlap.
    fn offer(
        &mut self,
        index: &EntityIndex,
        batch: &KeyTimesBatch<'_>,
        filter: bool,
    ) -> Result<(), OfflineError> {
        self.counts.rows += batch.rows as u64;
        self.counts.null_times += batch.null_events.len() as u64;
        index.keys().look_up(batch.keys, batch.rows, &mut self.groups)?;
        for row in batch.null_events {
            if let Some(group) = self.groups.get_mut(*row) {
                *group = NO_GROUP;
            }
        }
        self.gaps.clear();
        let rows = self.groups.iter().zip(batch.events).zip(batch.created);
        self.gaps.extend(rows.map(|((group, event), created)| match *group {
            NO_GROUP => NO_GAP,
            _ if filter && *created == NO_TIME => NO_GAP,
            group => index.gap(group, if filter { *event.max(created) } else { *event }),
        }));
        let rows = self.gaps.iter().zip(batch.events).zip(batch.created).zip(batch.positions());
        for (((gap, event), created), position) in rows {
            // The number for “no gap” is beyond the end.
            if let Some(best) = self.best.get_mut(*gap as usize) {
                let candidate = Candidate { event: *event, created: *created, position: Some(position) };
                if candidate > *best {
                    *best = candidate;
                }
            }
        }
        Ok(())
    }
}
