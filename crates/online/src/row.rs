//! The bytes of a stored row: one value per entity and view.
//!
//! ```text
//! all integers little-endian
//!
//! byte 0      format, 1
//!      1      flags: bit 0, there is a created timestamp; the others are 0
//!      2..10  schema id: which features the row has, see below
//!     10..18  event timestamp, i64, microseconds since the epoch
//!     18..26  created timestamp, i64; 0 where there is none
//!     26..    presence bitmap, one bit per feature, ⌈n / 8⌉ bytes: bit i is set iff feature i is not null
//!     ...     one slot per feature, in order; zeros where the feature is null
//!     ...     variable-width data, to the end of the row
//!
//! slot of      width   holds
//! Bool           1     0 or 1
//! Int32          4     the value          (Float32 likewise)
//! Int64          8     the value          (Float64, UnixTimestamp in microseconds likewise)
//! all others     4     u32: where its data ends, counted from the start of the variable-width data;
//!                      it starts where the one before it ends
//!
//! data of a String: UTF-8. Of Bytes: the bytes. Of Array(T), with k items:
//!   u32 k │ ⌈k / 8⌉ bytes: which items are not null │ k items of the slot's width
//!   and where T has no fixed width: k × u32 ends │ the data of all items
//! of Set(T): as of Array(T). Of Struct({…}) with n fields, as of a row behind its header:
//!   ⌈n / 8⌉ bytes: which fields are not null │ one slot per field │ the data of fields without fixed width
//! A type that is text or bytes of a certain form is written as String or Bytes, ZonedTimestamp as
//! Struct({unix_timestamp: UnixTimestamp, zone: String}).
//!
//! (trips: Int64 = 7, city: String = "Ulm"), event time 1 s, no created timestamp
//! 01 00 ssssssssssssssss 40420f0000000000 0000000000000000  03  0700000000000000 03000000  556c6d
//! ```
//!
//! Every place is known from the schema alone, so one feature is read without looking at the others,
//! and a column is read by one loop without a branch on its type. A row names its schema by the first
//! 8 bytes of a SHA-256 over the names and types; the store keeps the schemas, and a row written before
//! a feature was added, removed or retyped stays readable.
//!
//! Reading trusts nothing: bytes that cannot be a row of their schema are a [`CorruptRow`] with the
//! offset where they stop making sense.

mod decode;
mod encode;
mod layout;
mod nested;
#[cfg(test)]
mod tests;

use larder_core::{RowVersion, Timestamp};

pub use decode::{DecodeError, FoundRows, RowColumns, RowReader};
pub use encode::{EncodeError, RowBuffer, RowEncoder};
pub use layout::RowLayout;

use crate::schema::SchemaId;

const FORMAT: u8 = 1;
const HAS_CREATED: u8 = 1;
const SCHEMA_AT: usize = 2;
const EVENT_AT: usize = 10;
const CREATED_AT: usize = 18;
const HEADER_LEN: usize = 26;

/// A stored row that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault} at byte {offset}")]
pub struct CorruptRow {
    /// Where in the row the bytes stop making sense.
    pub offset: usize,
    /// What is wrong there.
    pub fault: RowFault,
}

/// What is wrong with a [`CorruptRow`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RowFault {
    /// The row ends before its header does, or has another length than its slots say.
    #[error("the row is cut short or too long")]
    Length,
    /// The row was written in a format this version of larder does not know.
    #[error("the row has format {0}, which this larder does not read")]
    Format(u8),
    /// Flags are set that have no meaning.
    #[error("the row has unknown flags {0:#04x}")]
    Flags(u8),
    /// The store does not know the row's schema.
    #[error("the row names schema {0}, which the store does not hold")]
    Schema(SchemaId),
    /// A boolean is neither 0 nor 1.
    #[error("a boolean holds {0}")]
    Boolean(u8),
    /// The data of a feature or item ends before it begins, or outside the row.
    #[error("a value ends outside its bounds")]
    Bounds,
    /// A text is not UTF-8.
    #[error("a text is not UTF-8")]
    Utf8,
}

impl RowFault {
    fn at(self, offset: usize) -> CorruptRow {
        CorruptRow { offset, fault: self }
    }

    /// The fault of a row whose schema is unknown.
    pub(crate) fn unknown_schema(schema: SchemaId) -> CorruptRow {
        Self::Schema(schema).at(SCHEMA_AT)
    }
}

/// The fixed start of a row: which schema it has and how new it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowHeader {
    /// The schema.
    pub schema: SchemaId,
    /// The version.
    pub version: RowVersion,
}

impl RowHeader {
    /// Reads the header of a row.
    ///
    /// # Errors
    ///
    /// [`CorruptRow`] if the bytes do not begin with one.
    pub fn read(row: &[u8]) -> Result<Self, CorruptRow> {
        let header = row.first_chunk::<HEADER_LEN>().ok_or(RowFault::Length.at(row.len()))?;
        let [format, flags, ..] = *header;
        if format != FORMAT {
            return Err(RowFault::Format(format).at(0));
        }
        if flags & !HAS_CREATED != 0 {
            return Err(RowFault::Flags(flags).at(1));
        }
        let created = Timestamp::from_micros(i64::from_le_bytes(fixed(header, CREATED_AT)?));
        Ok(Self {
            schema: SchemaId::from_bytes(fixed(header, SCHEMA_AT)?),
            version: RowVersion {
                event_timestamp: Timestamp::from_micros(i64::from_le_bytes(fixed(header, EVENT_AT)?)),
                created_timestamp: (flags & HAS_CREATED != 0).then_some(created),
            },
        })
    }

    fn write(self, row: &mut [u8]) {
        let created = self.version.created_timestamp;
        put(row, 0, &[FORMAT, if created.is_some() { HAS_CREATED } else { 0 }]);
        put(row, SCHEMA_AT, &self.schema.to_bytes());
        put(row, EVENT_AT, &self.version.event_timestamp.micros().to_le_bytes());
        put(row, CREATED_AT, &created.map_or(0, Timestamp::micros).to_le_bytes());
    }
}

/// The `N` bytes at `offset`.
#[inline]
fn fixed<const N: usize>(bytes: &[u8], offset: usize) -> Result<[u8; N], CorruptRow> {
    bytes
        .get(offset..)
        .and_then(|rest| rest.first_chunk::<N>())
        .copied()
        .ok_or(RowFault::Length.at(bytes.len().min(offset)))
}

/// Writes `value` at `offset` of bytes that were sized for it.
#[inline]
fn put(bytes: &mut [u8], offset: usize, value: &[u8]) {
    bytes
        .get_mut(offset..offset + value.len())
        .expect("the buffer was sized from the same layout")
        .copy_from_slice(value);
}
