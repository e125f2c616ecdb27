//! Where each feature of a schema lies in a row.

use larder_core::{Field, FlatType, Layout, ValueType};

use super::{HEADER_LEN, fixed};
use crate::row::{CorruptRow, RowFault};

/// How the values of a feature are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// One value.
    Flat(FlatType),
    /// A list of single values.
    List(FlatType),
    /// Lists of lists, structs, and the like.
    Nested,
}

impl Form {
    pub(super) fn of(value_type: &ValueType) -> Self {
        match value_type.layout() {
            Layout::Flat(flat) => Self::Flat(flat),
            Layout::List(item) => match item.layout() {
                Layout::Flat(flat) => Self::List(flat),
                Layout::List(_) | Layout::Struct(_) => Self::Nested,
            },
            Layout::Struct(_) => Self::Nested,
        }
    }

    /// The width of a value that lies in its slot, `None` for those that lie behind the slots.
    fn slot_width(self) -> Option<usize> {
        match self {
            Self::Flat(flat) => fixed_width(flat),
            Self::List(_) | Self::Nested => None,
        }
    }
}

/// The width of a value of fixed width.
pub(super) fn fixed_width(flat: FlatType) -> Option<usize> {
    match flat {
        FlatType::Boolean => Some(1),
        FlatType::Int32 | FlatType::Float32 => Some(4),
        FlatType::Int64 | FlatType::Float64 | FlatType::TimestampMicros => Some(8),
        FlatType::Utf8 | FlatType::Binary => None,
    }
}

/// Where the value of one feature lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) form: Form,
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
    types: Box<[ValueType]>,
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
                let form = Form::of(&feature.value_type);
                let width = form.slot_width();
                let slot = Slot {
                    form,
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
        let types = features.iter().map(|feature| feature.value_type.clone()).collect();
        Self { types, slots, fixed_len: offset, last_variable }
    }

    /// The types of the features, one a slot.
    pub(super) fn types(&self) -> &[ValueType] {
        &self.types
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

/// Where a value behind the slots ends.
pub(super) const VARIABLE_SLOT_WIDTH: usize = 4;
