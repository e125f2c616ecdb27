//! The point-in-time join, linear in the source rows and with memory in the entity rows alone.
//!
//! 1. [`EntityIndex`] groups the entity rows by key and sorts each group by time, once.
//! 2. [`best_of_gaps`] reads key and time columns of the source, all chunks at the same time. Each row
//!    falls into the gap before the first entity row of its key at or after it, found by binary search;
//!    per gap only the best row is kept, as its times and its place. The source is never sorted, hashed
//!    or shuffled.
//! 3. [`winners`]: a running maximum along each key's gaps gives each entity row its winner. The lower
//!    end of the window is checked last, on the winner alone: if the newest row is too old, so are all.
//! 4. [`Gathered`] fetches the feature columns of the winning rows alone, and scatters them.
//!
//! With `filter_by_created_timestamp` a row can only be seen from the later of its event time and its
//! created time on, so that time chooses its gap. The best of the gaps so far is still the best of all
//! rows that can be seen, by the same order. A row without created time is then never seen, as in Feast:
//! nobody can tell whether it was known.

mod candidate;
mod entity_index;
mod gather;
mod key_index;
mod scan;

use arrow::array::ArrayRef;
use larder_core::ViewJoin;

use crate::error::OfflineError;
use crate::file_table::FileTable;

pub(crate) use self::candidate::{Candidate, NO_TIME, Position};
pub(crate) use self::entity_index::EntityIndex;
pub(crate) use self::gather::Gathered;
pub(crate) use self::key_index::{KeyIndex, NO_GROUP};
pub(crate) use self::scan::{KeyTimes, ScanCounts, chunks_in_range, on_all_chunks};

use self::scan::best_of_gaps;

/// Joins one view to the entity rows behind `index`: one column per feature, in frame order.
pub(crate) fn join_view(
    table: &FileTable,
    view: &ViewJoin,
    index: &EntityIndex,
    filter_by_created_timestamp: bool,
) -> Result<Vec<ArrayRef>, OfflineError> {
    let features = table.select_fields(&view.features)?;
    let key_times = KeyTimes::select(table, &view.join_keys)?;
    let ttl = i64::try_from(view.ttl.as_micros()).unwrap_or(i64::MAX);
    let ttl = (ttl != 0).then_some(ttl);

    let mut best = Vec::new();
    if let Some((least, greatest)) = index.range() {
        let oldest = ttl.map_or(i64::MIN, |ttl| least.saturating_sub(ttl));
        let chunks = chunks_in_range(table, oldest, greatest);
        let (found, counts) = best_of_gaps(table, &key_times, index, &chunks, filter_by_created_timestamp)?;
        best = found;
        counts.report(&view.view);
    }
    winners(index, &mut best, ttl);
    let winners: Vec<Option<Position>> = best.iter().map(|candidate| candidate.position).collect();
    drop(best);

    let row_bytes = table.bytes_per_row(&features).saturating_mul(winners.len() as u64);
    let blocks = usize::try_from(row_bytes / FETCHED_BYTES).unwrap_or(usize::MAX).saturating_add(1);
    let mut columns = Vec::with_capacity(view.features.len());
    for block in view.features.chunks(view.features.len().div_ceil(blocks).max(1)) {
        let gathered = Gathered::fetch(table, &table.select_fields(block)?, &winners)?;
        columns.extend(gathered.columns(block, index.gap_of_row())?);
    }
    Ok(columns)
}

/// How many bytes of winning rows are held besides the answer, by the estimate of the source's footers.
/// Wider rows are fetched some columns at a time.
const FETCHED_BYTES: u64 = 256 << 20;

/// Turns the best row of each gap into the winner of the entity rows that end the gap, or nothing if
/// it is older than `ttl` allows.
fn winners(index: &EntityIndex, best: &mut [Candidate], ttl: Option<i64>) {
    for run in index.runs() {
        let mut newest = Candidate::NONE;
        let gaps = best.get_mut(run.clone()).unwrap_or_default();
        for (candidate, end) in gaps.iter_mut().zip(index.times().get(run).unwrap_or_default()) {
            newest = newest.max(*candidate);
            let is_alive = ttl.is_none_or(|ttl| newest.event >= end.saturating_sub(ttl));
            *candidate = if is_alive { newest } else { Candidate::NONE };
        }
    }
}
