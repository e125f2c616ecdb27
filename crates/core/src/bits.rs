//! Bitmaps that grow bit by bit.

use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer};

/// A growing bitmap. Arrow's own builder asks the allocator for aligned memory, which for the few bits of
/// a request costs more than reading its values.
#[derive(Debug, Default)]
pub struct Bits {
    bytes: Vec<u8>,
    len: usize,
}

impl Bits {
    /// No bits, and room for so many.
    pub fn with_capacity(bits: usize) -> Self {
        Self { bytes: Vec::with_capacity(bits.div_ceil(8)), len: 0 }
    }

    /// Adds one bit.
    #[inline]
    pub fn push(&mut self, set: bool) {
        let bit = self.len % 8;
        match self.bytes.last_mut() {
            Some(byte) if bit > 0 => *byte |= u8::from(set) << bit,
            _ => self.bytes.push(u8::from(set)),
        }
        self.len += 1;
    }

    /// Pushes so many set bits.
    pub fn push_set(&mut self, bits: usize) {
        let mut left = bits;
        while left > 0 && !self.len.is_multiple_of(8) {
            self.push(true);
            left -= 1;
        }
        let whole = left / 8;
        self.bytes.resize(self.bytes.len() + whole, 0xff);
        self.len += 8 * whole;
        (0..left % 8).for_each(|_| self.push(true));
    }

    /// Whether there are no bits.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many bits there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The bits, as Arrow has them.
    pub fn finish(self) -> BooleanBuffer {
        BooleanBuffer::new(Buffer::from_vec(self.bytes), 0, self.len)
    }
}

/// A growing map of what is not null, which takes no memory before the first null.
#[derive(Debug, Default)]
pub struct Validity {
    valid: usize,
    bits: Option<Bits>,
}

impl Validity {
    /// Adds one value that is null or not.
    #[inline]
    pub fn push(&mut self, valid: bool) {
        match &mut self.bits {
            Some(bits) => bits.push(valid),
            None if valid => self.valid += 1,
            None => {
                let mut bits = Bits::default();
                bits.push_set(self.valid);
                bits.push(false);
                self.bits = Some(bits);
            }
        }
    }

    /// Pushes so many that are not null.
    pub fn push_valid(&mut self, count: usize) {
        match &mut self.bits {
            Some(bits) => bits.push_set(count),
            None => self.valid += count,
        }
    }

    /// `None` if nothing is null.
    pub fn finish(self) -> Option<NullBuffer> {
        self.bits.map(|bits| NullBuffer::new(bits.finish()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bits_come_out_as_they_went_in(parts in prop::collection::vec((any::<bool>(), 0..40_usize), 0..9)) {
            let mut bits = Bits::default();
            let mut validity = Validity::default();
            let mut expected = Vec::new();
            for (all_set, count) in parts {
                if all_set {
                    bits.push_set(count);
                    validity.push_valid(count);
                } else {
                    (0..count).for_each(|bit| bits.push(bit % 3 < 2));
                    (0..count).for_each(|bit| validity.push(bit % 3 < 2));
                }
                expected.extend((0..count).map(|bit| all_set || bit % 3 < 2));
            }
            prop_assert_eq!(bits.len(), expected.len());
            let nulls = validity.finish();
            prop_assert_eq!(nulls.is_some(), expected.contains(&false));
            if let Some(nulls) = nulls {
                prop_assert_eq!(nulls.iter().collect::<Vec<_>>(), expected.clone());
            }
            prop_assert_eq!(bits.finish().iter().collect::<Vec<_>>(), expected);
        }
    }
}
