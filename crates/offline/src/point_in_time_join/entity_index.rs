//! The entity rows, grouped by key and sorted by time: the gaps that source rows fall into.

use arrow::array::{Array, ArrayRef};
use larder_core::{Field, RequestError, Timestamp};

use super::key_index::{KeyIndex, NO_GROUP};
use crate::error::OfflineError;

/// Stands for “no gap”.
pub(crate) const NO_GAP: u32 = u32::MAX;

/// The distinct (key, time) pairs of the entity rows, sorted by time within each key.
///
/// ```text
/// key A, entity rows at      10        20              40
///                     gap 0  │  gap 1  │     gap 2     │
/// source rows at       7  10 │ 12      │ 25   31   40  │ 41 falls into no gap
/// ```
///
/// A source row belongs to the gap before the first entity row at or after its time. The best row of
/// a gap is a candidate for the entity row that ends the gap and for all later ones of its key.
#[derive(Debug)]
pub(crate) struct EntityIndex {
    keys: KeyIndex,
    /// Where the run of each key starts in `times`, and one past the last.
    starts: Vec<u32>,
    /// The time that ends each gap.
    times: Vec<i64>,
    /// The gap that each entity row ends; [`NO_GAP`] for a row without key or time.
    gap_of_row: Vec<u32>,
    range: Option<(i64, i64)>,
}

impl EntityIndex {
    /// Groups entity rows. `columns` are the join keys of the rows, of their declared types.
    pub(crate) fn try_new(
        join_keys: &[Field],
        columns: &[ArrayRef],
        event_timestamps: &[Option<Timestamp>],
    ) -> Result<Self, OfflineError> {
        let rows = event_timestamps.len();
        if columns.iter().any(|column| column.len() != rows) {
            return Err(RequestError::UnevenColumns.into());
        }
        if rows >= NO_GAP as usize {
            return Err(OfflineError::TooManyRows {
                what: "the entity table".to_owned(),
                limit: u64::from(NO_GAP) - 1,
            });
        }
        let (keys, mut groups) = KeyIndex::of_table(join_keys, columns, rows)?;
        for (group, time) in groups.iter_mut().zip(event_timestamps) {
            if time.is_none() {
                *group = NO_GROUP;
            }
        }
        let mut sorted = sort_by_group_and_time(&groups, event_timestamps, keys.len());

        let mut gap_of_row = vec![NO_GAP; rows];
        let mut times: Vec<i64> = Vec::with_capacity(sorted.rows.len());
        let mut starts = Vec::with_capacity(keys.len() + 1);
        for run in sorted.bounds.windows(2) {
            let &[start, end] = run else { continue };
            let gaps_before = times.len();
            starts.push(as_gap(gaps_before));
            let run = sorted.rows.get_mut(start..end).unwrap_or_default();
            run.sort_unstable();
            for (time, row) in run {
                if times.len() == gaps_before || times.last() != Some(time) {
                    times.push(*time);
                }
                if let Some(gap) = gap_of_row.get_mut(*row as usize) {
                    *gap = as_gap(times.len() - 1);
                }
            }
        }
        starts.push(as_gap(times.len()));
        let range = times.iter().fold(None, |range, time| match range {
            None => Some((*time, *time)),
            Some((least, greatest)) => Some((i64::min(least, *time), i64::max(greatest, *time))),
        });
        Ok(Self { keys, starts, times, gap_of_row, range })
    }

    /// The keys, by which source rows are looked up.
    pub(crate) fn keys(&self) -> &KeyIndex {
        &self.keys
    }

    /// The gap of a time within the run of a group; [`NO_GAP`] after the last entity row.
    #[inline]
    pub(crate) fn gap(&self, group: u32, time: i64) -> u32 {
        let group = group as usize;
        let (Some(start), Some(end)) = (self.starts.get(group), self.starts.get(group + 1)) else {
            return NO_GAP;
        };
        let run = self.times.get(*start as usize..*end as usize).unwrap_or_default();
        let place = run.partition_point(|end_of_gap| *end_of_gap < time);
        if place == run.len() { NO_GAP } else { start + as_gap(place) }
    }

    /// The time that ends each gap, run by run.
    pub(crate) fn times(&self) -> &[i64] {
        &self.times
    }

    /// The gaps of each key.
    pub(crate) fn runs(&self) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
        self.starts.windows(2).filter_map(|run| match run {
            [start, end] => Some(*start as usize..*end as usize),
            _ => None,
        })
    }

    /// The gap that each entity row ends.
    pub(crate) fn gap_of_row(&self) -> &[u32] {
        &self.gap_of_row
    }

    /// The earliest and latest time of an entity row that can match; `None` if none can.
    pub(crate) fn range(&self) -> Option<(i64, i64)> {
        self.range
    }
}

struct Grouped {
    /// Time and row number of each row with a group, group by group.
    rows: Vec<(i64, u32)>,
    /// Where each group starts in `rows`, and one past the last.
    bounds: Vec<usize>,
}

/// A counting sort by group.
fn sort_by_group_and_time(
    groups: &[u32],
    event_timestamps: &[Option<Timestamp>],
    group_count: usize,
) -> Grouped {
    let mut bounds = vec![0_usize; group_count + 1];
    for group in groups.iter().filter(|group| **group != NO_GROUP) {
        if let Some(count) = bounds.get_mut(*group as usize + 1) {
            *count += 1;
        }
    }
    let mut total = 0;
    for bound in &mut bounds {
        total += *bound;
        *bound = total;
    }
    let mut next = bounds.clone();
    let mut rows = vec![(0_i64, 0_u32); total];
    for (row, (group, time)) in (0_u32..).zip(groups.iter().zip(event_timestamps)) {
        if let (Some(place), Some(time)) = (next.get_mut(*group as usize), time)
            && let Some(slot) = rows.get_mut(*place)
        {
            *slot = (time.micros(), row);
            *place += 1;
        }
    }
    Grouped { rows, bounds }
}

fn as_gap(gap: usize) -> u32 {
    u32::try_from(gap).expect("there are no more gaps than entity rows, which were counted")
}
