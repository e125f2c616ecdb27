//! `feast.types.Value`: one value as Feast's online stores keep it, protobuf bytes that say their type.
//!
//! A `Value` is one field whose number is that of the type
//! ([`ValueType::number`](larder_core::ValueType::number)); no field, hence no byte, is null.
//!
//! ```text
//! Int64 7            20 07                              field 4, varint
//! String "Ulm"       12 03 556c6d                       field 2, bytes
//! Float32 1.5        35 0000c03f                        field 6, fixed
//! Array(Int64) [7]   72 03 │ 0a 01 07                   field 14, message: packed field 1
//! null                                                  no bytes
//! ```
//!
//! | larder | field holds | what it cannot say |
//! |---|---|---|
//! | scalars | the value | |
//! | `UnixTimestamp` | whole seconds; `i64::MIN` is null | less than a second: cut |
//! | `PdfBytes`, `ImageBytes` | field 1, as bytes | |
//! | `Map` | message: field 1 repeated, each a name and a `Value` of the type that JSON says | the order of names |
//! | `ScalarMap` | the same with a key of its own type | |
//! | `ZonedTimestamp` | message: whole seconds and the zone | less than a second: cut |
//! | `Struct({…})` | as a map of its fields | |
//! | `Array(T)`, `Set(T)` of scalars | message: field 1 repeated, numbers packed | null items of lists: written as Feast does, 0, false, no text; null times are `i64::MIN`; null members of sets: left out |
//! | `Array(Map)`, `Array(Struct({…}))` | message: field 1 repeated, each such a map | null items: empty maps, structs of nulls |
//! | `Array(T)`, `Set(T)` of lists and sets | message: field 1 repeated, each a `Value`; sets inside are lists | |
//!
//! Bytes become Arrow columns and columns bytes without a value between them, but for maps, which are JSON
//! in Arrow. What is stored with another type than the feature's is absent, not wrong: the type may have
//! changed. Inside lists and structs, where Feast stores what Python took a value for, whole numbers are read
//! as floats, and numbers of other widths where they fit. Reading trusts nothing: bytes that are no `Value`
//! are a [`ValueFault`].

mod decode;
mod encode;
mod python_text;
#[cfg(test)]
mod tests;
mod wire;

use larder_core::{ScalarType, ValueType};

pub use decode::{SelfTyped, ValueDecoder, decode_self_typed};
pub use encode::ValueEncoder;

/// Why a column cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnfitColumn {
    /// It has not the Arrow type of its feature.
    #[error("it has another type")]
    Type,
    /// A text is not what its type says.
    #[error("the text in row {row} is no {}", value_type.name())]
    Text {
        /// The row of the column; of a list's items, if it is one.
        row: usize,
        /// The type.
        value_type: ScalarType,
    },
}

/// Feast's "not a time", in seconds.
const NOT_A_TIME: i64 = i64::MIN;

/// Why bytes are not the value of a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueFault {
    /// The bytes are not protobuf.
    #[error("the bytes are no protobuf message from byte {offset} on")]
    NotProtobuf {
        /// Where they stop being so.
        offset: usize,
    },
    /// A field has another wire type than its number says.
    #[error("a field is encoded in a way that its number does not have")]
    WireType,
    /// Packed numbers end in the midst of one.
    #[error("packed numbers end inside a number")]
    Packed,
    /// A text is not UTF-8.
    #[error("a text is not UTF-8")]
    Utf8,
    /// A time that microseconds cannot say.
    #[error("a time of {seconds} seconds since 1970 is out of range")]
    TimeOutOfRange {
        /// The seconds.
        seconds: i64,
    },
    /// Maps and lists are nested in one another deeper than Feast itself can.
    #[error("values are nested too deep")]
    Depth,
    /// A part of a list or struct has another type than declared. Such a value counts as one of another
    /// type, so this reaches nobody.
    #[error("a part of the value is of Feast's type {found}, which does not fit the declared one")]
    PartType {
        /// The number of its type.
        found: u32,
    },
    /// The column would hold more than Arrow's offsets can say.
    #[error("one column of the answer would hold more than 2 GiB")]
    TooLarge,
}

/// The number of the field that holds values of a type.
fn field_number(value_type: &ValueType) -> u32 {
    match value_type {
        // Feast's protobuf has types for them and no fields.
        ValueType::Scalar(ScalarType::PdfBytes | ScalarType::ImageBytes) => 1,
        other => u32::try_from(other.number()).expect("Feast's type numbers are positive"),
    }
}

/// What stands in the items of a list or set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ItemForm {
    /// Numbers of the type with this number, packed or not.
    Number(u32),
    /// Text, bytes or messages of the type with this number.
    Bytes(u32),
    /// Whole `Value`s.
    Value,
}

impl ItemForm {
    /// The items of a list or set with this number; `None` if it is neither.
    fn of_list(number: u32) -> Option<Self> {
        let item = match number {
            11..=18 => number - 10,
            22..=29 => number - 21,
            21 | 35 => 20,
            33 => 32,
            38 | 40 => 36,
            39 | 41 => 37,
            45 | 46 => 44,
            42 | 43 => return Some(Self::Value),
            _ => return None,
        };
        Some(if (3..=8).contains(&item) { Self::Number(item) } else { Self::Bytes(item) })
    }
}
