//! The columns of a call on their way into arrays.

use std::vec::IntoIter;

use crate::Array;
use crate::bindings::larder::udf::arrow::{Batch, Column, Values};
use crate::bitmap::{Bitmap, Validity};

/// The columns of an input that no argument has taken yet.
#[derive(Debug)]
pub struct Columns {
    columns: IntoIter<Column>,
    rows: usize,
}

/// The host passed something else than the signature says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnError {
    /// There are fewer columns than arguments.
    Missing,
    /// A column is of another type.
    Type,
    /// A buffer is too short, or offsets point outside their data.
    Length,
    /// Text is not UTF-8.
    Utf8,
}

impl std::fmt::Display for ColumnError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Missing => "is missing",
            Self::Type => "is of another type than declared",
            Self::Length => "has buffers of the wrong length",
            Self::Utf8 => "holds text that is not utf-8",
        })
    }
}

impl Columns {
    /// The columns of a call.
    pub fn new(input: Batch) -> Self {
        Self {
            rows: usize::try_from(input.row_count).unwrap_or(usize::MAX),
            columns: input.columns.into_iter(),
        }
    }

    /// The argument `name`, from the next column.
    ///
    /// # Errors
    ///
    /// A message that names the argument, if the column does not fit.
    pub fn argument<A: Array>(&mut self, name: &str) -> Result<A, String> {
        A::take(self, self.rows).map_err(|error| format!("input `{name}` {error}"))
    }

    /// The rows of the call.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The next column.
    pub(crate) fn next(&mut self, len: usize) -> Result<(Values, Validity), ColumnError> {
        let Column { validity, values } = self.columns.next().ok_or(ColumnError::Missing)?;
        let bitmap = validity.map(|bytes| Bitmap::from_bytes(bytes, len).ok_or(ColumnError::Length));
        Ok((values, Validity::from_bitmap(bitmap.transpose()?)))
    }
}

/// Checks that `offsets` are those of `len` values, and returns the last.
pub(crate) fn check_offsets(offsets: &[i32], len: usize) -> Result<usize, ColumnError> {
    let rising = offsets.iter().zip(offsets.iter().skip(1)).all(|(before, after)| before <= after);
    match (offsets.first(), offsets.last()) {
        (Some(0), Some(last)) if rising && offsets.len() == len + 1 => {
            usize::try_from(*last).map_err(|_| ColumnError::Length)
        }
        _ => Err(ColumnError::Length),
    }
}
