//! Values to Arrow columns.

mod column;
mod json;
mod list;
mod self_typed;
mod structure;

use arrow::array::ArrayRef;
use larder_core::{OnlineColumn, ValueType};

use self::column::Column;
pub use self::self_typed::{SelfTyped, decode_self_typed};
use super::wire::{Payload, set_field};
use super::{ValueFault, field_number};
use larder_core::bits::Bits;

/// Collects the values of one feature, one entity after the other.
pub struct ValueDecoder {
    /// The type, where its number does not say all of it.
    nested: Option<ValueType>,
    field: u32,
    column: Box<dyn Column>,
    present: Bits,
}

impl ValueDecoder {
    /// No values yet, and room for so many.
    pub fn new(value_type: &ValueType, rows: usize) -> Self {
        Self {
            nested: is_nested(value_type).then(|| value_type.clone()),
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
    pub fn append(&mut self, value: &[u8]) -> Result<(), ValueFault> {
        let present = match set_field(value)? {
            None => {
                self.column.append_null();
                true
            }
            Some((number, payload)) if number == self.field && self.fits(number, payload)? => {
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

    /// Whether a value has the type also inside, where its number does not say so. Finds out by reading it,
    /// since what a column has taken it cannot give back.
    fn fits(&self, number: u32, payload: Payload<'_>) -> Result<bool, ValueFault> {
        let Some(value_type) = &self.nested else { return Ok(true) };
        match column::for_type(value_type, 1).append(number, payload) {
            Ok(()) => Ok(true),
            Err(ValueFault::PartType { .. }) => Ok(false),
            Err(fault) => Err(fault),
        }
    }

    /// Adds that nothing is stored.
    pub fn append_absent(&mut self) {
        self.column.append_null();
        self.present.push(false);
    }

    /// The values, of the Arrow type of the feature.
    pub fn finish(mut self) -> OnlineColumn {
        let values: ArrayRef = self.column.finish();
        OnlineColumn { values, present: self.present.finish() }
    }
}

impl std::fmt::Debug for ValueDecoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ValueDecoder").field("field", &self.field).finish_non_exhaustive()
    }
}

/// Whether values of other types have the same number.
fn is_nested(value_type: &ValueType) -> bool {
    match value_type {
        ValueType::Scalar(_) => false,
        ValueType::Array(item) | ValueType::Set(item) => !matches!(**item, ValueType::Scalar(_)),
        _ => true,
    }
}
