//! A column of numbers.

use super::Progress;
use super::histogram::Histogram;
use super::moments::Moments;
use super::selection::Selection;
use super::sum::Sum;

/// So many numbers of a column are kept at once: 4 MiB.
pub(crate) const KEPT: usize = 1 << 19;

/// A column of numbers, as far as it is counted.
///
/// Infinite numbers are counted as rows and are in nothing else.
#[derive(Debug)]
pub(crate) struct NumberColumn {
    quantiles: &'static [f64],
    bins: usize,
    room: usize,
    is_first_pass: bool,
    /// Rows of this pass.
    seen: u64,
    rows: u64,
    nulls: u64,
    moments: Moments,
    /// Of it the mean is made, which is closer than that of the moments.
    sum: Sum,
    numbers: Numbers,
    histogram: Option<Histogram>,
    has_histogram: bool,
}

#[derive(Debug)]
enum Numbers {
    Kept(Vec<f64>),
    Sought(Box<Selection>),
}

/// What a column of numbers is like. All is `None` of a column without finite numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct NumberStatistics {
    pub(crate) rows: u64,
    pub(crate) nulls: u64,
    pub(crate) mean: Option<f64>,
    /// As a sample; of one number there is none.
    pub(crate) deviation: Option<f64>,
    pub(crate) min: Option<f64>,
    pub(crate) max: Option<f64>,
    /// One for each that was asked for.
    pub(crate) quantiles: Vec<Option<f64>>,
    pub(crate) histogram: Option<Histogram>,
}

impl NumberColumn {
    /// A column of which these quantiles and a histogram of so many bins are wanted.
    pub(crate) fn new(quantiles: &'static [f64], bins: usize) -> Self {
        Self::with_room(quantiles, bins, KEPT)
    }

    fn with_room(quantiles: &'static [f64], bins: usize, room: usize) -> Self {
        Self {
            quantiles,
            bins,
            room,
            is_first_pass: true,
            seen: 0,
            rows: 0,
            nulls: 0,
            moments: Moments::default(),
            sum: Sum::default(),
            numbers: Numbers::Kept(Vec::new()),
            histogram: None,
            has_histogram: false,
        }
    }

    /// Counts a row; `None`, and what is no number, is null.
    pub(crate) fn add(&mut self, number: Option<f64>) {
        self.seen += 1;
        let Some(number) = number.filter(|number| !number.is_nan()) else {
            self.nulls += u64::from(self.is_first_pass);
            return;
        };
        if number.is_infinite() {
            return;
        }
        if self.is_first_pass {
            self.moments.add(number);
            self.sum.add(number);
        } else if !self.has_histogram
            && let Some(histogram) = &mut self.histogram
        {
            histogram.add(number);
        }
        match &mut self.numbers {
            Numbers::Kept(kept) if kept.len() < self.room => kept.push(number),
            Numbers::Kept(kept) => {
                let mut selection = Box::new(Selection::new(self.room));
                for kept in kept.iter() {
                    selection.add(*kept);
                }
                selection.add(number);
                self.numbers = Numbers::Sought(selection);
            }
            Numbers::Sought(selection) => selection.add(number),
        }
    }

    /// Ends a pass over the rows.
    pub(crate) fn end_pass(&mut self) -> Progress {
        let seen = std::mem::take(&mut self.seen);
        if self.is_first_pass {
            self.rows = seen;
            if self.moments.count > 0 {
                self.histogram = Some(Histogram::between(self.moments.min, self.moments.max, self.bins));
            }
        } else if seen != self.rows {
            return Progress::Changed;
        }
        let ranks = ranks(self.quantiles, self.moments.count);
        let progress = match &mut self.numbers {
            Numbers::Kept(kept) => {
                kept.sort_unstable_by(f64::total_cmp);
                if let Some(histogram) = &mut self.histogram {
                    for number in kept.iter() {
                        histogram.add(*number);
                    }
                }
                self.has_histogram = true;
                Progress::Done
            }
            Numbers::Sought(selection) => {
                let is_found = selection.end_pass(&ranks);
                self.has_histogram = !self.is_first_pass;
                if is_found && self.has_histogram { Progress::Done } else { Progress::Again }
            }
        };
        self.is_first_pass = false;
        progress
    }

    /// What is known after the last pass.
    pub(crate) fn finish(self) -> NumberStatistics {
        let count = self.moments.count;
        let is_any = count > 0;
        let finite = |number: f64| Some(number).filter(|number| is_any && number.is_finite());
        let mean = self.sum.value() / super::moments::as_float(count);
        let at = |rank: u64| match &self.numbers {
            Numbers::Kept(sorted) => usize::try_from(rank).ok().and_then(|rank| sorted.get(rank).copied()),
            Numbers::Sought(selection) => selection.at(rank),
        };
        let quantile = |quantile: &f64| {
            let (rank, share) = place(*quantile, count)?;
            let low = at(rank)?;
            // Between two numbers by the distance to each; a number itself where it is met.
            if share == 0.0 { Some(low) } else { Some(share * at(rank + 1)? + (1.0 - share) * low) }
        };
        NumberStatistics {
            rows: self.rows,
            nulls: self.nulls,
            mean: finite(mean).or_else(|| finite(self.moments.mean)),
            deviation: finite(self.moments.deviation()).filter(|_| count > 1),
            min: finite(self.moments.min),
            max: finite(self.moments.max),
            quantiles: self.quantiles.iter().map(quantile).collect(),
            histogram: self.histogram,
        }
    }
}

/// The rank at or below a quantile of so many numbers, and how far it is to the next.
fn place(quantile: f64, count: u64) -> Option<(u64, f64)> {
    let place = quantile * super::moments::as_float(count.checked_sub(1)?);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a whole number between 0 and the count"
    )]
    let rank = place.floor() as u64;
    Some((rank, place - place.floor()))
}

/// All ranks that quantiles are made of, ascending.
fn ranks(quantiles: &[f64], count: u64) -> Vec<u64> {
    let places = quantiles.iter().filter_map(|quantile| place(*quantile, count));
    let mut ranks: Vec<u64> = places.flat_map(|(rank, _)| [rank, rank + 1]).collect();
    ranks.retain(|rank| *rank < count);
    ranks.sort_unstable();
    ranks.dedup();
    ranks
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const QUANTILES: &[f64] = &[0.0, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0];

    /// The statistics, and the passes that they took.
    fn measured(rows: &[Option<f64>], room: usize) -> (NumberStatistics, usize) {
        let mut column = NumberColumn::with_room(QUANTILES, 20, room);
        for passes in 1.. {
            for row in rows {
                column.add(*row);
            }
            if column.end_pass() == Progress::Done {
                return (column.finish(), passes);
            }
            assert!(passes < 5, "there is an end");
        }
        unreachable!()
    }

    fn naive(rows: &[Option<f64>]) -> NumberStatistics {
        let is_number = |number: &f64| !number.is_nan();
        let mut numbers: Vec<f64> = rows.iter().flatten().copied().filter(is_number).collect();
        let nulls = (rows.len() - numbers.len()) as u64;
        numbers.retain(|number| number.is_finite());
        numbers.sort_unstable_by(f64::total_cmp);
        let count = numbers.len();
        if count == 0 {
            let quantiles = vec![None; QUANTILES.len()];
            return NumberStatistics {
                rows: rows.len() as u64,
                nulls,
                quantiles,
                ..NumberStatistics::default()
            };
        }
        #[expect(clippy::cast_precision_loss, reason = "few rows")]
        let mean = numbers.iter().sum::<f64>() / count as f64;
        #[expect(clippy::cast_precision_loss, reason = "few rows")]
        let variance = numbers.iter().map(|n| (n - mean) * (n - mean)).sum::<f64>() / (count as f64 - 1.0);
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "few rows"
        )]
        let quantile = |quantile: &f64| {
            let place = quantile * (count as f64 - 1.0);
            let (low, high) = (numbers[place.floor() as usize], numbers[place.ceil() as usize]);
            let share = place - place.floor();
            Some(if share == 0.0 { low } else { share * high + (1.0 - share) * low })
        };
        let (min, max) = (numbers[0], numbers[count - 1]);
        let mut histogram = Histogram::between(min, max, 20);
        for number in &numbers {
            histogram.add(*number);
        }
        NumberStatistics {
            rows: rows.len() as u64,
            nulls,
            mean: Some(mean),
            deviation: (count > 1).then(|| variance.sqrt()),
            min: Some(min),
            max: Some(max),
            quantiles: QUANTILES.iter().map(quantile).collect(),
            histogram: Some(histogram),
        }
    }

    fn rows() -> impl Strategy<Value = Vec<Option<f64>>> {
        let number = prop_oneof![
            4 => (-1000_i32..1000).prop_map(|whole| f64::from(whole) / 8.0),
            2 => -1e6..1e6_f64,
            1 => Just(f64::NAN),
            1 => Just(f64::INFINITY),
        ];
        prop::collection::vec(prop::option::weighted(0.9, number), 0..120)
    }

    proptest! {
        #[test]
        fn statistics_are_those_of_the_formulas_however_few_numbers_may_be_kept(rows in rows(), room in 0_usize..150) {
            let (found, passes) = measured(&rows, room);
            let expected = naive(&rows);
            let near = |found: Option<f64>, expected: Option<f64>| match (found, expected) {
                (Some(found), Some(expected)) => (found - expected).abs() <= 1e-9 * (1.0 + expected.abs()),
                (found, expected) => found == expected,
            };
            prop_assert!(near(found.mean, expected.mean), "{found:?} {expected:?}");
            prop_assert!(near(found.deviation, expected.deviation), "{found:?} {expected:?}");
            let rounded = NumberStatistics { mean: found.mean, deviation: found.deviation, ..expected };
            prop_assert_eq!(&found, &rounded);
            let finite = rows.iter().flatten().filter(|number| number.is_finite()).count();
            prop_assert_eq!(passes == 1, finite <= room);
        }
    }

    #[test]
    fn rows_that_change_between_passes_are_noticed() {
        let mut column = NumberColumn::with_room(QUANTILES, 20, 1);
        (0..10).for_each(|row| column.add(Some(f64::from(row))));
        assert_eq!(column.end_pass(), Progress::Again);
        (0..11).for_each(|row| column.add(Some(f64::from(row))));
        assert_eq!(column.end_pass(), Progress::Changed);
    }
}
