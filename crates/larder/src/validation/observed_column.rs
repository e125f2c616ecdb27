//! What is seen of one column while rows are compared, and what of it is not as expected.

use larder_core::Tolerances;
use serde_json::{Value as Json, json};

use super::dataset_profile::ColumnProfile;
use super::report::ValidationFailure;
use crate::statistics::column::{ColumnKind, Value, Values};
use crate::statistics::moments::{Moments, as_float};

/// So many unexpected values are shown.
const MAX_SHOWN: usize = 5;
/// How many standard errors a mean or a deviation may be off by chance.
const CHANCE: f64 = 3.0;
/// What counts as no difference between numbers that never differ: a part of their size.
const ROUNDING: f64 = 1e-9;

/// What is seen of one column.
#[derive(Debug)]
pub(super) struct ObservedColumn<'a> {
    profile: &'a ColumnProfile,
    tolerances: Tolerances,
    /// Rows of batches that have the column.
    rows: u64,
    nulls: u64,
    moments: Moments,
    unexpected: u64,
    shown: Vec<Json>,
    /// The kind of a batch, if it was another than the dataset's.
    other_kind: Option<ColumnKind>,
}

impl<'a> ObservedColumn<'a> {
    pub(super) fn new(profile: &'a ColumnProfile, tolerances: Tolerances) -> Self {
        Self {
            profile,
            tolerances,
            rows: 0,
            nulls: 0,
            moments: Moments::default(),
            unexpected: 0,
            shown: Vec::new(),
            other_kind: None,
        }
    }

    /// Counts the rows of a batch; of those that `is_held` denies the value is null.
    pub(super) fn add(&mut self, values: &Values, is_held: impl Fn(usize) -> bool) {
        let range = self.range();
        for row in 0..values.len() {
            self.rows += 1;
            let value = if is_held(row) { values.get(row) } else { Value::Null };
            match value {
                Value::Null => self.nulls += 1,
                // What comes of a column without any value says nothing of its kind.
                _ if values.kind() != self.profile.kind => self.other_kind = Some(values.kind()),
                Value::Number(number) => {
                    if number.is_finite() {
                        self.moments.add(number);
                    }
                    if range.is_some_and(|(least, greatest)| number < least || number > greatest) {
                        self.unexpected(|| {
                            if number.is_finite() { json!(number) } else { json!(number.to_string()) }
                        });
                    }
                }
                Value::Word(word) => {
                    if self.profile.categories.as_ref().is_some_and(|known| !known.contains(word)) {
                        self.unexpected(|| json!(word));
                    }
                }
                Value::Other => {}
            }
        }
    }

    fn unexpected(&mut self, value: impl FnOnce() -> Json) {
        self.unexpected += 1;
        if self.shown.len() < MAX_SHOWN {
            let value = value();
            if !self.shown.contains(&value) {
                self.shown.push(value);
            }
        }
    }

    /// The range of the dataset with its margin; none of a dataset without numbers.
    fn range(&self) -> Option<(f64, f64)> {
        let Moments { count, min, max, .. } = self.profile.moments;
        let margin = self.tolerances.range_margin.get() * (max - min);
        (count > 0).then_some((min - margin, max + margin))
    }

    /// What is not as expected, of a column called `name`.
    pub(super) fn failures(&self, name: &str) -> Vec<ValidationFailure> {
        if self.rows == 0 {
            return vec![ValidationFailure::new("column_exists", name, json!({}))];
        }
        if let Some(kind) = self.other_kind {
            let expected = json!({ "kind": self.profile.kind.name(), "found": kind.name() });
            return vec![ValidationFailure::new("column_kind", name, expected)];
        }
        [
            self.null_share(name),
            self.range_failure(name),
            self.mean(name),
            self.deviation(name),
            self.words(name),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn null_share(&self, name: &str) -> Option<ValidationFailure> {
        let most = share(self.profile.nulls, self.profile.rows) + self.tolerances.null_share.get();
        let found = share(self.nulls, self.rows);
        (found > most + ROUNDING).then(|| ValidationFailure {
            missing: Some((self.nulls, self.rows)),
            observed: Some(found),
            ..ValidationFailure::new("null_share", name, json!({ "max": most.min(1.0) }))
        })
    }

    fn range_failure(&self, name: &str) -> Option<ValidationFailure> {
        let (least, greatest) = self.range()?;
        // Infinite numbers are as expected as they are in the dataset.
        let numbers = self.profile.rows - self.profile.nulls;
        let usual = share(self.profile.infinite, numbers);
        self.too_many_unexpected(usual).then(|| ValidationFailure {
            unexpected: Some((self.unexpected, self.rows - self.nulls)),
            unexpected_values: self.shown.clone(),
            ..ValidationFailure::new(
                "range",
                name,
                json!({
                    "min": least,
                    "max": greatest,
                    "unexpected_share": self.tolerances.unexpected_share.get(),
                }),
            )
        })
    }

    fn words(&self, name: &str) -> Option<ValidationFailure> {
        let categories = self.profile.categories.as_ref()?;
        self.too_many_unexpected(0.0).then(|| ValidationFailure {
            unexpected: Some((self.unexpected, self.rows - self.nulls)),
            unexpected_values: self.shown.clone(),
            ..ValidationFailure::new(
                "categories",
                name,
                json!({
                    "categories": categories,
                    "unexpected_share": self.tolerances.unexpected_share.get(),
                }),
            )
        })
    }

    fn too_many_unexpected(&self, usual: f64) -> bool {
        let most = usual + self.tolerances.unexpected_share.get();
        share(self.unexpected, self.rows - self.nulls) > most + ROUNDING
    }

    /// Few rows have another mean by chance, so the tolerance is wider for them.
    fn mean(&self, name: &str) -> Option<ValidationFailure> {
        let (expected, found) = self.both_moments()?;
        let deviation = expected.deviation();
        let by_chance =
            CHANCE * deviation * (1.0 / as_float(found.count) + 1.0 / as_float(expected.count)).sqrt();
        let tolerance = self.tolerances.mean_shift.get() * deviation + by_chance + rounding(expected);
        let (least, greatest) = (expected.mean - tolerance, expected.mean + tolerance);
        let outside = found.mean < least || found.mean > greatest;
        outside.then(|| ValidationFailure {
            observed: Some(found.mean),
            ..ValidationFailure::new(
                "mean",
                name,
                json!({ "min": least, "max": greatest, "reference": expected.mean }),
            )
        })
    }

    /// As of the mean, and only where there is a deviation on both sides.
    fn deviation(&self, name: &str) -> Option<ValidationFailure> {
        let (expected, found) = self.both_moments()?;
        if expected.count < 2 || found.count < 2 {
            return None;
        }
        let error = |count: u64| CHANCE / (2.0 * as_float(count - 1)).sqrt();
        let by_chance = 1.0 + error(expected.count) + error(found.count);
        let ratio = self.tolerances.deviation_ratio.get() * by_chance;
        let (usual, found) = (expected.deviation(), found.deviation());
        let (least, greatest) = (usual / ratio - rounding(expected), usual * ratio + rounding(expected));
        (found < least || found > greatest).then(|| ValidationFailure {
            observed: Some(found),
            ..ValidationFailure::new(
                "standard_deviation",
                name,
                json!({ "min": least.max(0.0), "max": greatest, "reference": usual }),
            )
        })
    }

    /// What the dataset and the rows have, where both have numbers whose spread can be calculated.
    fn both_moments(&self) -> Option<(&Moments, &Moments)> {
        let both = [&self.profile.moments, &self.moments];
        let fit = both.iter().all(|moments| moments.count > 0 && moments.deviation().is_finite());
        fit.then_some((both[0], both[1]))
    }
}

/// What rounding may make of numbers of this size.
fn rounding(moments: &Moments) -> f64 {
    ROUNDING * moments.min.abs().max(moments.max.abs())
}

fn share(part: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { as_float(part) / as_float(all) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray};
    use proptest::prelude::*;

    use super::super::dataset_profile::DatasetProfile;
    use super::*;

    /// The checks that fail for `found` beside `dataset`.
    fn failed(dataset: &ArrayRef, found: &ArrayRef) -> Vec<&'static str> {
        let rows = RecordBatch::try_from_iter_with_nullable([("c", Arc::clone(dataset), true)]).unwrap();
        let profile = DatasetProfile::measure(&rows).unwrap();
        let mut observed = ObservedColumn::new(profile.column("c").unwrap(), Tolerances::default());
        observed.add(&Values::of(found).unwrap(), |_| true);
        observed.failures("c").iter().map(|failure| failure.check).collect()
    }

    fn numbers(numbers: impl IntoIterator<Item = f64>) -> ArrayRef {
        Arc::new(numbers.into_iter().collect::<Float64Array>())
    }

    fn words(words: &[Option<&str>]) -> ArrayRef {
        Arc::new(words.iter().copied().collect::<StringArray>())
    }

    /// 0 to 99, over and over.
    fn steps(count: u32) -> impl Iterator<Item = f64> + Clone {
        (0..count).map(|at| f64::from(at % 100))
    }

    #[test]
    fn numbers_fail_by_range_by_mean_and_by_deviation() {
        let dataset = numbers(steps(1000));
        assert!(failed(&dataset, &numbers(steps(500))).is_empty());
        assert!(failed(&dataset, &numbers(steps(500).map(|n| n + 8.0))).is_empty(), "within the margin");
        assert_eq!(failed(&dataset, &numbers(steps(500).map(|n| n + 20.0))), ["range", "mean"]);
        assert_eq!(failed(&dataset, &numbers(steps(500).map(|_| 50.0))), ["standard_deviation"]);
        assert_eq!(failed(&dataset, &numbers(steps(500).map(|n| n / 4.0))), ["mean", "standard_deviation"]);
    }

    #[test]
    fn a_few_rows_may_differ_by_chance() {
        let dataset = numbers(steps(1000));
        assert!(failed(&dataset, &numbers([3.0, 70.0])).is_empty());
        assert!(failed(&dataset, &numbers([99.0])).is_empty());
        assert_eq!(failed(&dataset, &numbers([990.0])), ["range", "mean"]);
    }

    #[test]
    fn infinite_numbers_are_out_of_every_range_unless_the_dataset_has_them_too() {
        let with_infinite = |every: usize| {
            let numbers = steps(1000).enumerate();
            numbers.map(move |(at, n)| if at % every == 0 { f64::INFINITY } else { n })
        };
        assert_eq!(failed(&numbers(steps(1000)), &numbers(with_infinite(10))), ["range"]);
        assert!(failed(&numbers(with_infinite(10)), &numbers(with_infinite(10))).is_empty());
        assert_eq!(failed(&numbers(with_infinite(10)), &numbers(with_infinite(4))), ["range"]);
    }

    #[test]
    fn words_fail_by_category_and_columns_by_kind() {
        let dataset = words(&[Some("a"), Some("b"), Some("a"), Some("b"), None]);
        assert!(failed(&dataset, &words(&[Some("b"), Some("b"), None, Some("a")])).is_empty());
        assert_eq!(failed(&dataset, &words(&[Some("b"), Some("c"), Some("a")])), ["categories"]);
        assert_eq!(failed(&dataset, &numbers([1.0])), ["column_kind"]);
        assert_eq!(failed(&dataset, &words(&[])), ["column_exists"]);
        let free = words(&[Some("a"), Some("b"), Some("c"), Some("d")]);
        assert!(failed(&free, &words(&[Some("e")])).is_empty(), "free text may be anything");
        let flags: ArrayRef = Arc::new(BooleanArray::from(vec![true; 10]));
        let other: ArrayRef = Arc::new(BooleanArray::from(vec![true, false]));
        assert_eq!(failed(&flags, &other), ["categories"]);
    }

    #[test]
    fn nulls_fail_when_they_are_a_tenth_more_of_all_rows() {
        let with_nulls = |nulls: usize| -> ArrayRef {
            Arc::new((0..100).map(|at| (at >= nulls).then_some(1.0)).collect::<Float64Array>())
        };
        assert!(failed(&with_nulls(5), &with_nulls(15)).is_empty());
        assert_eq!(failed(&with_nulls(5), &with_nulls(16)), ["null_share"]);
        assert!(failed(&with_nulls(50), &with_nulls(0)).is_empty(), "fewer are welcome");
        assert_eq!(failed(&with_nulls(0), &with_nulls(100)), ["null_share"]);
    }

    proptest! {
        #[test]
        fn a_dataset_is_as_expected_of_itself(
            numbers in prop::collection::vec(prop::option::of(any::<f64>()), 1..60),
            texts in prop::collection::vec(prop::option::of("[a-c]{0,2}"), 1..60),
        ) {
            let numbers: ArrayRef = Arc::new(Float64Array::from(numbers));
            prop_assert_eq!(failed(&numbers, &numbers), Vec::<&str>::new());
            let texts: ArrayRef = Arc::new(StringArray::from(texts));
            prop_assert_eq!(failed(&texts, &texts), Vec::<&str>::new());
        }
    }
}
