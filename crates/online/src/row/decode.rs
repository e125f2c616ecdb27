//! Rows to Arrow columns.

pub(super) mod list;

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, BooleanArray, GenericByteBuilder, ListArray, PrimitiveArray,
};
use arrow::buffer::{BooleanBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    BinaryType, ByteArrayType, DataType, Field as ArrowField, Float32Type, Float64Type, Int32Type, Int64Type,
    TimestampMicrosecondType, Utf8Type,
};
use larder_core::{Field, FlatType, OnlineColumn, ValueType, timestamp_data_type};

use self::list::{BooleanItems, ByteItems, ItemBuilder, List, PrimitiveItems};
use super::layout::{Form, RowLayout, Slot};
use super::nested;
use super::{CorruptRow, RowFault, fixed};
use larder_core::bits::{Bits, Validity};

/// Why rows did not become a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// A row cannot be read.
    #[error(transparent)]
    Corrupt(#[from] CorruptRow),
    /// The column would exceed Arrow's 2 GiB of text, bytes or list items.
    #[error("one column of the answer would hold more than 2 GiB")]
    TooLarge,
}

pub(super) type Result<T, E = DecodeError> = std::result::Result<T, E>;

/// Reads rows of one schema as rows of a view, which may have other features.
#[derive(Debug)]
pub struct RowReader {
    layout: RowLayout,
    /// For each feature of the view its place in the row; `None` where the schema lacks it.
    slots: Vec<Option<Slot>>,
}

impl RowReader {
    /// Prepares to read rows that were stored with the features `stored` as rows with the features
    /// `wanted`. A feature is found by its name, and absent if its type has changed.
    pub fn new(stored: &[Field], wanted: &[Field]) -> Self {
        let layout = RowLayout::new(stored);
        let slots = wanted
            .iter()
            .map(|wanted| {
                let mut found = stored.iter().zip(layout.slots());
                found
                    .find(|(stored, _)| stored.name == wanted.name && stored.value_type == wanted.value_type)
                    .map(|(_, slot)| *slot)
            })
            .collect();
        Self { layout, slots }
    }
}

/// Stored rows on their way to columns: each with the reader for its schema, or none where nothing is
/// stored.
#[derive(Debug, Default)]
pub struct FoundRows<'a> {
    rows: Vec<Option<FoundRow<'a>>>,
    readers: Vec<Arc<RowReader>>,
    found: Bits,
}

#[derive(Clone, Copy, Debug)]
struct FoundRow<'a> {
    bytes: &'a [u8],
    reader: usize,
}

impl<'a> FoundRows<'a> {
    /// No rows yet, and room for so many.
    pub fn with_capacity(rows: usize) -> Self {
        Self { rows: Vec::with_capacity(rows), readers: Vec::new(), found: Bits::with_capacity(rows) }
    }

    /// Makes a reader known and returns its number.
    pub fn add_reader(&mut self, reader: Arc<RowReader>) -> usize {
        self.readers.push(reader);
        self.readers.len() - 1
    }

    /// Adds a row that the reader of this number reads.
    ///
    /// # Errors
    ///
    /// [`CorruptRow`] if the row is not as long as it says.
    ///
    /// # Panics
    ///
    /// If there is no such reader.
    pub fn push(&mut self, bytes: &'a [u8], reader: usize) -> Result<(), CorruptRow> {
        self.readers.get(reader).expect("the reader was added").layout.check_length(bytes)?;
        self.push_unchecked(bytes, reader);
        Ok(())
    }

    /// Adds the place of a row that is not stored.
    pub fn push_missing(&mut self) {
        self.rows.push(None);
        self.found.push(false);
    }

    pub(super) fn push_unchecked(&mut self, bytes: &'a [u8], reader: usize) {
        self.rows.push(Some(FoundRow { bytes, reader }));
        self.found.push(true);
    }

    /// Closes the rows for reading.
    pub fn finish(self) -> RowColumns<'a> {
        RowColumns { rows: self.rows, readers: self.readers, found: self.found.finish() }
    }
}

/// Rows whose features can be read, one column at a time.
#[derive(Debug)]
pub struct RowColumns<'a> {
    rows: Vec<Option<FoundRow<'a>>>,
    readers: Vec<Arc<RowReader>>,
    /// Which rows are stored, shared by all columns that every schema has.
    found: BooleanBuffer,
}

impl RowColumns<'_> {
    /// Reads one feature of all rows, in their order. `feature` is a position in the `wanted` features of
    /// the readers, `value_type` its type. Where there is no row the value is null.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] for the first row that cannot be read.
    pub fn column(&self, value_type: &ValueType, feature: usize) -> Result<OnlineColumn> {
        let place = |reader: &Arc<RowReader>| {
            let slot = reader.slots.get(feature).copied().flatten()?;
            Some(Place { slot, fixed_len: reader.layout.fixed_len() })
        };
        // Nearly always all rows have one schema.
        let (one, many);
        let places: &[Option<Place>] = if let [reader] = self.readers.as_slice() {
            one = place(reader);
            std::slice::from_ref(&one)
        } else {
            many = self.readers.iter().map(place).collect::<Vec<_>>();
            &many
        };
        let cells = Cells { rows: &self.rows, places };
        let present = if places.iter().all(Option::is_some) { self.found.clone() } else { cells.present() };
        Ok(OnlineColumn { values: decode(value_type, &cells)?, present })
    }
}

fn decode(value_type: &ValueType, cells: &Cells<'_>) -> Result<ArrayRef> {
    match Form::of(value_type) {
        Form::Flat(FlatType::Int32) => decode_primitive::<Int32Type, 4>(cells, i32::from_le_bytes),
        Form::Flat(FlatType::Int64) => decode_primitive::<Int64Type, 8>(cells, i64::from_le_bytes),
        Form::Flat(FlatType::Float32) => decode_primitive::<Float32Type, 4>(cells, f32::from_le_bytes),
        Form::Flat(FlatType::Float64) => decode_primitive::<Float64Type, 8>(cells, f64::from_le_bytes),
        Form::Flat(FlatType::TimestampMicros) => {
            decode_primitive::<TimestampMicrosecondType, 8>(cells, i64::from_le_bytes)
        }
        Form::Flat(FlatType::Boolean) => decode_booleans(cells),
        Form::Flat(FlatType::Utf8) => decode_bytes::<Utf8Type>(cells, text),
        Form::Flat(FlatType::Binary) => decode_bytes::<BinaryType>(cells, raw),
        Form::List(item) => match item {
            FlatType::Int32 => decode_lists(cells, PrimitiveItems::<Int32Type, 4>::new(i32::from_le_bytes)),
            FlatType::Int64 => decode_lists(cells, PrimitiveItems::<Int64Type, 8>::new(i64::from_le_bytes)),
            FlatType::Float32 => {
                decode_lists(cells, PrimitiveItems::<Float32Type, 4>::new(f32::from_le_bytes))
            }
            FlatType::Float64 => {
                decode_lists(cells, PrimitiveItems::<Float64Type, 8>::new(f64::from_le_bytes))
            }
            FlatType::TimestampMicros => {
                decode_lists(cells, PrimitiveItems::<TimestampMicrosecondType, 8>::new(i64::from_le_bytes))
            }
            FlatType::Boolean => decode_lists(cells, BooleanItems::new()),
            FlatType::Utf8 => decode_lists(cells, ByteItems::<Utf8Type, _>::new(text)),
            FlatType::Binary => decode_lists(cells, ByteItems::<BinaryType, _>::new(raw)),
        },
        Form::Nested => {
            let mut values = Vec::with_capacity(cells.len());
            cells.try_each(|cell| {
                values.push(cell.map(Cell::data).transpose()?);
                Ok(())
            })?;
            nested::decode(value_type, &values)
        }
    }
}

/// The place of a feature in the rows of one schema.
#[derive(Clone, Copy)]
struct Place {
    slot: Slot,
    fixed_len: usize,
}

/// One feature of many rows.
struct Cells<'a> {
    rows: &'a [Option<FoundRow<'a>>],
    places: &'a [Option<Place>],
}

/// A value that is not null.
#[derive(Clone, Copy)]
struct Cell<'a> {
    row: &'a [u8],
    place: Place,
}

impl<'a> Cells<'a> {
    fn len(&self) -> usize {
        self.rows.len()
    }

    /// Calls `each` for every row, with `None` where the feature is null or absent.
    fn try_each(&self, mut each: impl FnMut(Option<Cell<'a>>) -> Result<()>) -> Result<()> {
        self.rows.iter().try_for_each(|row| {
            each(row.and_then(|row| {
                let place = (*self.places.get(row.reader)?)?;
                let presence = row.bytes.get(place.slot.presence_at)?;
                (presence & place.slot.presence_bit != 0).then_some(Cell { row: row.bytes, place })
            }))
        })
    }

    /// Which rows hold the feature.
    fn present(&self) -> BooleanBuffer {
        let mut present = Bits::with_capacity(self.len());
        for row in self.rows {
            let place = row.and_then(|row| self.places.get(row.reader));
            present.push(place.is_some_and(Option::is_some));
        }
        present.finish()
    }
}

impl<'a> Cell<'a> {
    #[inline]
    fn fixed<const N: usize>(self) -> Result<[u8; N]> {
        Ok(fixed(self.row, self.place.slot.offset)?)
    }

    /// The data behind the slots, and where in the row it begins.
    #[inline]
    fn data(self) -> Result<Data<'a>> {
        let slot = self.place.slot;
        let end = u32::from_le_bytes(self.fixed()?) as usize;
        let start = match slot.previous_variable {
            None => 0,
            Some(previous) => u32::from_le_bytes(fixed(self.row, previous)?) as usize,
        };
        let offset = self.place.fixed_len + start;
        let bytes = self.row.get(offset..self.place.fixed_len + end);
        Ok(Data { bytes: bytes.ok_or(RowFault::Bounds.at(slot.offset))?, offset })
    }
}

/// Part of a row that knows where it lies, for errors.
#[derive(Clone, Copy)]
pub(super) struct Data<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) offset: usize,
}

impl Data<'_> {
    /// The first `length` bytes, and the rest.
    pub(super) fn split(self, length: usize) -> Result<(Self, Self)> {
        let (head, tail) = self.bytes.split_at_checked(length).ok_or(RowFault::Bounds.at(self.offset))?;
        Ok((Self { bytes: head, ..self }, Self { bytes: tail, offset: self.offset + length }))
    }

    pub(super) fn part(self, start: usize, end: usize) -> Result<Self> {
        let bytes = self.bytes.get(start..end).ok_or(RowFault::Bounds.at(self.offset))?;
        Ok(Self { bytes, offset: self.offset + start })
    }
}

pub(super) fn text(data: Data<'_>) -> Result<&str> {
    std::str::from_utf8(data.bytes)
        .map_err(|error| RowFault::Utf8.at(data.offset + error.valid_up_to()).into())
}

#[expect(clippy::unnecessary_wraps, reason = "stands where `text` can fail")]
fn raw(data: Data<'_>) -> Result<&[u8]> {
    Ok(data.bytes)
}

pub(super) fn boolean(byte: u8, offset: usize) -> Result<bool> {
    match byte {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(RowFault::Boolean(other).at(offset).into()),
    }
}

fn decode_primitive<T: ArrowPrimitiveType, const N: usize>(
    cells: &Cells<'_>,
    from_bytes: impl Fn([u8; N]) -> T::Native,
) -> Result<ArrayRef> {
    let mut values = Vec::with_capacity(cells.len());
    let mut nulls = Validity::default();
    cells.try_each(|cell| {
        if let Some(cell) = cell {
            values.push(from_bytes(cell.fixed()?));
        } else {
            values.push(T::default_value());
        }
        nulls.push(cell.is_some());
        Ok(())
    })?;
    Ok(in_utc(PrimitiveArray::<T>::new(ScalarBuffer::from(values), nulls.finish())))
}

/// Gives timestamps the one timestamp type inside larder, and leaves other arrays as they are.
pub(super) fn in_utc<T: ArrowPrimitiveType>(values: PrimitiveArray<T>) -> ArrayRef {
    match T::DATA_TYPE {
        DataType::Timestamp(_, _) => Arc::new(values.with_data_type(timestamp_data_type())),
        _ => Arc::new(values),
    }
}

fn decode_booleans(cells: &Cells<'_>) -> Result<ArrayRef> {
    let mut values = Bits::with_capacity(cells.len());
    let mut nulls = Validity::default();
    cells.try_each(|cell| {
        values.push(match cell {
            Some(cell) => {
                let [byte] = cell.fixed()?;
                boolean(byte, cell.place.slot.offset)?
            }
            None => false,
        });
        nulls.push(cell.is_some());
        Ok(())
    })?;
    Ok(Arc::new(BooleanArray::new(values.finish(), nulls.finish())))
}

fn decode_bytes<T: ByteArrayType<Offset = i32>>(
    cells: &Cells<'_>,
    read: impl Fn(Data<'_>) -> Result<&T::Native>,
) -> Result<ArrayRef> {
    let mut values = BoundedBytes::<T>::with_capacity(cells.len());
    cells.try_each(|cell| {
        if let Some(cell) = cell {
            return values.append(read(cell.data()?)?);
        }
        values.builder.append_null();
        Ok(())
    })?;
    Ok(Arc::new(values.builder.finish()))
}

/// A builder that refuses what its offsets could not say, where Arrow's would panic.
pub(super) struct BoundedBytes<T: ByteArrayType<Offset = i32>> {
    pub(super) builder: GenericByteBuilder<T>,
    length: usize,
}

impl<T: ByteArrayType<Offset = i32>> BoundedBytes<T> {
    pub(super) fn with_capacity(values: usize) -> Self {
        Self { builder: GenericByteBuilder::with_capacity(values, 16 * values), length: 0 }
    }

    pub(super) fn append(&mut self, value: &T::Native) -> Result<()> {
        let bytes: &[u8] = value.as_ref();
        self.length += bytes.len();
        if i32::try_from(self.length).is_err() {
            return Err(DecodeError::TooLarge);
        }
        self.builder.append_value(value);
        Ok(())
    }
}

fn decode_lists(cells: &Cells<'_>, mut items: impl ItemBuilder) -> Result<ArrayRef> {
    let mut ends = Vec::with_capacity(cells.len() + 1);
    ends.push(0);
    let mut nulls = Validity::default();
    cells.try_each(|cell| {
        if let Some(cell) = cell {
            items.append(List::read(cell.data()?)?)?;
        }
        nulls.push(cell.is_some());
        ends.push(i32::try_from(items.len()).map_err(|_| DecodeError::TooLarge)?);
        Ok(())
    })?;
    let items = items.finish();
    let item = Arc::new(ArrowField::new("item", items.data_type().clone(), true));
    Ok(Arc::new(ListArray::new(item, OffsetBuffer::new(ends.into()), items, nulls.finish())))
}
