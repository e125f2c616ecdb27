//! The values of a column as they are counted: numbers, words, or only null and not null.

use arrow::array::{Array, ArrayRef, AsArray as _, Float64Array, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use larder_core::{Error, ErrorKind, Result};

/// What the values of a column can be compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColumnKind {
    /// Their size.
    Number,
    /// Which word they are. Booleans are the words `true` and `false`.
    Word,
    /// Whether they are there.
    Other,
}

impl ColumnKind {
    const ALL: [Self; 3] = [Self::Number, Self::Word, Self::Other];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Word => "word",
            Self::Other => "other",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    fn of(data_type: &DataType) -> Self {
        match data_type {
            number if number.is_numeric() => Self::Number,
            DataType::Boolean | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::Word,
            DataType::Dictionary(_, values) => Self::of(values),
            _ => Self::Other,
        }
    }
}

/// The values of a column of one batch, ready to be counted.
#[derive(Debug)]
pub(crate) enum Values {
    Numbers(Float64Array),
    Words(StringArray),
    Others(ArrayRef),
}

/// One value. A float that is not a number counts as null.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Null,
    Number(f64),
    Word(&'a str),
    Other,
}

impl Values {
    pub(crate) fn of(column: &ArrayRef) -> Result<Self> {
        let to =
            |data_type| cast(column, &data_type).map_err(|source| Error::new(ErrorKind::Internal, source));
        Ok(match ColumnKind::of(column.data_type()) {
            ColumnKind::Number => Self::Numbers(to(DataType::Float64)?.as_primitive::<Float64Type>().clone()),
            ColumnKind::Word => Self::Words(to(DataType::Utf8)?.as_string::<i32>().clone()),
            ColumnKind::Other => Self::Others(ArrayRef::clone(column)),
        })
    }

    pub(crate) fn kind(&self) -> ColumnKind {
        match self {
            Self::Numbers(_) => ColumnKind::Number,
            Self::Words(_) => ColumnKind::Word,
            Self::Others(_) => ColumnKind::Other,
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.len(),
            Self::Words(words) => words.len(),
            Self::Others(others) => others.len(),
        }
    }

    /// The value of a row, which must be there.
    pub(crate) fn get(&self, row: usize) -> Value<'_> {
        match self {
            Self::Numbers(numbers) if numbers.is_valid(row) && !numbers.value(row).is_nan() => {
                Value::Number(numbers.value(row))
            }
            Self::Words(words) if words.is_valid(row) => Value::Word(words.value(row)),
            Self::Others(others) if others.is_valid(row) => Value::Other,
            _ => Value::Null,
        }
    }
}
