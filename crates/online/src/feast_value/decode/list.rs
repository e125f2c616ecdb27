//! Columns of lists.

use std::sync::Arc;

use arrow::array::{ArrayRef, ListArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::Field;
use larder_core::ValueType;

use super::column::{Column, for_type};
use crate::bits::Validity;
use crate::feast_value::ValueFault;
use crate::feast_value::wire::{Payload, fields};

pub(super) struct Lists {
    items: Box<dyn Column>,
    /// Where each list begins, and where the last one ends.
    offsets: Vec<i32>,
    validity: Validity,
}

impl Lists {
    pub(super) fn new(item: &ValueType, rows: usize) -> Self {
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0);
        Self { items: for_type(item, 0), offsets, validity: Validity::default() }
    }

    fn close(&mut self, valid: bool) -> Result<(), ValueFault> {
        self.offsets.push(i32::try_from(self.items.len()).map_err(|_| ValueFault::TooLarge)?);
        self.validity.push(valid);
        Ok(())
    }
}

impl Column for Lists {
    fn append(&mut self, number: u32, payload: Payload<'_>) -> Result<(), ValueFault> {
        let item = item_number(number).ok_or(ValueFault::PartType { found: number })?;
        for field in fields(payload.bytes()?) {
            match field? {
                // Packed or not is the writer's choice.
                (1, Payload::Bytes(packed)) if is_packed(item) => self.items.append_packed(item, packed)?,
                (1, payload) => self.items.append(item, payload)?,
                _ => {}
            }
        }
        self.close(true)
    }

    fn append_null(&mut self) {
        let end = self.offsets.last().copied().unwrap_or_default();
        self.offsets.push(end);
        self.validity.push(false);
    }

    fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    fn finish(&mut self) -> ArrayRef {
        let items = self.items.finish();
        let field = Arc::new(Field::new("item", items.data_type().clone(), true));
        let offsets = OffsetBuffer::new(std::mem::take(&mut self.offsets).into());
        let validity = std::mem::take(&mut self.validity).finish();
        Arc::new(ListArray::new(field, offsets, items, validity))
    }
}

/// The number of the items of a list or set with this number.
fn item_number(number: u32) -> Option<u32> {
    match number {
        11..=18 => Some(number - 10),
        22..=29 => Some(number - 21),
        _ => None,
    }
}

/// Whether items with this number are packed: numbers are, texts and bytes cannot be.
fn is_packed(item: u32) -> bool {
    (3..=8).contains(&item)
}
