//! Where each value of varying size begins and ends.

use std::ops::Range;

/// Offsets as Arrow has them: one more than there are values, from 0, never falling.
#[derive(Clone, Debug)]
pub(crate) struct Offsets(Vec<i32>);

impl Default for Offsets {
    fn default() -> Self {
        Self(vec![0])
    }
}

impl Offsets {
    /// Takes offsets that [`check_offsets`](crate::columns::check_offsets) has seen.
    pub(crate) fn from_checked(offsets: Vec<i32>) -> Self {
        Self(offsets)
    }

    pub(crate) fn into_vec(self) -> Vec<i32> {
        self.0
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len().saturating_sub(1)
    }

    /// Begin and end of value `row`.
    #[inline]
    #[expect(clippy::indexing_slicing, reason = "`Array::get` is documented to panic")]
    pub(crate) fn span(&self, row: usize) -> Range<usize> {
        let index = |offset: i32| usize::try_from(offset).unwrap_or_default();
        index(self.0[row])..index(self.0[row + 1])
    }

    /// Adds a value that ends at `end`.
    #[inline]
    pub(crate) fn push(&mut self, end: usize) {
        self.0.push(i32::try_from(end).expect("a column holds less than 2 GiB, or 2^31 list items"));
    }
}
