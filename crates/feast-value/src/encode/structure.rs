//! Columns of values with named parts.

use arrow::array::{Array, AsArray, PrimitiveArray, StringArray, StructArray};
use arrow::datatypes::TimestampMicrosecondType;
use larder_core::{StructField, Timestamp};

use super::column::{Column, of_array};
use crate::wire::{WireType, put_bytes, put_message, put_tag, put_varint};
use crate::{NOT_A_TIME, UnfitColumn, field_number};

/// Structs, which Feast stores as maps.
pub(super) struct Structs<'a> {
    array: &'a StructArray,
    parts: Vec<Part<'a>>,
}

struct Part<'a> {
    name: String,
    number: u32,
    column: Box<dyn Column + 'a>,
}

impl<'a> Structs<'a> {
    pub(super) fn try_new(fields: &[StructField], array: &'a StructArray) -> Result<Self, UnfitColumn> {
        let parts = fields.iter().zip(array.columns()).map(|(field, column)| {
            let column = of_array(&field.value_type, column)?;
            Ok(Part { name: field.name.clone(), number: field_number(&field.value_type), column })
        });
        Ok(Self { array, parts: parts.collect::<Result<_, _>>()? })
    }
}

impl Column for Structs<'_> {
    fn is_null(&self, row: usize) -> bool {
        self.array.is_null(row)
    }

    /// Null, inside a list, is a struct of nulls.
    fn put(&self, out: &mut Vec<u8>, number: u32, row: usize) {
        put_message(out, number, |out| {
            for Part { name, number, column } in &self.parts {
                put_message(out, 1, |out| {
                    put_bytes(out, 1, name.as_bytes());
                    put_message(out, 2, |out| {
                        if !self.array.is_null(row) && !column.is_null(row) {
                            column.put(out, *number, row);
                        }
                    });
                });
            }
        });
    }
}

/// Points in time with their zones.
pub(super) struct ZonedTimes<'a> {
    array: &'a StructArray,
    times: &'a PrimitiveArray<TimestampMicrosecondType>,
    zones: &'a StringArray,
}

impl<'a> ZonedTimes<'a> {
    pub(super) fn new(array: &'a StructArray) -> Self {
        Self { array, times: array.column(0).as_primitive(), zones: array.column(1).as_string() }
    }
}

impl Column for ZonedTimes<'_> {
    /// Without an instant there is nothing to say of.
    fn is_null(&self, row: usize) -> bool {
        self.array.is_null(row) || self.times.is_null(row)
    }

    /// Protobuf leaves out what is 0 or empty.
    fn put(&self, out: &mut Vec<u8>, number: u32, row: usize) {
        put_message(out, number, |out| {
            let null = self.is_null(row);
            let seconds =
                if null { NOT_A_TIME } else { Timestamp::from_micros(self.times.value(row)).seconds() };
            if seconds != 0 {
                put_tag(out, 1, WireType::Varint);
                put_varint(out, seconds.cast_unsigned());
            }
            if !null && self.zones.is_valid(row) && !self.zones.value(row).is_empty() {
                put_bytes(out, 2, self.zones.value(row).as_bytes());
            }
        });
    }
}
