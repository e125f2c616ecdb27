//! Record batches to rows.

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BinaryArray, BooleanArray, GenericByteArray, ListArray,
    PrimitiveArray, RecordBatch, StringArray,
};
use arrow::datatypes::{
    ArrowNativeType, ByteArrayType, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use larder_core::{FlatType, RowVersion, ValueType};

use super::layout::{Form, RowLayout, Slot};
use super::nested;
use super::{RowHeader, put};
use crate::schema::SchemaId;

/// A batch that cannot be written as rows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The batch does not have one column per feature.
    #[error("the batch has {found} columns, the view {expected} features")]
    ColumnCount {
        /// Columns in the batch.
        found: usize,
        /// Features of the view.
        expected: usize,
    },
    /// A column does not have the Arrow type of its feature.
    #[error("column {position} holds {found}, and the view wants {expected} there; cast it first")]
    ColumnType {
        /// Position of the column.
        position: usize,
        /// The Arrow type found.
        found: String,
        /// The declared type.
        expected: ValueType,
    },
    /// The variable-width values of one row exceed what an offset can say.
    #[error("row {row} holds more than 4 GiB of text, bytes and lists")]
    RowTooLarge {
        /// Position of the row in the batch.
        row: usize,
    },
}

/// Writes rows of one batch, column by column.
#[derive(Debug)]
pub struct RowEncoder<'a> {
    layout: &'a RowLayout,
    schema: SchemaId,
    versions: &'a [RowVersion],
    columns: Vec<(Slot, Column<'a>)>,
}

/// Encoded rows, one after another. Used again and again, it allocates once.
#[derive(Debug, Default)]
pub struct RowBuffer {
    bytes: Vec<u8>,
    /// Where each row begins, and where the last one ends.
    bounds: Vec<usize>,
    /// How much variable-width data each row holds so far.
    filled: Vec<usize>,
}

impl RowBuffer {
    /// The rows, in the order they were asked for.
    pub fn rows(&self) -> impl Iterator<Item = &[u8]> {
        self.bounds.windows(2).filter_map(|bounds| match *bounds {
            [start, end] => self.bytes.get(start..end),
            _ => None,
        })
    }
}

impl<'a> RowEncoder<'a> {
    /// Prepares to write rows of `batch`, whose columns are the features of the layout in order.
    /// `versions` has one entry per row.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] if the columns are not those of the layout.
    pub fn try_new(
        layout: &'a RowLayout,
        schema: SchemaId,
        batch: &'a RecordBatch,
        versions: &'a [RowVersion],
    ) -> Result<Self, EncodeError> {
        let (found, expected) = (batch.num_columns(), layout.slots().len());
        if found != expected {
            return Err(EncodeError::ColumnCount { found, expected });
        }
        let features = layout.slots().iter().zip(layout.types());
        let columns = features.zip(batch.columns()).enumerate();
        let columns = columns
            .map(|(position, ((slot, value_type), array))| {
                match Column::try_new(slot.form, value_type, array) {
                    Some(column) => Ok((*slot, column)),
                    None => Err(EncodeError::ColumnType {
                        position,
                        found: array.data_type().to_string(),
                        expected: value_type.clone(),
                    }),
                }
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { layout, schema, versions, columns })
    }

    /// Writes the rows at these positions of the batch, in this order, in place of what `buffer` held.
    ///
    /// # Errors
    ///
    /// [`EncodeError::RowTooLarge`].
    ///
    /// # Panics
    ///
    /// If a position is not in the batch.
    pub fn encode(&self, rows: &[usize], buffer: &mut RowBuffer) -> Result<(), EncodeError> {
        self.size(rows, buffer)?;
        let RowBuffer { bytes, bounds, filled } = buffer;
        filled.clear();
        filled.resize(rows.len(), 0);
        for (row, start) in rows.iter().zip(bounds.iter()) {
            let version = *self.versions.get(*row).expect("one version per row of the batch");
            RowHeader { schema: self.schema, version }.write(bytes.get_mut(*start..).unwrap_or_default());
        }
        let mut target = Target { bytes, bounds, filled, fixed_len: self.layout.fixed_len() };
        for (slot, column) in &self.columns {
            column.write(*slot, rows, &mut target);
        }
        Ok(())
    }

    /// Finds out how long every row will be and makes room for it.
    fn size(&self, rows: &[usize], buffer: &mut RowBuffer) -> Result<(), EncodeError> {
        let RowBuffer { bytes, bounds, filled } = buffer;
        filled.clear();
        filled.resize(rows.len(), 0);
        for (_, column) in &self.columns {
            column.add_lengths(rows, filled);
        }
        bounds.clear();
        bounds.push(0);
        let mut end = 0;
        for (row, variable) in rows.iter().zip(filled.iter()) {
            if u32::try_from(*variable).is_err() {
                return Err(EncodeError::RowTooLarge { row: *row });
            }
            end += self.layout.fixed_len() + variable;
            bounds.push(end);
        }
        bytes.clear();
        bytes.resize(end, 0);
        Ok(())
    }
}

/// Rows being filled.
struct Target<'a> {
    bytes: &'a mut [u8],
    bounds: &'a [usize],
    filled: &'a mut [usize],
    fixed_len: usize,
}

impl Target<'_> {
    /// Calls `write` with the bytes of every row whose value is not null, after marking it present.
    fn each_present(
        &mut self,
        slot: Slot,
        array: &dyn Array,
        rows: &[usize],
        mut write: impl FnMut(&mut [u8], usize),
    ) {
        let nulls = array.nulls();
        for (row, start) in rows.iter().zip(self.bounds) {
            if nulls.is_some_and(|nulls| nulls.is_null(*row)) {
                continue;
            }
            let bytes = self.bytes.get_mut(*start..).unwrap_or_default();
            if let Some(presence) = bytes.get_mut(slot.presence_at) {
                *presence |= slot.presence_bit;
            }
            write(bytes, *row);
        }
    }

    /// The same for values behind the slots: `write` returns how many bytes it put there, also for
    /// nulls the end is noted.
    fn each_variable(
        &mut self,
        slot: Slot,
        array: &dyn Array,
        rows: &[usize],
        mut write: impl FnMut(&mut [u8], usize) -> usize,
    ) {
        let nulls = array.nulls();
        for ((row, start), filled) in rows.iter().zip(self.bounds).zip(self.filled.iter_mut()) {
            let bytes = self.bytes.get_mut(*start..).unwrap_or_default();
            if nulls.is_none_or(|nulls| nulls.is_valid(*row)) {
                if let Some(presence) = bytes.get_mut(slot.presence_at) {
                    *presence |= slot.presence_bit;
                }
                *filled += write(bytes.get_mut(self.fixed_len + *filled..).unwrap_or_default(), *row);
            }
            put(bytes, slot.offset, &u32_bytes(*filled));
        }
    }
}

/// A column whose type is known, so that loops over its rows need not ask.
#[derive(Debug)]
enum Column<'a> {
    Bool(&'a BooleanArray),
    Int32(&'a PrimitiveArray<Int32Type>),
    Int64(&'a PrimitiveArray<Int64Type>),
    Float32(&'a PrimitiveArray<Float32Type>),
    Float64(&'a PrimitiveArray<Float64Type>),
    Timestamp(&'a PrimitiveArray<TimestampMicrosecondType>),
    String(&'a StringArray),
    Bytes(&'a BinaryArray),
    List(&'a ListArray, Items<'a>),
    /// Values already written.
    Nested(BinaryArray),
}

/// The items of a list column, all rows together.
#[derive(Debug)]
enum Items<'a> {
    Bool(&'a BooleanArray),
    Int32(&'a PrimitiveArray<Int32Type>),
    Int64(&'a PrimitiveArray<Int64Type>),
    Float32(&'a PrimitiveArray<Float32Type>),
    Float64(&'a PrimitiveArray<Float64Type>),
    Timestamp(&'a PrimitiveArray<TimestampMicrosecondType>),
    String(&'a StringArray),
    Bytes(&'a BinaryArray),
}

impl<'a> Column<'a> {
    fn try_new(form: Form, value_type: &ValueType, array: &'a ArrayRef) -> Option<Self> {
        Some(match form {
            Form::Flat(FlatType::Boolean) => Self::Bool(array.as_boolean_opt()?),
            Form::Flat(FlatType::Int32) => Self::Int32(array.as_primitive_opt()?),
            Form::Flat(FlatType::Int64) => Self::Int64(array.as_primitive_opt()?),
            Form::Flat(FlatType::Float32) => Self::Float32(array.as_primitive_opt()?),
            Form::Flat(FlatType::Float64) => Self::Float64(array.as_primitive_opt()?),
            Form::Flat(FlatType::TimestampMicros) => Self::Timestamp(array.as_primitive_opt()?),
            Form::Flat(FlatType::Utf8) => Self::String(array.as_string_opt()?),
            Form::Flat(FlatType::Binary) => Self::Bytes(array.as_binary_opt()?),
            Form::List(item) => {
                let lists = array.as_list_opt::<i32>()?;
                Self::List(lists, Items::try_new(item, lists.values())?)
            }
            Form::Nested if array.data_type() == &value_type.data_type() => {
                Self::Nested(nested::encode(value_type, array))
            }
            Form::Nested => return None,
        })
    }

    /// Adds to each row the bytes its value needs behind the slots.
    fn add_lengths(&self, rows: &[usize], lengths: &mut [usize]) {
        match self {
            Self::String(array) => add_byte_lengths(array, rows, lengths),
            Self::Bytes(array) => add_byte_lengths(array, rows, lengths),
            Self::Nested(array) => add_byte_lengths(array, rows, lengths),
            Self::List(lists, items) => {
                for (row, length) in rows.iter().zip(lengths) {
                    if lists.is_valid(*row) {
                        let (start, end) = item_range(lists, *row);
                        *length += items.encoded_len(start, end);
                    }
                }
            }
            _ => {}
        }
    }

    fn write(&self, slot: Slot, rows: &[usize], target: &mut Target<'_>) {
        match self {
            Self::Bool(array) => target.each_present(slot, array, rows, |bytes, row| {
                put(bytes, slot.offset, &[u8::from(array.value(row))]);
            }),
            Self::Int32(array) => target.each_present(slot, array, rows, |bytes, row| {
                put(bytes, slot.offset, &array.value(row).to_le_bytes());
            }),
            Self::Int64(array) => target.each_present(slot, array, rows, |bytes, row| {
                put(bytes, slot.offset, &array.value(row).to_le_bytes());
            }),
            Self::Float32(array) => target.each_present(slot, array, rows, |bytes, row| {
                put(bytes, slot.offset, &array.value(row).to_le_bytes());
            }),
            Self::Float64(array) => target.each_present(slot, array, rows, |bytes, row| {
                put(bytes, slot.offset, &array.value(row).to_le_bytes());
            }),
            Self::Timestamp(array) => target.each_present(slot, array, rows, |bytes, row| {
                put(bytes, slot.offset, &array.value(row).to_le_bytes());
            }),
            Self::String(array) => target
                .each_variable(slot, array, rows, |bytes, row| put_all(bytes, array.value(row).as_bytes())),
            Self::Bytes(array) => {
                target.each_variable(slot, array, rows, |bytes, row| put_all(bytes, array.value(row)));
            }
            Self::Nested(array) => {
                target.each_variable(slot, array, rows, |bytes, row| put_all(bytes, array.value(row)));
            }
            Self::List(lists, items) => target.each_variable(slot, lists, rows, |bytes, row| {
                let (start, end) = item_range(lists, row);
                items.write(start, end, bytes)
            }),
        }
    }
}

impl<'a> Items<'a> {
    fn try_new(item: FlatType, array: &'a ArrayRef) -> Option<Self> {
        Some(match item {
            FlatType::Boolean => Self::Bool(array.as_boolean_opt()?),
            FlatType::Int32 => Self::Int32(array.as_primitive_opt()?),
            FlatType::Int64 => Self::Int64(array.as_primitive_opt()?),
            FlatType::Float32 => Self::Float32(array.as_primitive_opt()?),
            FlatType::Float64 => Self::Float64(array.as_primitive_opt()?),
            FlatType::TimestampMicros => Self::Timestamp(array.as_primitive_opt()?),
            FlatType::Utf8 => Self::String(array.as_string_opt()?),
            FlatType::Binary => Self::Bytes(array.as_binary_opt()?),
        })
    }

    fn nulls(&self) -> Option<&arrow::buffer::NullBuffer> {
        match self {
            Self::Bool(array) => array.nulls(),
            Self::Int32(array) => array.nulls(),
            Self::Int64(array) => array.nulls(),
            Self::Float32(array) => array.nulls(),
            Self::Float64(array) => array.nulls(),
            Self::Timestamp(array) => array.nulls(),
            Self::String(array) => array.nulls(),
            Self::Bytes(array) => array.nulls(),
        }
    }

    fn encoded_len(&self, start: usize, end: usize) -> usize {
        let count = end - start;
        let items = match self {
            Self::Bool(_) => count,
            Self::Int32(_) | Self::Float32(_) => 4 * count,
            Self::Int64(_) | Self::Float64(_) | Self::Timestamp(_) => 8 * count,
            Self::String(array) => 4 * count + item_bytes(array, start, end).len(),
            Self::Bytes(array) => 4 * count + item_bytes(array, start, end).len(),
        };
        4 + count.div_ceil(8) + items
    }

    /// Writes the items from `start` to `end` and returns how many bytes they took.
    fn write(&self, start: usize, end: usize, bytes: &mut [u8]) -> usize {
        let count = end - start;
        put(bytes, 0, &u32_bytes(count));
        let presence = bytes.get_mut(4..4 + count.div_ceil(8)).unwrap_or_default();
        match self.nulls() {
            None => presence.fill(0xff),
            Some(nulls) => {
                for (byte, first) in presence.iter_mut().zip((start..end).step_by(8)) {
                    let bits = (first..end.min(first + 8)).enumerate();
                    *byte = bits.fold(0, |byte, (bit, item)| byte | u8::from(nulls.is_valid(item)) << bit);
                }
            }
        }
        let head = 4 + count.div_ceil(8);
        let rest = bytes.get_mut(head..).unwrap_or_default();
        head + match self {
            Self::Bool(array) => {
                for (byte, item) in rest.iter_mut().zip(start..end) {
                    *byte = u8::from(array.value(item));
                }
                count
            }
            Self::Int32(array) => put_items(array, start, end, rest, i32::to_le_bytes),
            Self::Int64(array) => put_items(array, start, end, rest, i64::to_le_bytes),
            Self::Float32(array) => put_items(array, start, end, rest, f32::to_le_bytes),
            Self::Float64(array) => put_items(array, start, end, rest, f64::to_le_bytes),
            Self::Timestamp(array) => put_items(array, start, end, rest, i64::to_le_bytes),
            Self::String(array) => put_byte_items(array, start, end, rest),
            Self::Bytes(array) => put_byte_items(array, start, end, rest),
        }
    }
}

fn add_byte_lengths<T: ByteArrayType<Offset = i32>>(
    array: &GenericByteArray<T>,
    rows: &[usize],
    lengths: &mut [usize],
) {
    for (row, length) in rows.iter().zip(lengths) {
        if array.is_valid(*row) {
            *length += array.value_length(*row).as_usize();
        }
    }
}

/// The positions of the items of one list.
fn item_range(lists: &ListArray, row: usize) -> (usize, usize) {
    let start = lists.value_offsets().get(row).expect("the row is in the batch").as_usize();
    (start, start + lists.value_length(row).as_usize())
}

/// The bytes of the items from `start` to `end`, which lie next to each other.
fn item_bytes<T: ByteArrayType<Offset = i32>>(
    array: &GenericByteArray<T>,
    start: usize,
    end: usize,
) -> &[u8] {
    let offset = |item: usize| array.value_offsets().get(item).expect("offsets hold all items").as_usize();
    array.value_data().get(offset(start)..offset(end)).expect("offsets lie in the data")
}

fn put_all(bytes: &mut [u8], value: &[u8]) -> usize {
    put(bytes, 0, value);
    value.len()
}

fn put_items<T: ArrowPrimitiveType, const N: usize>(
    array: &PrimitiveArray<T>,
    start: usize,
    end: usize,
    bytes: &mut [u8],
    to_bytes: impl Fn(T::Native) -> [u8; N],
) -> usize {
    let values = array.values().get(start..end).expect("offsets of a list lie in its items");
    for (place, value) in bytes.chunks_exact_mut(N).zip(values) {
        place.copy_from_slice(&to_bytes(*value));
    }
    N * values.len()
}

fn put_byte_items<T: ByteArrayType<Offset = i32>>(
    array: &GenericByteArray<T>,
    start: usize,
    end: usize,
    bytes: &mut [u8],
) -> usize {
    let data = item_bytes(array, start, end);
    let mut item_end = 0;
    for (place, item) in bytes.chunks_exact_mut(4).zip(start..end) {
        item_end += array.value_length(item).as_usize();
        place.copy_from_slice(&u32_bytes(item_end));
    }
    let ends = 4 * (end - start);
    put(bytes, ends, data);
    ends + data.len()
}

/// A length inside a row that was checked to be shorter than 4 GiB.
fn u32_bytes(length: usize) -> [u8; 4] {
    u32::try_from(length).expect("checked when the rows were sized").to_le_bytes()
}
