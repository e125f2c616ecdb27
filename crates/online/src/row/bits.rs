//! Bitmaps that grow bit by bit.

use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer};

/// A growing bitmap. Arrow's own builder asks the allocator for aligned memory, which for the few bits of
/// a request costs more than reading its values.
#[derive(Debug, Default)]
pub(super) struct Bits {
    bytes: Vec<u8>,
    len: usize,
    unset: usize,
}

impl Bits {
    pub(super) fn with_capacity(bits: usize) -> Self {
        Self { bytes: Vec::with_capacity(bits.div_ceil(8)), len: 0, unset: 0 }
    }

    #[inline]
    pub(super) fn push(&mut self, set: bool) {
        let bit = self.len % 8;
        match self.bytes.last_mut() {
            Some(byte) if bit > 0 => *byte |= u8::from(set) << bit,
            _ => self.bytes.push(u8::from(set)),
        }
        self.len += 1;
        self.unset += usize::from(!set);
    }

    /// Pushes so many set bits.
    pub(super) fn push_set(&mut self, bits: usize) {
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

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn finish(self) -> BooleanBuffer {
        BooleanBuffer::new(Buffer::from_vec(self.bytes), 0, self.len)
    }

    /// The bits as a map of what is not null; `None` if nothing is.
    pub(super) fn finish_nulls(self) -> Option<NullBuffer> {
        (self.unset > 0).then(|| NullBuffer::new(self.finish()))
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
            let mut expected = Vec::new();
            for (set, count) in parts {
                if set {
                    bits.push_set(count);
                } else {
                    (0..count).for_each(|bit| bits.push(bit % 3 == 0));
                }
                expected.extend((0..count).map(|bit| set || bit % 3 == 0));
            }
            prop_assert_eq!(bits.len(), expected.len());
            let nulls = bits.finish_nulls();
            prop_assert_eq!(nulls.is_some(), expected.contains(&false));
            if let Some(nulls) = nulls {
                prop_assert_eq!(nulls.iter().collect::<Vec<_>>(), expected);
            }
        }
    }
}
