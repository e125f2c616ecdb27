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
//! | `Array(T)`, `Set(T)` of scalars | message: field 1 repeated, numbers packed | null items: written as Feast does, 0, false, no text; null times are `i64::MIN` |
//!
//! Bytes become Arrow columns and columns bytes without a value between them. What is stored with
//! another type than the feature's is absent, not wrong: the type may have changed. Reading trusts
//! nothing: bytes that are no `Value` are a [`ValueFault`].

#![allow(clippy::trivially_copy_pass_by_ref, clippy::clone_on_copy, reason = "value types are about to nest")]

mod decode;
mod encode;
mod python_text;
#[cfg(test)]
mod tests;
mod wire;

use larder_core::ValueType;

pub(crate) use decode::ValueDecoder;
pub(crate) use encode::ValueEncoder;

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
    /// A part of a list or struct has another type than declared.
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
    u32::try_from(value_type.number()).expect("Feast's type numbers are positive")
}
