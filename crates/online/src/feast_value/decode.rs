//! Values to Arrow columns.

mod column;
mod list;

use arrow::array::ArrayRef;
use larder_core::{OnlineColumn, ValueType};

use self::column::Column;
use super::wire::{Payload, fields};
use super::{ValueFault, field_number};
use crate::bits::Bits;

/// `null_val`, which Feast itself never writes.
const NULL_FIELD: u32 = 19;

/// Collects the values of one feature, one entity after the other.
pub(crate) struct ValueDecoder {
    field: u32,
    column: Box<dyn Column>,
    present: Bits,
}

impl ValueDecoder {
    /// No values yet, and room for so many.
    pub(crate) fn new(value_type: &ValueType, rows: usize) -> Self {
        Self {
            field: field_number(value_type),
            column: column::for_type(value_type, rows),
            present: Bits::with_capacity(rows),
        }
    }

    /// Adds a stored value. One of another type counts as absent: the feature's type has changed.
    ///
    /// # Errors
    ///
    /// [`ValueFault`]; the decoder is then of no further use.
    pub(crate) fn append(&mut self, value: &[u8]) -> Result<(), ValueFault> {
        let present = match set_field(value)? {
            None => {
                self.column.append_null();
                true
            }
            Some((number, payload)) if number == self.field => {
                self.column.append(number, payload)?;
                true
            }
            Some(_) => {
                self.column.append_null();
                false
            }
        };
        self.present.push(present);
        Ok(())
    }

    /// Adds that nothing is stored.
    pub(crate) fn append_absent(&mut self) {
        self.column.append_null();
        self.present.push(false);
    }

    /// The values, of the Arrow type of the feature.
    pub(crate) fn finish(mut self) -> OnlineColumn {
        let values: ArrayRef = self.column.finish();
        OnlineColumn { values, present: self.present.finish() }
    }
}

/// The field of a `Value` that is set, if one is; of several the last, as protobuf has it.
#[inline]
fn set_field(value: &[u8]) -> Result<Option<(u32, Payload<'_>)>, ValueFault> {
    let mut set = None;
    for field in fields(value) {
        let (number, payload) = field?;
        match number {
            NULL_FIELD => set = None,
            1..=48 => set = Some((number, payload)),
            // What a later Feast may add beside the value.
            _ => {}
        }
    }
    Ok(set)
}
