//! Columns of single values, written as protobuf fields.

use std::fmt::Write as _;
use std::ops::Range;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, GenericByteArray, PrimitiveArray,
};
use arrow::datatypes::{
    BinaryType, ByteArrayType, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType,
    Utf8Type,
};
use larder_core::{FlatType, Layout, ScalarType, Timestamp, ValueType};

use super::list::Lists;
use super::map::Maps;
use super::structure::{Structs, ZonedTimes};
use crate::python_text::{push_bool, push_float};
use crate::wire::{WireType, put_bytes, put_message, put_tag, put_varint};
use crate::{NOT_A_TIME, UnfitColumn};

/// A column whose type is known.
pub(super) trait Column {
    fn is_null(&self, row: usize) -> bool;

    /// Adds the field `number` with the value in this row. Null, inside a list, is written as Feast
    /// writes it.
    fn put(&self, out: &mut Vec<u8>, number: u32, row: usize);

    /// Adds these rows as the items of a list message, which are its field 1.
    fn put_items(&self, out: &mut Vec<u8>, rows: Range<usize>) {
        rows.for_each(|row| self.put(out, 1, row));
    }

    /// Adds Python's text of the value in this row, if Feast keeps one.
    fn push_text(&self, _out: &mut String, _row: usize) -> bool {
        false
    }
}

/// The column of an array that has the Arrow type of `value_type`.
pub(super) fn of_array<'a>(
    value_type: &ValueType,
    array: &'a ArrayRef,
) -> Result<Box<dyn Column + 'a>, UnfitColumn> {
    Ok(match value_type {
        ValueType::Scalar(scalar @ (ScalarType::Map | ScalarType::ScalarMap)) => {
            Box::new(Maps::try_new(*scalar, array.as_string())?)
        }
        ValueType::Scalar(ScalarType::ZonedTimestamp) => Box::new(ZonedTimes::new(array.as_struct())),
        // As Feast has it: JSON's own null, where a list of it holds none.
        ValueType::Scalar(ScalarType::Json) => {
            Box::new(Texts { null: b"null", ..Texts::new(array.as_bytes::<Utf8Type>()) })
        }
        ValueType::Scalar(ScalarType::String) => {
            Box::new(Texts { push_text: push_str, ..Texts::new(array.as_bytes::<Utf8Type>()) })
        }
        _ => match value_type.layout() {
            Layout::Flat(flat) => of_flat(flat, array),
            Layout::List(item) => {
                let is_set = matches!(value_type, ValueType::Set(_));
                Box::new(Lists::try_new(item, is_set, array.as_list())?)
            }
            Layout::Struct(fields) => Box::new(Structs::try_new(fields, array.as_struct())?),
        },
    })
}

fn of_flat<'a>(flat: FlatType, array: &'a ArrayRef) -> Box<dyn Column + 'a> {
    match flat {
        FlatType::Int32 => Box::new(Numbers { array: array.as_primitive::<Int32Type>(), form: INT_32 }),
        FlatType::Int64 => Box::new(Numbers { array: array.as_primitive::<Int64Type>(), form: INT_64 }),
        FlatType::Float32 => Box::new(Numbers { array: array.as_primitive::<Float32Type>(), form: FLOAT_32 }),
        FlatType::Float64 => Box::new(Numbers { array: array.as_primitive::<Float64Type>(), form: FLOAT_64 }),
        FlatType::TimestampMicros => {
            Box::new(Numbers { array: array.as_primitive::<TimestampMicrosecondType>(), form: TIME })
        }
        FlatType::Boolean => Box::new(Booleans { array: array.as_boolean() }),
        FlatType::Utf8 => Box::new(Texts::new(array.as_bytes::<Utf8Type>())),
        FlatType::Binary => Box::new(Texts::new(array.as_bytes::<BinaryType>())),
    }
}

/// How numbers of one type are written.
#[derive(Clone, Copy)]
struct NumberForm<T> {
    wire_type: WireType,
    /// Writes a number; for `None` what stands for null in a list.
    put: fn(&mut Vec<u8>, Option<T>),
    push_text: fn(&mut String, T) -> bool,
}

const INT_32: NumberForm<i32> = NumberForm {
    wire_type: WireType::Varint,
    // Negative ones are extended to 64 bits, as protobuf has it.
    put: |out, value| put_varint(out, i64::from(value.unwrap_or_default()).cast_unsigned()),
    push_text: |out, value| write!(out, "{value}").is_ok(),
};

const INT_64: NumberForm<i64> = NumberForm {
    wire_type: WireType::Varint,
    put: |out, value| put_varint(out, value.unwrap_or_default().cast_unsigned()),
    push_text: |out, value| write!(out, "{value}").is_ok(),
};

const FLOAT_32: NumberForm<f32> = NumberForm {
    wire_type: WireType::Fixed32,
    put: |out, value| out.extend_from_slice(&value.unwrap_or_default().to_le_bytes()),
    push_text: |out, value| {
        push_float(out, f64::from(value));
        true
    },
};

const FLOAT_64: NumberForm<f64> = NumberForm {
    wire_type: WireType::Fixed64,
    put: |out, value| out.extend_from_slice(&value.unwrap_or_default().to_le_bytes()),
    push_text: |out, value| {
        push_float(out, value);
        true
    },
};

const TIME: NumberForm<i64> = NumberForm {
    wire_type: WireType::Varint,
    put: |out, micros| {
        let seconds = micros.map_or(NOT_A_TIME, |micros| Timestamp::from_micros(micros).seconds());
        put_varint(out, seconds.cast_unsigned());
    },
    push_text: |_, _| false,
};

struct Numbers<'a, T: ArrowPrimitiveType> {
    array: &'a PrimitiveArray<T>,
    form: NumberForm<T::Native>,
}

impl<T: ArrowPrimitiveType> Numbers<'_, T> {
    fn value(&self, row: usize) -> Option<T::Native> {
        self.array.is_valid(row).then(|| self.array.value(row))
    }
}

impl<T: ArrowPrimitiveType> Column for Numbers<'_, T> {
    fn is_null(&self, row: usize) -> bool {
        self.array.is_null(row)
    }

    fn put(&self, out: &mut Vec<u8>, number: u32, row: usize) {
        put_tag(out, number, self.form.wire_type);
        (self.form.put)(out, self.value(row));
    }

    fn put_items(&self, out: &mut Vec<u8>, rows: Range<usize>) {
        if !rows.is_empty() {
            put_message(out, 1, |out| rows.for_each(|row| (self.form.put)(out, self.value(row))));
        }
    }

    fn push_text(&self, out: &mut String, row: usize) -> bool {
        self.value(row).is_some_and(|value| (self.form.push_text)(out, value))
    }
}

struct Booleans<'a> {
    array: &'a BooleanArray,
}

impl Booleans<'_> {
    fn value(&self, row: usize) -> bool {
        self.array.is_valid(row) && self.array.value(row)
    }
}

impl Column for Booleans<'_> {
    fn is_null(&self, row: usize) -> bool {
        self.array.is_null(row)
    }

    fn put(&self, out: &mut Vec<u8>, number: u32, row: usize) {
        put_tag(out, number, WireType::Varint);
        out.push(u8::from(self.value(row)));
    }

    fn put_items(&self, out: &mut Vec<u8>, rows: Range<usize>) {
        if !rows.is_empty() {
            put_message(out, 1, |out| out.extend(rows.map(|row| u8::from(self.value(row)))));
        }
    }

    fn push_text(&self, out: &mut String, row: usize) -> bool {
        push_bool(out, self.value(row));
        true
    }
}

/// Text or bytes.
struct Texts<'a, T: ByteArrayType<Offset = i32>> {
    array: &'a GenericByteArray<T>,
    /// What stands for null in a list.
    null: &'static [u8],
    push_text: fn(&mut String, &T::Native) -> bool,
}

impl<'a, T: ByteArrayType<Offset = i32>> Texts<'a, T> {
    fn new(array: &'a GenericByteArray<T>) -> Self {
        Self { array, null: &[], push_text: |_, _| false }
    }
}

impl<T: ByteArrayType<Offset = i32>> Column for Texts<'_, T> {
    fn is_null(&self, row: usize) -> bool {
        self.array.is_null(row)
    }

    fn put(&self, out: &mut Vec<u8>, number: u32, row: usize) {
        let value = if self.array.is_null(row) { self.null } else { self.array.value(row).as_ref() };
        put_bytes(out, number, value);
    }

    fn push_text(&self, out: &mut String, row: usize) -> bool {
        (self.push_text)(out, self.array.value(row))
    }
}

fn push_str(out: &mut String, text: &str) -> bool {
    out.push_str(text);
    true
}
