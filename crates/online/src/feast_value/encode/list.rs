//! Columns of lists.

use arrow::array::{Array, ListArray};
use larder_core::ValueType;

use super::column::{Column, of_array};
use crate::feast_value::wire::put_message;

pub(super) struct Lists<'a> {
    array: &'a ListArray,
    items: Box<dyn Column + 'a>,
}

impl<'a> Lists<'a> {
    pub(super) fn new(item: &ValueType, array: &'a ListArray) -> Self {
        Self { array, items: of_array(item, array.values()) }
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
        put_message(out, number, |out| self.items.put_items(out, bound(row)..bound(row + 1)));
    }
}
