//! Bits, packed as Arrow packs them.

/// Bits, least significant first in each byte.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bitmap {
    bytes: Vec<u8>,
    len: usize,
}

impl Bitmap {
    /// `len` bits that are all set.
    pub(crate) fn filled(len: usize) -> Self {
        let mut bytes = vec![u8::MAX; len.div_ceil(8)];
        if let (Some(last), rest @ 1..) = (bytes.last_mut(), len % 8) {
            *last = (1 << rest) - 1;
        }
        Self { bytes, len }
    }

    /// The first `len` bits of `bytes`; `None` where there are too few.
    pub(crate) fn from_bytes(mut bytes: Vec<u8>, len: usize) -> Option<Self> {
        if bytes.len() < len.div_ceil(8) {
            return None;
        }
        bytes.truncate(len.div_ceil(8));
        if let (Some(last), rest @ 1..) = (bytes.last_mut(), len % 8) {
            // The contract gives these bits no meaning; `push` wants them clear.
            *last &= (1 << rest) - 1;
        }
        Some(Self { bytes, len })
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The bit at `index`; `false` past the end.
    #[inline]
    pub(crate) fn get(&self, index: usize) -> bool {
        self.bytes.get(index / 8).is_some_and(|byte| byte >> (index % 8) & 1 == 1)
    }

    /// Adds the `count` lowest bits of `bits`, at most 8; the others are clear.
    fn push_bits(&mut self, bits: u8, count: usize) {
        if self.len.is_multiple_of(8) {
            self.bytes.push(bits);
            self.len += count;
        } else {
            (0..count).for_each(|bit| self.push(bits >> bit & 1 == 1));
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, bit: bool) {
        let mask = u8::from(bit) << (self.len % 8);
        if self.len.is_multiple_of(8) {
            self.bytes.push(mask);
        } else if let Some(last) = self.bytes.last_mut() {
            *last |= mask;
        }
        self.len += 1;
    }
}

/// Which values of a column are there. Takes no memory until the first null.
#[derive(Clone, Debug, Default)]
pub(crate) struct Validity(Option<Bitmap>);

impl Validity {
    pub(crate) fn from_bitmap(bitmap: Option<Bitmap>) -> Self {
        Self(bitmap)
    }

    pub(crate) fn into_bytes(self) -> Option<Vec<u8>> {
        self.0.map(Bitmap::into_bytes)
    }

    #[inline]
    pub(crate) fn is_valid(&self, index: usize) -> bool {
        self.0.as_ref().is_none_or(|bitmap| bitmap.get(index))
    }

    /// One bit for each of the 8 values from `8 * block`, set where the value is there; any bit past the end.
    #[inline]
    pub(crate) fn byte(&self, block: usize) -> u8 {
        let byte = |bitmap: &Bitmap| bitmap.bytes.get(block).copied().unwrap_or_default();
        self.0.as_ref().map_or(u8::MAX, byte)
    }

    #[inline]
    pub(crate) fn push_valid(&mut self) {
        if let Some(bitmap) = &mut self.0 {
            bitmap.push(true);
        }
    }

    /// Adds the `count` lowest bits of `bits`, at most 8, after `len` values; the other bits are clear.
    fn push_bits(&mut self, bits: u8, count: usize, len: usize) {
        match &mut self.0 {
            Some(bitmap) => bitmap.push_bits(bits, count),
            None if u32::from(bits).count_ones() as usize == count => {}
            None => self.0.insert(Bitmap::filled(len)).push_bits(bits, count),
        }
    }

    /// Adds a null after `len` values.
    #[inline]
    pub(crate) fn push_null(&mut self, len: usize) {
        self.0.get_or_insert_with(|| Bitmap::filled(len)).push(false);
    }
}

/// Which of the next values are there, gathered until they fill a byte.
#[derive(Debug, Default)]
pub(crate) struct Bits {
    byte: u8,
    count: usize,
    flushed: usize,
}

impl Bits {
    /// Adds one to `validity`, which had `before` values at the start.
    #[inline]
    pub(crate) fn push(&mut self, bit: bool, before: usize, validity: &mut Validity) {
        self.byte |= u8::from(bit) << self.count;
        self.count += 1;
        if self.count == 8 {
            self.flush(before, validity);
        }
    }

    /// Adds what is not in `validity` yet.
    pub(crate) fn flush(&mut self, before: usize, validity: &mut Validity) {
        if self.count == 0 {
            return;
        }
        validity.push_bits(self.byte, self.count, before + self.flushed);
        *self = Self { byte: 0, count: 0, flushed: self.flushed + self.count };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bits_read_back_and_pack_as_arrow_packs_them(filled in 0_usize..20, pushed: Vec<bool>) {
            let mut bitmap = Bitmap::filled(filled);
            for bit in &pushed {
                bitmap.push(*bit);
            }
            let expected: Vec<bool> = std::iter::repeat_n(true, filled).chain(pushed).collect();
            prop_assert_eq!(bitmap.len(), expected.len());
            for (index, bit) in expected.iter().enumerate() {
                prop_assert_eq!(bitmap.get(index), *bit);
                prop_assert_eq!(bitmap.bytes[index / 8] & (1 << (index % 8)) != 0, *bit);
            }
            prop_assert_eq!(bitmap.into_bytes().len(), expected.len().div_ceil(8));
        }

        #[test]
        fn bits_by_the_byte_are_bits_one_by_one(pieces in prop::collection::vec(prop::collection::vec(any::<bool>(), 0..20), 0..5)) {
            let (mut one_by_one, mut by_the_byte, mut len) = (Validity::default(), Validity::default(), 0);
            for piece in pieces {
                let (mut bits, before) = (Bits::default(), len);
                for bit in piece {
                    if bit { one_by_one.push_valid() } else { one_by_one.push_null(len) }
                    bits.push(bit, before, &mut by_the_byte);
                    len += 1;
                }
                bits.flush(before, &mut by_the_byte);
            }
            prop_assert_eq!(one_by_one.into_bytes(), by_the_byte.into_bytes());
        }
    }
}
