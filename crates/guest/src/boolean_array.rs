//! Arrays of truth values.

use std::fmt;

use crate::Array;
use crate::array::{collect, sealed};
use crate::bindings::larder::udf::arrow::{Column, TypeNode, Values};
use crate::bitmap::{Bitmap, Validity};
use crate::columns::{ColumnError, Columns};

/// Feast's `Bool`.
#[derive(Clone, Default)]
pub struct BooleanArray {
    values: Bitmap,
    validity: Validity,
}

impl sealed::Sealed for BooleanArray {}

impl Array for BooleanArray {
    type Item<'a> = bool;

    fn len(&self) -> usize {
        self.values.len()
    }

    #[inline]
    fn get(&self, row: usize) -> Option<bool> {
        assert!(row < self.len(), "row {row} of an array of {} values", self.len());
        self.validity.is_valid(row).then(|| self.values.get(row))
    }

    #[inline]
    fn is_null(&self, row: usize) -> bool {
        row < self.len() && !self.validity.is_valid(row)
    }

    fn nodes(nodes: &mut Vec<TypeNode>) {
        nodes.push(TypeNode::Boolean);
    }

    fn take(columns: &mut Columns, len: usize) -> Result<Self, ColumnError> {
        let (values, validity) = columns.next(len)?;
        let Values::Boolean(bytes) = values else { return Err(ColumnError::Type) };
        Ok(Self { values: Bitmap::from_bytes(bytes, len).ok_or(ColumnError::Length)?, validity })
    }

    fn put(self, columns: &mut Vec<Column>) {
        let values = Values::Boolean(self.values.into_bytes());
        columns.push(Column { validity: self.validity.into_bytes(), values });
    }

    fn push_null(&mut self) {
        self.extend([None]);
    }
}

impl PartialEq for BooleanArray {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl fmt::Debug for BooleanArray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Extend<Option<bool>> for BooleanArray {
    fn extend<I: IntoIterator<Item = Option<bool>>>(&mut self, items: I) {
        for item in items {
            match item {
                Some(_) => self.validity.push_valid(),
                None => self.validity.push_null(self.values.len()),
            }
            self.values.push(item.unwrap_or_default());
        }
    }
}

impl Extend<bool> for BooleanArray {
    fn extend<I: IntoIterator<Item = bool>>(&mut self, items: I) {
        self.extend(items.into_iter().map(Some));
    }
}

collect!(BooleanArray, Option<bool>);
collect!(BooleanArray, bool);
