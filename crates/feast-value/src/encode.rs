//! Arrow columns to values.

mod column;
mod list;
mod map;
mod structure;

use arrow::array::ArrayRef;
use larder_core::ValueType;

use self::column::Column;
use super::{UnfitColumn, field_number};

/// Writes the values of one feature.
pub struct ValueEncoder<'a> {
    field: u32,
    column: Box<dyn Column + 'a>,
}

impl<'a> ValueEncoder<'a> {
    /// Prepares to write the values of a column.
    ///
    /// # Errors
    ///
    /// [`UnfitColumn`] if it has not the Arrow type of `value_type`, or holds texts that are no such value.
    pub fn try_new(value_type: &ValueType, array: &'a ArrayRef) -> Result<Self, UnfitColumn> {
        if *array.data_type() != value_type.data_type() {
            return Err(UnfitColumn::Type);
        }
        Ok(Self { field: field_number(value_type), column: column::of_array(value_type, array)? })
    }

    /// Adds the bytes of the value in this row to `out`: none for null.
    pub fn encode(&self, row: usize, out: &mut Vec<u8>) {
        if !self.column.is_null(row) {
            self.column.put(out, self.field, row);
        }
    }

    /// Puts Python's `str()` of the value in this row in place of what `out` held. Returns false for
    /// null and for types that Feast keeps no text of: all but text, numbers and truth values.
    pub fn python_text(&self, row: usize, out: &mut String) -> bool {
        out.clear();
        !self.column.is_null(row) && self.column.push_text(out, row)
    }
}

impl std::fmt::Debug for ValueEncoder<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ValueEncoder").field("field", &self.field).finish_non_exhaustive()
    }
}
