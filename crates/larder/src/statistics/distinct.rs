//! How many different texts there are, estimated in 16 KiB: a `HyperLogLog` sketch.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// The first bits of a text's hash choose its register; the error is 1.04/√registers, here 0.8 %.
const REGISTER_BITS: u32 = 14;

/// An estimate of how many different texts there were.
#[derive(Clone, Debug)]
pub(super) struct DistinctEstimate {
    /// The greatest number of leading zeros, and one, that any hash of the register had.
    registers: Vec<u8>,
}

impl DistinctEstimate {
    pub(super) fn new() -> Self {
        Self { registers: vec![0; 1 << REGISTER_BITS] }
    }

    /// Takes a text; the same one again changes nothing.
    pub(super) fn add(&mut self, text: &str) {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let hash = hasher.finish();
        let register = usize::try_from(hash >> (u64::BITS - REGISTER_BITS)).unwrap_or_default();
        let zeros = (hash << REGISTER_BITS | 1 << (REGISTER_BITS - 1)).leading_zeros() + 1;
        let zeros = u8::try_from(zeros).unwrap_or(u8::MAX);
        if let Some(known) = self.registers.get_mut(register) {
            *known = zeros.max(*known);
        }
    }

    /// The estimate.
    pub(super) fn count(&self) -> u64 {
        let registers = f64::from(1_u32 << REGISTER_BITS);
        let sum: f64 = self.registers.iter().map(|zeros| (-f64::from(*zeros)).exp2()).sum();
        let raw = 0.7213 / (1.0 + 1.079 / registers) * registers * registers / sum;
        let empty: f64 = self.registers.iter().map(|zeros| f64::from(u8::from(*zeros == 0))).sum();
        let few = raw <= 2.5 * registers && empty > 0.0;
        let estimate = if few { registers * (registers / empty).ln() } else { raw };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let estimate = estimate.round() as u64;
        estimate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_is_near_and_repetitions_do_not_count() {
        for count in [10_u64, 1_000, 40_000, 300_000] {
            let mut estimate = DistinctEstimate::new();
            for _ in 0..2 {
                (0..count).for_each(|number| estimate.add(&format!("text {number}")));
            }
            let off = estimate.count().abs_diff(count);
            assert!(off * 100 <= count * 3, "{count}: {}", estimate.count());
        }
    }
}
