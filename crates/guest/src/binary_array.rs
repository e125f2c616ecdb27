//! Arrays of bytes.

use std::fmt;

use crate::Array;
use crate::array::{collect, sealed};
use crate::bindings::larder::udf::arrow::{Column, TypeNode, Values, VarLen};
use crate::bitmap::Validity;
use crate::columns::{ColumnError, Columns, check_offsets};
use crate::offsets::Offsets;

/// Feast's `Bytes`.
#[derive(Clone, Default)]
pub struct BinaryArray {
    offsets: Offsets,
    bytes: Vec<u8>,
    validity: Validity,
}

impl sealed::Sealed for BinaryArray {}

impl Array for BinaryArray {
    type Item<'a> = &'a [u8];

    fn len(&self) -> usize {
        self.offsets.len()
    }

    #[inline]
    fn get(&self, row: usize) -> Option<&[u8]> {
        let span = self.offsets.span(row);
        self.validity.is_valid(row).then(|| self.bytes.get(span).unwrap_or_default())
    }

    #[inline]
    fn is_null(&self, row: usize) -> bool {
        row < self.len() && !self.validity.is_valid(row)
    }

    fn nodes(nodes: &mut Vec<TypeNode>) {
        nodes.push(TypeNode::Binary);
    }

    fn take(columns: &mut Columns, len: usize) -> Result<Self, ColumnError> {
        let (values, validity) = columns.next(len)?;
        let Values::Binary(VarLen { offsets, data }) = values else { return Err(ColumnError::Type) };
        if check_offsets(&offsets, len)? != data.len() {
            return Err(ColumnError::Length);
        }
        Ok(Self { offsets: Offsets::from_checked(offsets), bytes: data, validity })
    }

    fn put(self, columns: &mut Vec<Column>) {
        let bytes = VarLen { offsets: self.offsets.into_vec(), data: self.bytes };
        columns.push(Column { validity: self.validity.into_bytes(), values: Values::Binary(bytes) });
    }
}

impl PartialEq for BinaryArray {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl fmt::Debug for BinaryArray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<B: AsRef<[u8]>> Extend<Option<B>> for BinaryArray {
    fn extend<I: IntoIterator<Item = Option<B>>>(&mut self, items: I) {
        for item in items {
            match item {
                Some(bytes) => {
                    self.bytes.extend_from_slice(bytes.as_ref());
                    self.validity.push_valid();
                }
                None => self.validity.push_null(self.offsets.len()),
            }
            self.offsets.push(self.bytes.len());
        }
    }
}

impl Extend<Vec<u8>> for BinaryArray {
    fn extend<I: IntoIterator<Item = Vec<u8>>>(&mut self, items: I) {
        self.extend(items.into_iter().map(Some));
    }
}

collect!(BinaryArray, Option<B>, B: AsRef<[u8]>);
collect!(BinaryArray, Vec<u8>);
