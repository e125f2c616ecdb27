//! Columns of lists.

use std::sync::Arc;

use arrow::array::{ArrayRef, ListArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::Field;
use larder_core::ValueType;

use super::column::{Column, for_type};
use crate::wire::{Payload, fields, set_field};
use crate::{ItemForm, ValueFault};
use larder_core::bits::Validity;

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
        let item = ItemForm::of_list(number).ok_or(ValueFault::PartType { found: number })?;
        for field in fields(payload.bytes()?) {
            let (1, payload) = field? else { continue };
            match (item, payload) {
                // Packed or not is the writer's choice.
                (ItemForm::Number(item), Payload::Bytes(packed)) => self.items.append_packed(item, packed)?,
                (ItemForm::Number(item) | ItemForm::Bytes(item), payload) => {
                    self.items.append(item, payload)?;
                }
                (ItemForm::Value, payload) => match set_field(payload.bytes()?)? {
                    Some((item, payload)) => self.items.append(item, payload)?,
                    None => self.items.append_null(),
                },
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
