//! What is expected of data that are compared with a saved dataset.

use std::collections::BTreeMap;

/// What is expected of data that are compared with a saved dataset: how far they may differ from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectations {
    /// So many rows there must be.
    pub min_rows: u64,
    /// How far a column may differ, unless `columns` says otherwise.
    pub tolerances: Tolerances,
    /// What is expected of single columns, by feature reference `view:feature`, or by name where a column is
    /// no feature. `None` of a column that is not compared. Features are compared without being named here,
    /// other columns are not.
    pub columns: BTreeMap<String, Option<Tolerances>>,
}

impl Default for Expectations {
    /// At least one row, and the usual tolerances.
    fn default() -> Self {
        Self { min_rows: 1, tolerances: Tolerances::default(), columns: BTreeMap::new() }
    }
}

/// How far a column may differ from that of the dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tolerances {
    /// How much greater the share of nulls may be.
    pub null_share: Tolerance,
    /// The share of values that may lie outside the range, or be of no known category.
    pub unexpected_share: Tolerance,
    /// How far the range reaches beyond the least and the greatest value, as a part of its width.
    pub range_margin: Tolerance,
    /// How far the mean may be away, in standard deviations.
    pub mean_shift: Tolerance,
    /// How many times greater or smaller the standard deviation may be; at least 1.
    pub deviation_ratio: Tolerance,
}

impl Default for Tolerances {
    fn default() -> Self {
        Self {
            null_share: Tolerance(0.1),
            unexpected_share: Tolerance(0.01),
            range_margin: Tolerance(0.1),
            mean_shift: Tolerance(0.5),
            deviation_ratio: Tolerance(2.0),
        }
    }
}

/// A number that is not negative, nor NaN, nor infinite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance(f64);

// A tolerance is a number, never NaN.
impl Eq for Tolerance {}

impl Tolerance {
    /// A tolerance; none for a number that is none.
    pub fn new(number: f64) -> Option<Self> {
        // Without the sign of a negative zero, which compares equal and reads differently.
        (number.is_finite() && number >= 0.0).then_some(Self(number.abs()))
    }

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }
}
