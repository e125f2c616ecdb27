//! Columns of lists.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ListArray};
use larder_core::ValueType;

use super::column::{Column, of_array};
use crate::wire::put_message;
use crate::{UnfitColumn, field_number};

pub(super) struct Lists<'a> {
    array: &'a ListArray,
    items: Box<dyn Column + 'a>,
    /// The number under which items stand in `Value`s of their own; `None` for those that do not.
    nested: Option<u32>,
    is_set: bool,
}

impl<'a> Lists<'a> {
    pub(super) fn try_new(item: &ValueType, is_set: bool, array: &'a ListArray) -> Result<Self, UnfitColumn> {
        let nested = match item {
            // Inside lists Feast knows only lists.
            ValueType::Array(item) | ValueType::Set(item) => {
                Some(field_number(&ValueType::Array(Arc::clone(item))))
            }
            _ => None,
        };
        Ok(Self { array, items: of_array(item, array.values())?, nested, is_set })
    }

    /// Leaves out null, which no set of Feast's has and which would become a member that was not there.
    fn put_members(&self, out: &mut Vec<u8>, mut rows: Range<usize>) {
        while !rows.is_empty() {
            let next_null = rows.clone().find(|row| self.items.is_null(*row)).unwrap_or(rows.end);
            self.items.put_items(out, rows.start..next_null);
            rows.start = next_null + 1;
        }
    }

    fn put_values(&self, out: &mut Vec<u8>, number: u32, rows: Range<usize>) {
        for row in rows {
            put_message(out, 1, |out| {
                if !self.items.is_null(row) {
                    self.items.put(out, number, row);
                }
            });
        }
    }
}

impl Column for Lists<'_> {
    fn is_null(&self, row: usize) -> bool {
        self.array.is_null(row)
    }

    fn put(&self, out: &mut Vec<u8>, number: u32, row: usize) {
        let offsets = self.array.value_offsets();
        let bound = |at: usize| {
            let offset = offsets.get(at).copied().unwrap_or_default();
            usize::try_from(offset).expect("Arrow's offsets are not negative")
        };
        let items = bound(row)..bound(row + 1);
        put_message(out, number, |out| match self.nested {
            Some(number) => self.put_values(out, number, items),
            None if self.is_set => self.put_members(out, items),
            None => self.items.put_items(out, items),
        });
    }
}
