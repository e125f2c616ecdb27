//! Source rows as the join sees them: when, and where.

use std::num::NonZeroU64;

/// Where a row lies in a table: the chunk, and the row within the chunk. Ordered as the source is.
///
/// ```text
/// bit  63 ────────── 40 39 ─────────── 0
///      chunk (24 bits)  row + 1 (40 bits)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Position(NonZeroU64);

impl Position {
    /// How many chunks a table may have.
    pub(crate) const MAX_CHUNKS: u64 = 1 << 24;
    /// How many rows a chunk may have.
    pub(crate) const MAX_CHUNK_ROWS: u64 = (1 << 40) - 1;

    /// The place of the first row of a chunk.
    ///
    /// `chunk` is below [`MAX_CHUNKS`](Self::MAX_CHUNKS): a table is refused beyond.
    pub(crate) fn start_of(chunk: usize) -> Self {
        Self(NonZeroU64::MIN.saturating_add((chunk as u64) << 40))
    }

    /// The place `rows` rows further in the same chunk.
    pub(crate) fn plus(self, rows: usize) -> Self {
        Self(self.0.saturating_add(rows as u64))
    }

    /// The chunk.
    pub(crate) fn chunk(self) -> usize {
        usize::try_from(self.0.get() >> 40).expect("24 bits fit")
    }

    /// The row within the chunk.
    pub(crate) fn row(self) -> u64 {
        (self.0.get() & Self::MAX_CHUNK_ROWS) - 1
    }
}

/// The times of a source row and its place; greater wins.
///
/// The order of the fields is the rule: event time, then created time (none is the smallest), then
/// place in the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Candidate {
    /// Event time in microseconds.
    pub(crate) event: i64,
    /// Created time in microseconds; the least number where there is none.
    pub(crate) created: i64,
    /// The place; nothing only in [`NONE`](Self::NONE).
    pub(crate) position: Option<Position>,
}

impl Candidate {
    /// Loses against every row.
    pub(crate) const NONE: Self = Self { event: i64::MIN, created: NO_TIME, position: None };
}

/// Stands for an absent created time, which is older than any.
pub(crate) const NO_TIME: i64 = i64::MIN;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_ordered_as_the_source_and_read_back() {
        let places = [(0, 0), (0, 1), (0, 70_000), (1, 0), (1, 5), (300, 2)];
        let positions: Vec<Position> =
            places.iter().map(|(chunk, row)| Position::start_of(*chunk).plus(*row)).collect();
        assert!(positions.is_sorted());
        for (position, (chunk, row)) in positions.iter().zip(places) {
            assert_eq!((position.chunk(), position.row()), (chunk, row as u64));
        }
        assert_eq!(size_of::<Candidate>(), 24);
    }

    #[test]
    fn even_the_oldest_row_beats_no_row() {
        let oldest = Candidate { event: i64::MIN, created: NO_TIME, position: Some(Position::start_of(0)) };
        assert!(oldest > Candidate::NONE);
    }
}
