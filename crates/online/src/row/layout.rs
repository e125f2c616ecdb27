//! Where each feature of a schema lies in a row.

use larder_core::{Field, ScalarType, ValueType};

use super::{HEADER_LEN, fixed};
use crate::row::{CorruptRow, RowFault};

/// Where the value of one feature lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) value_type: ValueType,
    /// The byte of the presence bitmap, and the bit in it.
    pub(super) presence_at: usize,
    pub(super) presence_bit: u8,
    pub(super) offset: usize,
    /// The slot of the variable-width feature before this one: it says where this one's data begins.
    pub(super) previous_variable: Option<usize>,
}

/// The places of all features in the rows of one schema.
#[derive(Clone, Debug)]
pub struct RowLayout {
    slots: Box<[Slot]>,
    fixed_len: usize,
    last_variable: Option<usize>,
}

impl RowLayout {
    /// Lays out rows with these features.
    pub fn new(features: &[Field]) -> Self {
        let mut offset = HEADER_LEN + features.len().div_ceil(8);
        let mut last_variable = None;
        let slots = features
            .iter()
            .enumerate()
            .map(|(position, feature)| {
                let width = slot_width(feature.value_type);
                let slot = Slot {
                    value_type: feature.value_type,
                    presence_at: HEADER_LEN + position / 8,
                    presence_bit: 1 << (position % 8),
                    offset,
                    previous_variable: last_variable,
                };
                if width.is_none() {
                    last_variable = Some(offset);
                }
                offset += width.unwrap_or(VARIABLE_SLOT_WIDTH);
                slot
            })
            .collect();
        Self { slots, fixed_len: offset, last_variable }
    }

    pub(super) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Where the variable-width data begins; the whole length of a row without any.
    pub(super) fn fixed_len(&self) -> usize {
        self.fixed_len
    }

    /// Checks that the row is as long as its schema and its last slot say.
    pub(super) fn check_length(&self, row: &[u8]) -> Result<(), CorruptRow> {
        let expected = match self.last_variable {
            None => self.fixed_len,
            Some(slot) => self.fixed_len + u32::from_le_bytes(fixed(row, slot)?) as usize,
        };
        if row.len() == expected { Ok(()) } else { Err(RowFault::Length.at(row.len().min(expected))) }
    }
}

const VARIABLE_SLOT_WIDTH: usize = 4;

/// The width of a value that lies in its slot, `None` for those that lie behind the slots.
fn slot_width(value_type: ValueType) -> Option<usize> {
    match value_type {
        ValueType::Scalar(ScalarType::Bool) => Some(1),
        ValueType::Scalar(ScalarType::Int32 | ScalarType::Float32) => Some(4),
        ValueType::Scalar(ScalarType::Int64 | ScalarType::Float64 | ScalarType::UnixTimestamp) => Some(8),
        _ => None,
    }
}
