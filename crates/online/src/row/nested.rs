//! Values of types that are not a single value or a list of them: written whole before the row is,
//! and read level by level into Arrow columns.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BinaryArray, BinaryBuilder, BooleanArray, ListArray,
    PrimitiveArray, StructArray,
};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowNativeType, BinaryType, ByteArrayType, Field as ArrowField, Float32Type, Float64Type, Int32Type,
    Int64Type, TimestampMicrosecondType, Utf8Type,
};
use larder_core::{FlatType, Layout, StructField, ValueType, arrow_fields};

use super::decode::list::List;
use super::decode::{BoundedBytes, Data, DecodeError, Result, boolean, in_utc, text};
use super::layout::{VARIABLE_SLOT_WIDTH, fixed_width};
use super::{RowFault, fixed, put};
use larder_core::bits::{Bits, Validity};

/// The bytes of every value; null where it is null. The array has the Arrow type of `value_type`.
pub(super) fn encode(value_type: &ValueType, array: &ArrayRef) -> BinaryArray {
    let mut builder = BinaryBuilder::new();
    let mut value = Vec::new();
    for row in 0..array.len() {
        if array.is_null(row) {
            builder.append_null();
        } else {
            value.clear();
            write(value_type, array, row, &mut value);
            builder.append_value(&value);
        }
    }
    builder.finish()
}

/// The width of values that have one.
fn width(value_type: &ValueType) -> Option<usize> {
    match value_type.layout() {
        Layout::Flat(flat) => fixed_width(flat),
        Layout::List(_) | Layout::Struct(_) => None,
    }
}

/// Appends a value that is not null.
fn write(value_type: &ValueType, array: &ArrayRef, row: usize, out: &mut Vec<u8>) {
    match value_type.layout() {
        Layout::Flat(flat) => write_flat(flat, array, row, out),
        Layout::List(item) => {
            let lists = array.as_list::<i32>();
            let offset =
                |at: usize| lists.value_offsets().get(at).expect("the row is in the column").as_usize();
            let items = lists.values();
            write_list(item, items, offset(row), offset(row + 1), out);
        }
        Layout::Struct(fields) => write_struct(fields, array.as_struct(), row, out),
    }
}

fn write_list(item: &ValueType, items: &ArrayRef, start: usize, end: usize, out: &mut Vec<u8>) {
    out.extend(length_bytes(end - start));
    let presence_at = out.len();
    out.resize(presence_at + (end - start).div_ceil(8), 0);
    let width = width(item);
    let ends_at = out.len();
    if width.is_none() {
        out.resize(ends_at + VARIABLE_SLOT_WIDTH * (end - start), 0);
    }
    let data_at = out.len();
    for (place, row) in (start..end).enumerate() {
        if items.is_valid(row) {
            mark(out, presence_at, place);
            write(item, items, row, out);
        } else if let Some(width) = width {
            out.resize(out.len() + width, 0);
        }
        if width.is_none() {
            let end = length_bytes(out.len() - data_at);
            put(out, ends_at + VARIABLE_SLOT_WIDTH * place, &end);
        }
    }
}

fn write_struct(fields: &[StructField], structs: &StructArray, row: usize, out: &mut Vec<u8>) {
    let presence_at = out.len();
    let slots_at = presence_at + fields.len().div_ceil(8);
    let slots = fields.iter().map(|field| width(&field.value_type).unwrap_or(VARIABLE_SLOT_WIDTH));
    let data_at = slots_at + slots.sum::<usize>();
    out.resize(data_at, 0);
    let mut slot = slots_at;
    let mut value = Vec::new();
    for (place, (field, column)) in fields.iter().zip(structs.columns()).enumerate() {
        let is_present = column.is_valid(row);
        if is_present {
            mark(out, presence_at, place);
        }
        if let Some(width) = width(&field.value_type) {
            if is_present {
                value.clear();
                write(&field.value_type, column, row, &mut value);
                put(out, slot, &value);
            }
            slot += width;
        } else {
            if is_present {
                write(&field.value_type, column, row, out);
            }
            let end = length_bytes(out.len() - data_at);
            put(out, slot, &end);
            slot += VARIABLE_SLOT_WIDTH;
        }
    }
}

fn write_flat(flat: FlatType, array: &ArrayRef, row: usize, out: &mut Vec<u8>) {
    match flat {
        FlatType::Boolean => out.push(u8::from(array.as_boolean().value(row))),
        FlatType::Int32 => out.extend(array.as_primitive::<Int32Type>().value(row).to_le_bytes()),
        FlatType::Int64 => out.extend(array.as_primitive::<Int64Type>().value(row).to_le_bytes()),
        FlatType::Float32 => out.extend(array.as_primitive::<Float32Type>().value(row).to_le_bytes()),
        FlatType::Float64 => out.extend(array.as_primitive::<Float64Type>().value(row).to_le_bytes()),
        FlatType::TimestampMicros => {
            out.extend(array.as_primitive::<TimestampMicrosecondType>().value(row).to_le_bytes());
        }
        FlatType::Utf8 => out.extend(array.as_string::<i32>().value(row).as_bytes()),
        FlatType::Binary => out.extend(array.as_binary::<i32>().value(row)),
    }
}

fn mark(out: &mut [u8], presence_at: usize, place: usize) {
    if let Some(byte) = out.get_mut(presence_at + place / 8) {
        *byte |= 1 << (place % 8);
    }
}

/// A length in an Arrow array, whose offsets are 32 bits wide.
fn length_bytes(length: usize) -> [u8; 4] {
    u32::try_from(length).expect("arrays hold less than 4 GiB").to_le_bytes()
}

/// Reads the values of a column, `None` for null.
pub(super) fn decode(value_type: &ValueType, values: &[Option<Data<'_>>]) -> Result<ArrayRef> {
    match value_type.layout() {
        Layout::Flat(flat) => decode_flat(flat, values),
        Layout::List(item) => decode_lists(item, values),
        Layout::Struct(fields) => decode_structs(fields, values),
    }
}

fn decode_lists(item: &ValueType, values: &[Option<Data<'_>>]) -> Result<ArrayRef> {
    let mut items = Vec::new();
    let mut ends = Vec::with_capacity(values.len() + 1);
    ends.push(0);
    for value in values {
        if let Some(value) = value {
            let list = List::read(*value)?;
            match width(item) {
                Some(width) => {
                    list.items_of(width)?;
                    for place in 0..list.count {
                        let value = list.items.part(place * width, (place + 1) * width)?;
                        items.push(list.is_present(place).then_some(value));
                    }
                }
                None => push_items(&list, &mut items)?,
            }
        }
        ends.push(i32::try_from(items.len()).map_err(|_| DecodeError::TooLarge)?);
    }
    let items = decode(item, &items)?;
    let field = Arc::new(ArrowField::new("item", items.data_type().clone(), true));
    Ok(Arc::new(ListArray::new(field, OffsetBuffer::new(ends.into()), items, validity(values).finish())))
}

/// The items of a list, which have no fixed width.
fn push_items<'a>(list: &List<'a>, items: &mut Vec<Option<Data<'a>>>) -> Result<()> {
    let ends_length = list.count.checked_mul(VARIABLE_SLOT_WIDTH);
    let (ends, data) = list.items.split(ends_length.ok_or(RowFault::Bounds.at(list.items.offset))?)?;
    let mut start = 0;
    for place in 0..list.count {
        let end = u32::from_le_bytes(fixed(ends.bytes, VARIABLE_SLOT_WIDTH * place)?) as usize;
        let value = data.part(start, end)?;
        items.push(list.is_present(place).then_some(value));
        start = end;
    }
    if start == data.bytes.len() { Ok(()) } else { Err(RowFault::Bounds.at(data.offset).into()) }
}

fn decode_structs(fields: &[StructField], values: &[Option<Data<'_>>]) -> Result<ArrayRef> {
    let slots_at = fields.len().div_ceil(8);
    let slots = fields.iter().map(|field| width(&field.value_type).unwrap_or(VARIABLE_SLOT_WIDTH));
    let data_at = slots_at + slots.sum::<usize>();
    let mut columns = Vec::with_capacity(fields.len());
    // How far the data of each struct has been read.
    let mut read = vec![0; values.len()];
    let mut slot = slots_at;
    for (place, field) in fields.iter().enumerate() {
        let width = width(&field.value_type);
        let mut column = Vec::with_capacity(values.len());
        for (value, read) in values.iter().zip(&mut read) {
            let Some(value) = value else {
                column.push(None);
                continue;
            };
            let presence = value.part(0, slots_at)?.bytes.get(place / 8).copied().unwrap_or_default();
            let part = if let Some(width) = width {
                value.part(slot, slot + width)?
            } else {
                let end = u32::from_le_bytes(fixed(value.bytes, slot)?) as usize;
                let part = value.part(data_at + *read, data_at + end)?;
                *read = end;
                part
            };
            column.push((presence & (1 << (place % 8)) != 0).then_some(part));
        }
        columns.push(decode(&field.value_type, &column)?);
        slot += width.unwrap_or(VARIABLE_SLOT_WIDTH);
    }
    for (value, read) in values.iter().zip(read) {
        if let Some(value) = value
            && value.bytes.len() != data_at + read
        {
            return Err(RowFault::Bounds.at(value.offset).into());
        }
    }
    let nulls = validity(values).finish();
    let structs = StructArray::try_new_with_length(arrow_fields(fields), columns, nulls, values.len());
    Ok(Arc::new(structs.expect("the columns were read as these fields, one value a row")))
}

fn decode_flat(flat: FlatType, values: &[Option<Data<'_>>]) -> Result<ArrayRef> {
    match flat {
        FlatType::Boolean => {
            let mut bits = Bits::with_capacity(values.len());
            for value in values {
                bits.push(match value {
                    Some(value) => {
                        let [byte] = fixed(value.bytes, 0)?;
                        boolean(byte, value.offset)?
                    }
                    None => false,
                });
            }
            Ok(Arc::new(BooleanArray::new(bits.finish(), validity(values).finish())))
        }
        FlatType::Int32 => decode_primitive::<Int32Type, 4>(values, i32::from_le_bytes),
        FlatType::Int64 => decode_primitive::<Int64Type, 8>(values, i64::from_le_bytes),
        FlatType::Float32 => decode_primitive::<Float32Type, 4>(values, f32::from_le_bytes),
        FlatType::Float64 => decode_primitive::<Float64Type, 8>(values, f64::from_le_bytes),
        FlatType::TimestampMicros => {
            decode_primitive::<TimestampMicrosecondType, 8>(values, i64::from_le_bytes)
        }
        FlatType::Utf8 => decode_bytes::<Utf8Type>(values, text),
        FlatType::Binary => decode_bytes::<BinaryType>(values, |value| Ok(value.bytes)),
    }
}

fn decode_primitive<T: ArrowPrimitiveType, const N: usize>(
    values: &[Option<Data<'_>>],
    from_bytes: impl Fn([u8; N]) -> T::Native,
) -> Result<ArrayRef> {
    let read = |value: &Option<Data<'_>>| match value {
        Some(value) => Ok(from_bytes(fixed(value.bytes, 0)?)),
        None => Ok(T::default_value()),
    };
    let natives = values.iter().map(read).collect::<Result<Vec<_>>>()?;
    Ok(in_utc(PrimitiveArray::<T>::new(ScalarBuffer::from(natives), validity(values).finish())))
}

fn decode_bytes<T: ByteArrayType<Offset = i32>>(
    values: &[Option<Data<'_>>],
    read: impl for<'a> Fn(Data<'a>) -> Result<&'a T::Native>,
) -> Result<ArrayRef> {
    let mut builder = BoundedBytes::<T>::with_capacity(values.len());
    for value in values {
        match value {
            Some(value) => builder.append(read(*value)?)?,
            None => builder.builder.append_null(),
        }
    }
    Ok(Arc::new(builder.builder.finish()))
}

fn validity(values: &[Option<Data<'_>>]) -> Validity {
    let mut nulls = Validity::default();
    for value in values {
        nulls.push(value.is_some());
    }
    nulls
}
