//! The items of list columns.

use std::sync::Arc;

use arrow::array::{ArrayRef, ArrowPrimitiveType, BooleanArray, PrimitiveArray};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::ByteArrayType;

use super::{BoundedBytes, Data, Result, boolean, in_utc};
use crate::row::{RowFault, fixed};
use larder_core::bits::{Bits, Validity};

/// The data of one list.
pub(in crate::row) struct List<'a> {
    pub(in crate::row) count: usize,
    presence: &'a [u8],
    pub(in crate::row) items: Data<'a>,
}

impl<'a> List<'a> {
    pub(in crate::row) fn read(data: Data<'a>) -> Result<Self> {
        let (count, rest) = data.split(4)?;
        let count = u32::from_le_bytes(fixed(count.bytes, 0)?) as usize;
        let (presence, items) = rest.split(count.div_ceil(8))?;
        Ok(Self { count, presence: presence.bytes, items })
    }

    pub(in crate::row) fn is_present(&self, item: usize) -> bool {
        self.presence.get(item / 8).is_some_and(|byte| byte & (1 << (item % 8)) != 0)
    }

    fn all_present(&self) -> bool {
        let (whole, rest) = (self.count / 8, self.count % 8);
        let last = (1_u8 << rest) - 1;
        self.presence.iter().enumerate().all(
            |(index, byte)| {
                if index < whole { *byte == 0xff } else { byte & last == last }
            },
        )
    }

    /// The items, each `width` bytes wide.
    pub(in crate::row) fn items_of(&self, width: usize) -> Result<&'a [u8]> {
        if self.count.checked_mul(width) == Some(self.items.bytes.len()) {
            Ok(self.items.bytes)
        } else {
            Err(RowFault::Bounds.at(self.items.offset).into())
        }
    }
}

/// Collects the items of all lists of a column.
pub(super) trait ItemBuilder {
    fn append(&mut self, list: List<'_>) -> Result<()>;
    fn len(&self) -> usize;
    fn finish(self) -> ArrayRef;
}

pub(super) struct PrimitiveItems<T: ArrowPrimitiveType, const N: usize> {
    values: Vec<T::Native>,
    nulls: Validity,
    from_bytes: fn([u8; N]) -> T::Native,
}

impl<T: ArrowPrimitiveType, const N: usize> PrimitiveItems<T, N> {
    pub(super) fn new(from_bytes: fn([u8; N]) -> T::Native) -> Self {
        Self { values: Vec::new(), nulls: Validity::default(), from_bytes }
    }
}

impl<T: ArrowPrimitiveType, const N: usize> ItemBuilder for PrimitiveItems<T, N> {
    fn append(&mut self, list: List<'_>) -> Result<()> {
        let (items, _) = list.items_of(N)?.as_chunks::<N>();
        self.values.extend(items.iter().map(|item| (self.from_bytes)(*item)));
        if list.all_present() {
            self.nulls.push_valid(list.count);
        } else {
            (0..list.count).for_each(|item| self.nulls.push(list.is_present(item)));
        }
        Ok(())
    }

    fn len(&self) -> usize {
        self.values.len()
    }

    fn finish(self) -> ArrayRef {
        in_utc(PrimitiveArray::<T>::new(ScalarBuffer::from(self.values), self.nulls.finish()))
    }
}

pub(super) struct BooleanItems {
    values: Bits,
    nulls: Validity,
}

impl BooleanItems {
    pub(super) fn new() -> Self {
        Self { values: Bits::default(), nulls: Validity::default() }
    }
}

impl ItemBuilder for BooleanItems {
    fn append(&mut self, list: List<'_>) -> Result<()> {
        for (item, byte) in list.items_of(1)?.iter().enumerate() {
            let present = list.is_present(item);
            self.values.push(present && boolean(*byte, list.items.offset + item)?);
            self.nulls.push(present);
        }
        Ok(())
    }

    fn len(&self) -> usize {
        self.values.len()
    }

    fn finish(self) -> ArrayRef {
        Arc::new(BooleanArray::new(self.values.finish(), self.nulls.finish()))
    }
}

pub(super) struct ByteItems<T: ByteArrayType<Offset = i32>, F> {
    values: BoundedBytes<T>,
    read: F,
}

impl<T: ByteArrayType<Offset = i32>, F: Fn(Data<'_>) -> Result<&T::Native>> ByteItems<T, F> {
    pub(super) fn new(read: F) -> Self {
        Self { values: BoundedBytes::with_capacity(0), read }
    }
}

impl<T, F> ItemBuilder for ByteItems<T, F>
where
    T: ByteArrayType<Offset = i32>,
    F: Fn(Data<'_>) -> Result<&T::Native>,
{
    fn append(&mut self, list: List<'_>) -> Result<()> {
        let ends_length = list.count.checked_mul(4).ok_or(RowFault::Bounds.at(list.items.offset))?;
        let (ends, data) = list.items.split(ends_length)?;
        let (ends, _) = ends.bytes.as_chunks::<4>();
        let mut start = 0;
        for (item, end) in ends.iter().enumerate() {
            let end = u32::from_le_bytes(*end) as usize;
            let value = data.part(start, end)?;
            if list.is_present(item) {
                self.values.append((self.read)(value)?)?;
            } else {
                self.values.builder.append_null();
            }
            start = end;
        }
        if start == data.bytes.len() { Ok(()) } else { Err(RowFault::Bounds.at(data.offset).into()) }
    }

    fn len(&self) -> usize {
        arrow::array::ArrayBuilder::len(&self.values.builder)
    }

    fn finish(mut self) -> ArrayRef {
        Arc::new(self.values.builder.finish())
    }
}
