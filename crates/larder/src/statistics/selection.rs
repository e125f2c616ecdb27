//! Which number has which rank among more numbers than memory holds: exactly, in several passes over them.
//!
//! Numbers are told apart by their order as 64 bits, 16 bits a pass:
//!
//! ```text
//! pass 1   how many numbers begin with each 16 bits; a rank lies in one of these buckets
//! pass 2   of each bucket with a wanted rank: its numbers themselves, if they are few,
//!          else how many of them begin with each 32 bits; and so on
//! ```

use std::collections::BTreeMap;

/// So many bits are told apart in a pass.
const STEP_BITS: u32 = 16;

/// The search for the numbers at some ranks.
#[derive(Debug)]
pub(super) struct Selection {
    /// How many first bits the numbers of a bucket share.
    known_bits: u32,
    buckets: Vec<Bucket>,
    found: BTreeMap<u64, f64>,
    /// So many numbers may be kept in all buckets together.
    room: usize,
}

/// Numbers with the same first bits.
#[derive(Debug)]
struct Bucket {
    first_bits: u64,
    /// How many numbers are less than all of these.
    below: u64,
    content: Content,
}

#[derive(Debug)]
enum Content {
    /// How many numbers have which next bits.
    Counts(Vec<u64>),
    /// The numbers.
    Kept(Vec<u64>),
}

impl Selection {
    /// A search that may keep `room` numbers.
    pub(super) fn new(room: usize) -> Self {
        let all = Bucket { first_bits: 0, below: 0, content: Content::counts() };
        Self { known_bits: 0, buckets: vec![all], found: BTreeMap::new(), room }
    }

    /// Takes a number of this pass, which must not be NaN.
    pub(super) fn add(&mut self, number: f64) {
        let key = key_of(number);
        let first_bits = key.checked_shr(u64::BITS - self.known_bits).unwrap_or(0);
        // Buckets are few: at most as many as there are ranks.
        let Some(bucket) = self.buckets.iter_mut().find(|bucket| bucket.first_bits == first_bits) else {
            return;
        };
        match &mut bucket.content {
            Content::Kept(keys) => keys.push(key),
            Content::Counts(counts) => {
                let next = usize::try_from(key << self.known_bits >> (u64::BITS - STEP_BITS));
                if let Some(count) = next.ok().and_then(|next| counts.get_mut(next)) {
                    *count += 1;
                }
            }
        }
    }

    /// Ends a pass. Returns whether the numbers at all `ranks`, counted from 0 and ascending, are known.
    pub(super) fn end_pass(&mut self, ranks: &[u64]) -> bool {
        let mut next: Vec<(Bucket, u64)> = Vec::new();
        let bits = self.known_bits + STEP_BITS;
        for bucket in std::mem::take(&mut self.buckets) {
            match bucket.content {
                Content::Kept(mut keys) => {
                    keys.sort_unstable();
                    for rank in ranks.iter().filter(|rank| **rank >= bucket.below) {
                        let at = usize::try_from(rank - bucket.below).ok();
                        if let Some(key) = at.and_then(|at| keys.get(at)) {
                            self.found.insert(*rank, number_of(*key));
                        }
                    }
                }
                Content::Counts(counts) => {
                    let mut below = bucket.below;
                    for (count, low_bits) in counts.into_iter().zip(0_u64..).filter(|(count, _)| *count > 0) {
                        let first_bits = bucket.first_bits << STEP_BITS | low_bits;
                        let wanted = ranks.iter().filter(|rank| (below..below + count).contains(*rank));
                        if bits == u64::BITS {
                            self.found.extend(wanted.map(|rank| (*rank, number_of(first_bits))));
                        } else if wanted.count() > 0 {
                            next.push((
                                Bucket { first_bits, below, content: Content::Kept(Vec::new()) },
                                count,
                            ));
                        }
                        below += count;
                    }
                }
            }
        }
        self.known_bits = bits;
        let together: u64 = next.iter().map(|(_, count)| count).sum();
        let are_few = usize::try_from(together).is_ok_and(|together| together <= self.room);
        self.buckets = next.into_iter().map(|(bucket, _)| bucket).collect();
        if !are_few {
            self.buckets.iter_mut().for_each(|bucket| bucket.content = Content::counts());
        }
        self.buckets.is_empty()
    }

    /// The number at a rank, once it is known.
    pub(super) fn at(&self, rank: u64) -> Option<f64> {
        self.found.get(&rank).copied()
    }
}

impl Content {
    fn counts() -> Self {
        Self::Counts(vec![0; 1 << STEP_BITS])
    }
}

/// Bits that are ordered as the numbers are. Both zeros are one.
fn key_of(number: f64) -> u64 {
    let bits = (number + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

fn number_of(key: u64) -> f64 {
    f64::from_bits(if key >> 63 == 1 { key & !(1 << 63) } else { !key })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numbers() -> impl Strategy<Value = Vec<f64>> {
        let number = prop_oneof![
            any::<f64>().prop_map(|number| if number.is_nan() { 0.0 } else { number }),
            (0_u32..5).prop_map(|few| f64::from(few) * 1e-3),
            (0_u32..1000).prop_map(|near| 1.0 + f64::from(near) * f64::EPSILON),
        ];
        prop::collection::vec(number, 1..200)
    }

    proptest! {
        #[test]
        fn ranks_are_those_of_the_sorted_numbers_however_few_may_be_kept(
            numbers in numbers(),
            places in prop::collection::vec(any::<prop::sample::Index>(), 1..6),
            room in 0_usize..40,
        ) {
            let mut ranks: Vec<usize> = places.iter().map(|place| place.index(numbers.len())).collect();
            ranks.sort_unstable();
            ranks.dedup();
            let wanted: Vec<u64> = ranks.iter().map(|rank| *rank as u64).collect();
            let mut selection = Selection::new(room);
            let mut passes = 0;
            loop {
                for number in &numbers {
                    selection.add(*number);
                }
                passes += 1;
                if selection.end_pass(&wanted) {
                    break;
                }
            }
            prop_assert!(passes <= 4, "{passes}");
            let mut sorted = numbers.clone();
            sorted.sort_unstable_by(f64::total_cmp);
            for (rank, wanted) in ranks.iter().zip(&wanted) {
                // Both zeros come back as 0.
                prop_assert_eq!(selection.at(*wanted).map(f64::to_bits), Some((sorted[*rank] + 0.0).to_bits()));
            }
        }
    }

    #[test]
    fn bits_are_ordered_as_numbers_are_and_turn_back() {
        let ordered = [f64::NEG_INFINITY, -1e300, -1.0, -1e-310, 0.0, 1e-310, 1.0, f64::INFINITY];
        assert!(ordered.map(key_of).is_sorted());
        assert_eq!(ordered.map(|number| number_of(key_of(number)).to_bits()), ordered.map(f64::to_bits));
        assert_eq!(key_of(-0.0), key_of(0.0));
    }
}
