//! The rules of `wit/larder-udf.wit` that types cannot express, as the errors of breaking them.

use larder_core::ValueType;

/// A rule of the contract that an output breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BrokenContract {
    /// Rows were added or lost.
    #[error("returned {actual} rows for {expected} rows of input")]
    RowCount {
        /// Rows that came back.
        actual: u32,
        /// Rows of the input.
        expected: usize,
    },
    /// Too few or too many columns, counting the levels of nested ones.
    #[error("returned {actual} columns instead of {expected} (parts of nested ones are columns too)")]
    ColumnCount {
        /// Columns that came back.
        actual: usize,
        /// Columns of the signature.
        expected: usize,
    },
    /// A column of another layout.
    #[error("output `{column}` came back as {actual} instead of {expected}")]
    ColumnType {
        /// The output column.
        column: String,
        /// The layout that came back.
        actual: &'static str,
        /// The layout of the signature.
        expected: &'static str,
    },
    /// A column that is too short or too long.
    #[error("output `{column}` has {actual} values instead of {expected}")]
    Length {
        /// The output column.
        column: String,
        /// Values that came back.
        actual: usize,
        /// Values that the row count, or the offsets of the list, ask for.
        expected: usize,
    },
    /// A bitmap that is too short or too long.
    #[error("the {bitmap} bitmap of output `{column}` has {actual} bytes instead of {expected}")]
    BitmapLength {
        /// The output column.
        column: String,
        /// Which bitmap: `validity` or `value`.
        bitmap: &'static str,
        /// Bytes that came back.
        actual: usize,
        /// Bytes for the values.
        expected: usize,
    },
    /// Offsets that do not start at 0, fall, or end elsewhere than the data.
    #[error("the offsets of output `{column}` {problem}")]
    Offsets {
        /// The output column.
        column: String,
        /// What is wrong with them.
        problem: OffsetsProblem,
    },
    /// Text that is not UTF-8.
    #[error("output `{column}` holds text that is not utf-8")]
    NotUtf8 {
        /// The output column.
        column: String,
    },
    /// A value that its type does not have: a text that is not JSON, say.
    #[error("output `{column}` holds {value} in row {row}, which is not a valid {expected}")]
    Value {
        /// The output column.
        column: String,
        /// The row of the call, from 0.
        row: usize,
        /// The value, cut when long.
        value: String,
        /// Its type.
        expected: ValueType,
    },
    /// More bytes than the limit.
    #[error("returned {actual_bytes} bytes, more than the limit of {limit_bytes}")]
    TooLarge {
        /// The bytes of all buffers.
        actual_bytes: usize,
        /// The limit.
        limit_bytes: usize,
    },
}

/// What is wrong with offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OffsetsProblem {
    /// The first is not 0.
    #[error("start at {first} instead of 0")]
    Start {
        /// The first offset.
        first: i32,
    },
    /// One is smaller than the one before.
    #[error("fall from {before} to {after} at row {row}")]
    Falling {
        /// The row, from 0, that would have a negative length.
        row: usize,
        /// Its start.
        before: i32,
        /// Its end.
        after: i32,
    },
    /// The last is not the length of the data.
    #[error("end at {last}, but there are {available} bytes or values")]
    End {
        /// The last offset.
        last: i32,
        /// The length of what they point into.
        available: usize,
    },
}
