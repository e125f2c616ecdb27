//! Sums of many numbers.

/// A sum that keeps what rounding cuts off, by Neumaier's rule.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sum {
    sum: f64,
    cut_off: f64,
}

impl Sum {
    pub(super) fn add(&mut self, number: f64) {
        let sum = self.sum + number;
        let (large, small) =
            if self.sum.abs() >= number.abs() { (self.sum, number) } else { (number, self.sum) };
        self.cut_off += (large - sum) + small;
        self.sum = sum;
    }

    /// The sum; not finite, if it went beyond the largest number.
    pub(super) fn value(self) -> f64 {
        self.sum + self.cut_off
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_numbers_among_large_ones_count() {
        let mut sum = Sum::default();
        for number in [1.0, 1e100, 1.0, -1e100] {
            sum.add(number);
        }
        assert_eq!(Some(sum.value()), Some(2.0));
        let mut tenths = Sum::default();
        (0..10).for_each(|_| tenths.add(0.1));
        assert_eq!(Some(tenths.value()), Some(1.0));
    }
}
