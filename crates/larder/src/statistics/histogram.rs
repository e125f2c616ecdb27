//! Numbers in bins of one width, as numpy makes them.

/// How many numbers lie in each of some ranges of one width.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Histogram {
    /// The ends of the bins, one more than there are bins. A number that is the end of a bin lies in the next one, but
    /// for the last.
    pub(crate) edges: Vec<f64>,
    pub(crate) counts: Vec<u64>,
}

impl Histogram {
    /// Empty bins between the least and the greatest number; around the number, if they are the same.
    pub(crate) fn between(min: f64, max: f64, bins: usize) -> Self {
        let (first, last) = if min < max { (min, max) } else { (min - 0.5, max + 0.5) };
        let step = step(first, last, bins);
        let mut edges: Vec<f64> = (0..bins).map(|at| number(at) * step + first).collect();
        edges.push(last);
        Self { edges, counts: vec![0; bins] }
    }

    /// Counts a number that is in none of the bins' outsides.
    pub(crate) fn add(&mut self, value: f64) {
        let bins = self.counts.len();
        let (Some(first), Some(last)) = (self.edges.first(), self.edges.last()) else { return };
        let share = (value / 2.0 - first / 2.0) / (last / 2.0 - first / 2.0);
        // Near the right one; rounding may be off by one, so the edges decide.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "cut to the bins; what is no number is 0"
        )]
        let mut bin = ((share * number(bins)) as usize).min(bins.saturating_sub(1));
        let edge = |at: usize| self.edges.get(at).copied().unwrap_or(f64::INFINITY);
        while bin > 0 && value < edge(bin) {
            bin -= 1;
        }
        while bin + 1 < bins && value >= edge(bin + 1) {
            bin += 1;
        }
        if let Some(count) = self.counts.get_mut(bin) {
            *count += 1;
        }
    }

    /// The width of a bin.
    pub(crate) fn width(&self) -> f64 {
        match self.edges.as_slice() {
            [first, second, ..] => second - first,
            _ => 0.0,
        }
    }
}

fn step(first: f64, last: f64, bins: usize) -> f64 {
    let whole = last - first;
    // Between numbers near the largest there is no distance that a number could tell.
    if whole.is_finite() { whole / number(bins) } else { last / number(bins) - first / number(bins) }
}

#[expect(clippy::cast_precision_loss, reason = "bins are few")]
fn number(bins: usize) -> f64 {
    bins as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counted(numbers: &[f64], bins: usize) -> Histogram {
        let min = numbers.iter().copied().fold(f64::INFINITY, f64::min);
        let max = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut histogram = Histogram::between(min, max, bins);
        for number in numbers {
            histogram.add(*number);
        }
        histogram
    }

    #[test]
    fn one_number_has_bins_around_it() {
        let histogram = counted(&[3.0, 3.0], 4);
        assert_eq!(histogram.edges, [2.5, 2.75, 3.0, 3.25, 3.5]);
        assert_eq!(histogram.counts, [0, 0, 2, 0]);
    }

    #[test]
    fn the_greatest_number_lies_in_the_last_bin_and_an_edge_in_the_next() {
        let histogram = counted(&[0.0, 1.0, 2.0, 3.0, 4.0], 4);
        assert_eq!((histogram.counts, histogram.edges.len()), (vec![1, 1, 1, 2], 5));
    }

    proptest! {
        #[test]
        fn every_number_is_counted_in_the_bin_whose_edges_hold_it(
            numbers in prop::collection::vec(any::<f64>().prop_filter("finite", |n| n.is_finite()), 1..40),
            bins in 1_usize..25,
        ) {
            let histogram = counted(&numbers, bins);
            let is_in = |number: f64, bin: usize| {
                let (from, to) = (histogram.edges[bin], histogram.edges[bin + 1]);
                (number >= from || bin == 0) && (number < to || bin + 1 == bins)
            };
            // The last of those that might hold it, where edges fall on each other.
            let naive = |number: f64| (0..bins).rev().find(|bin| is_in(number, *bin));
            let mut expected = vec![0_u64; bins];
            for number in &numbers {
                expected[naive(*number).unwrap()] += 1;
            }
            prop_assert_eq!(&histogram.counts, &expected);
            prop_assert!(histogram.edges.is_sorted(), "{:?}", histogram.edges);
        }
    }
}
