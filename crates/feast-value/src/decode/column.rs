//! Columns of single values that grow by payloads of protobuf fields.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{ArrayRef, ArrowPrimitiveType, BooleanArray, GenericByteBuilder, PrimitiveArray};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{
    BinaryType, ByteArrayType, DataType, Float32Type, Float64Type, Int32Type, Int64Type,
    TimestampMicrosecondType, Utf8Type,
};
use larder_core::{FlatType, Layout, ScalarType, Timestamp, ValueType, timestamp_data_type};

use super::json;
use super::list::Lists;
use super::structure::{Structs, ZonedTimes};
use crate::wire::{Payload, packed_numbers};
use crate::{NOT_A_TIME, ValueFault};
use larder_core::bits::{Bits, Validity};

/// A column under construction.
pub(super) trait Column {
    /// Adds the payload of a field of `Value` with this number. Columns take what a value of theirs may
    /// be called inside lists and structs, where Feast infers the number: whole numbers as floats,
    /// numbers of another width.
    fn append(&mut self, number: u32, payload: Payload<'_>) -> Result<(), ValueFault>;

    /// Adds all of a packed field of values with this number.
    fn append_packed(&mut self, number: u32, packed: &[u8]) -> Result<(), ValueFault> {
        packed_numbers(number, packed).try_for_each(|payload| self.append(number, payload?))
    }

    fn append_null(&mut self);

    fn len(&self) -> usize;

    fn finish(&mut self) -> ArrayRef;
}

/// An empty column for values of a type, with room for so many.
pub(super) fn for_type(value_type: &ValueType, rows: usize) -> Box<dyn Column> {
    match value_type {
        ValueType::Scalar(ScalarType::Map) => Box::new(Texts::<Utf8Type>::new(rows, map_text)),
        ValueType::Scalar(ScalarType::ScalarMap) => Box::new(Texts::<Utf8Type>::new(rows, scalar_map_text)),
        ValueType::Scalar(ScalarType::Json) => Box::new(Texts::<Utf8Type>::new(rows, json_text)),
        ValueType::Scalar(ScalarType::ZonedTimestamp) => Box::new(ZonedTimes::new(rows)),
        _ => match value_type.layout() {
            Layout::Flat(flat) => of_flat(flat, rows),
            Layout::List(item) => Box::new(Lists::new(item, rows)),
            Layout::Struct(fields) => Box::new(Structs::new(fields, rows)),
        },
    }
}

fn of_flat(flat: FlatType, rows: usize) -> Box<dyn Column> {
    match flat {
        FlatType::Int32 => Box::new(Numbers::<Int32Type>::new(rows, whole_32)),
        FlatType::Int64 => Box::new(Numbers::<Int64Type>::new(rows, whole_64)),
        FlatType::Float32 => Box::new(Numbers::<Float32Type>::new(rows, float_32)),
        FlatType::Float64 => Box::new(Numbers::<Float64Type>::new(rows, float_64)),
        FlatType::TimestampMicros => Box::new(Numbers::<TimestampMicrosecondType>::new(rows, time)),
        FlatType::Boolean => Box::new(Booleans::default()),
        FlatType::Utf8 => Box::new(Texts::<Utf8Type>::new(rows, text)),
        FlatType::Binary => Box::new(Texts::<BinaryType>::new(rows, raw)),
    }
}

type ReadNumber<T> = fn(u32, Payload<'_>) -> Result<Option<<T as ArrowPrimitiveType>::Native>, ValueFault>;

struct Numbers<T: ArrowPrimitiveType> {
    values: Vec<T::Native>,
    validity: Validity,
    read: ReadNumber<T>,
}

impl<T: ArrowPrimitiveType> Numbers<T> {
    fn new(rows: usize, read: ReadNumber<T>) -> Self {
        Self { values: Vec::with_capacity(rows), validity: Validity::default(), read }
    }

    fn push(&mut self, value: Option<T::Native>) {
        self.values.push(value.unwrap_or_default());
        self.validity.push(value.is_some());
    }
}

impl<T: ArrowPrimitiveType> Column for Numbers<T> {
    fn append(&mut self, number: u32, payload: Payload<'_>) -> Result<(), ValueFault> {
        self.push((self.read)(number, payload)?);
        Ok(())
    }

    fn append_null(&mut self) {
        self.push(None);
    }

    fn len(&self) -> usize {
        self.values.len()
    }

    fn finish(&mut self) -> ArrayRef {
        let (values, validity) = (std::mem::take(&mut self.values), std::mem::take(&mut self.validity));
        in_utc(PrimitiveArray::<T>::new(ScalarBuffer::from(values), validity.finish()))
    }
}

/// Gives timestamps the one timestamp type inside larder, and leaves other arrays as they are.
fn in_utc<T: ArrowPrimitiveType>(values: PrimitiveArray<T>) -> ArrayRef {
    match T::DATA_TYPE {
        DataType::Timestamp(_, _) => Arc::new(values.with_data_type(timestamp_data_type())),
        _ => Arc::new(values),
    }
}

fn whole_64(number: u32, payload: Payload<'_>) -> Result<Option<i64>, ValueFault> {
    match number {
        3 => Ok(whole_32(number, payload)?.map(i64::from)),
        4 => Ok(Some(payload.varint()?.cast_signed())),
        found => Err(ValueFault::PartType { found }),
    }
}

fn whole_32(number: u32, payload: Payload<'_>) -> Result<Option<i32>, ValueFault> {
    let value = payload.varint()?;
    match number {
        // Protobuf's `int32` is the low half of the varint.
        3 => Ok(value.to_le_bytes().first_chunk().map(|low| i32::from_le_bytes(*low))),
        4 => i32::try_from(value.cast_signed()).map(Some).map_err(|_| ValueFault::PartType { found: 4 }),
        found => Err(ValueFault::PartType { found }),
    }
}

fn float_64(number: u32, payload: Payload<'_>) -> Result<Option<f64>, ValueFault> {
    match (number, payload) {
        (5, Payload::Fixed64(bytes)) => Ok(Some(f64::from_le_bytes(bytes))),
        (6, Payload::Fixed32(bytes)) => Ok(Some(f64::from(f32::from_le_bytes(bytes)))),
        #[expect(clippy::cast_precision_loss, reason = "as Python turns a whole number into a float")]
        (3 | 4, payload) => Ok(whole_64(number, payload)?.map(|whole| whole as f64)),
        (5 | 6, _) => Err(ValueFault::WireType),
        (found, _) => Err(ValueFault::PartType { found }),
    }
}

fn float_32(number: u32, payload: Payload<'_>) -> Result<Option<f32>, ValueFault> {
    match (number, payload) {
        (6, Payload::Fixed32(bytes)) => Ok(Some(f32::from_le_bytes(bytes))),
        #[expect(clippy::cast_possible_truncation, reason = "the declared type has this precision")]
        _ => Ok(float_64(number, payload)?.map(|wide| wide as f32)),
    }
}

/// Whole seconds as microseconds.
fn time(number: u32, payload: Payload<'_>) -> Result<Option<i64>, ValueFault> {
    if number != 8 {
        return Err(ValueFault::PartType { found: number });
    }
    let seconds = payload.varint()?.cast_signed();
    if seconds == NOT_A_TIME {
        return Ok(None);
    }
    if seconds < Timestamp::MIN.seconds() || seconds > Timestamp::MAX.seconds() {
        return Err(ValueFault::TimeOutOfRange { seconds });
    }
    Ok(Some(seconds.saturating_mul(1_000_000)))
}

#[derive(Default)]
struct Booleans {
    values: Bits,
    validity: Validity,
}

impl Column for Booleans {
    fn append(&mut self, number: u32, payload: Payload<'_>) -> Result<(), ValueFault> {
        if number != 7 {
            return Err(ValueFault::PartType { found: number });
        }
        self.values.push(payload.varint()? != 0);
        self.validity.push(true);
        Ok(())
    }

    fn append_null(&mut self) {
        self.values.push(false);
        self.validity.push(false);
    }

    fn len(&self) -> usize {
        self.values.len()
    }

    fn finish(&mut self) -> ArrayRef {
        let (values, validity) = (std::mem::take(&mut self.values), std::mem::take(&mut self.validity));
        Arc::new(BooleanArray::new(values.finish(), validity.finish()))
    }
}

type ReadText<T> = for<'a> fn(u32, Payload<'a>) -> Result<Cow<'a, <T as ByteArrayType>::Native>, ValueFault>;

/// Text or bytes.
struct Texts<T: ByteArrayType<Offset = i32, Native: ToOwned>> {
    builder: GenericByteBuilder<T>,
    read: ReadText<T>,
    /// How many bytes there are, since Arrow's builder would panic where offsets end.
    length: usize,
}

impl<T: ByteArrayType<Offset = i32, Native: ToOwned>> Texts<T> {
    fn new(rows: usize, read: ReadText<T>) -> Self {
        Self { builder: GenericByteBuilder::with_capacity(rows, 16 * rows), read, length: 0 }
    }
}

impl<T: ByteArrayType<Offset = i32, Native: ToOwned>> Column for Texts<T> {
    fn append(&mut self, number: u32, payload: Payload<'_>) -> Result<(), ValueFault> {
        let value = (self.read)(number, payload)?;
        let bytes: &[u8] = (*value).as_ref();
        self.length += bytes.len();
        if i32::try_from(self.length).is_err() {
            return Err(ValueFault::TooLarge);
        }
        self.builder.append_value(&*value);
        Ok(())
    }

    fn append_null(&mut self) {
        self.builder.append_null();
    }

    fn len(&self) -> usize {
        arrow::array::ArrayBuilder::len(&self.builder)
    }

    fn finish(&mut self) -> ArrayRef {
        Arc::new(self.builder.finish())
    }
}

/// Texts of all forms: inside lists and structs Feast calls a UUID or a decimal what Python took it for.
fn text(number: u32, payload: Payload<'_>) -> Result<Cow<'_, str>, ValueFault> {
    match number {
        2 | 32 | 36 | 37 | 44 => {
            let text = std::str::from_utf8(payload.bytes()?).map_err(|_| ValueFault::Utf8)?;
            Ok(Cow::Borrowed(text))
        }
        found => Err(ValueFault::PartType { found }),
    }
}

fn raw(number: u32, payload: Payload<'_>) -> Result<Cow<'_, [u8]>, ValueFault> {
    match number {
        1 => Ok(Cow::Borrowed(payload.bytes()?)),
        found => Err(ValueFault::PartType { found }),
    }
}

/// Maps are carried as the text of JSON objects.
fn map_text(number: u32, payload: Payload<'_>) -> Result<Cow<'_, str>, ValueFault> {
    match number {
        20 | 34 => json::text(number, payload).map(Cow::Owned),
        found => Err(ValueFault::PartType { found }),
    }
}

fn scalar_map_text(number: u32, payload: Payload<'_>) -> Result<Cow<'_, str>, ValueFault> {
    match number {
        47 => json::text(number, payload).map(Cow::Owned),
        found => Err(ValueFault::PartType { found }),
    }
}

/// JSON as it was given; inside a struct Feast stores any value as what Python took it for.
fn json_text(number: u32, payload: Payload<'_>) -> Result<Cow<'_, str>, ValueFault> {
    match number {
        2 | 32 => text(number, payload),
        _ => json::text(number, payload).map(Cow::Owned),
    }
}
