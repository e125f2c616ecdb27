//! How numbers are spread: counted one by one, in memory of a fixed size.

/// How many finite numbers there were, their extremes, mean and spread.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Moments {
    pub(crate) count: u64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) mean: f64,
    /// The sum of the squares of the distances from the mean.
    squares: f64,
}

impl Moments {
    /// Of so many numbers whose mean and spread are known.
    pub(crate) fn new(count: u64, (min, max): (f64, f64), mean: f64, deviation: f64) -> Self {
        Self { count, min, max, mean, squares: deviation * deviation * as_float(count.saturating_sub(1)) }
    }

    /// Takes one more number, which must be finite.
    pub(crate) fn add(&mut self, number: f64) {
        self.count += 1;
        if self.count == 1 {
            (self.min, self.max) = (number, number);
        }
        self.min = self.min.min(number);
        self.max = self.max.max(number);
        // Welford's way, which does not lose small spreads of large numbers.
        let before = number - self.mean;
        self.mean += before / as_float(self.count);
        self.squares += before * (number - self.mean);
    }

    /// The standard deviation of the numbers as a sample; 0 of fewer than two.
    pub(crate) fn deviation(&self) -> f64 {
        if self.count < 2 { 0.0 } else { (self.squares / as_float(self.count - 1)).sqrt() }
    }
}

/// A count as a number to calculate with.
#[expect(clippy::cast_precision_loss, reason = "of 2⁵³ rows the last one does not matter")]
pub(crate) fn as_float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_deviation_are_those_of_the_formula_also_far_from_zero() {
        for offset in [0.0, 1e9, -1e9] {
            let numbers: Vec<f64> = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0].map(|n| n + offset).to_vec();
            let mut moments = Moments::default();
            for number in &numbers {
                moments.add(*number);
            }
            assert_eq!((moments.count, moments.min, moments.max), (8, offset + 2.0, offset + 9.0));
            assert!((moments.mean - (offset + 5.0)).abs() < 1e-6, "{moments:?}");
            assert!((moments.deviation() - (32.0_f64 / 7.0).sqrt()).abs() < 1e-6, "{moments:?}");
        }
    }

    #[test]
    fn one_number_has_no_deviation() {
        let mut moments = Moments::default();
        moments.add(3.0);
        assert_eq!((moments.mean, moments.deviation().to_bits()), (3.0, 0.0_f64.to_bits()));
    }
}
