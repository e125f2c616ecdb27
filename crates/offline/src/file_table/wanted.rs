//! Which columns of a table are to be read, and as what.

use arrow::array::{ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use larder_core::{Field, FlatType, Layout, RequestError, ValueType, column};
use serde_json::Value;

/// A column to be read.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// The name after the field mapping.
    pub(crate) name: String,
    /// The type to give it.
    pub(crate) read_as: ReadAs,
}

/// The type that a column is given on reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ReadAs {
    /// Of a declared type.
    Declared(ValueType),
    /// A time, of microseconds in UTC.
    Time,
    /// As it is; in text files, of the type that holds all values.
    Found,
}

impl Wanted {
    /// A column of a declared type.
    pub(crate) fn field(field: &Field) -> Self {
        Self { name: field.name.clone(), read_as: ReadAs::Declared(field.value_type.clone()) }
    }

    /// A column of times.
    pub(crate) fn time(name: &str) -> Self {
        Self { name: name.to_owned(), read_as: ReadAs::Time }
    }

    /// A column as it is.
    pub(crate) fn found(name: &str) -> Self {
        Self { name: name.to_owned(), read_as: ReadAs::Found }
    }
}

impl ReadAs {
    /// Casts a column that already has a type.
    pub(crate) fn apply(&self, name: &str, array: &ArrayRef) -> Result<ArrayRef, RequestError> {
        match self {
            Self::Declared(value_type) => column::cast_column(name, array, value_type),
            Self::Time => {
                column::to_timestamps(name, array).map(|times| std::sync::Arc::new(times) as ArrayRef)
            }
            Self::Found => Ok(ArrayRef::clone(array)),
        }
    }

    /// Whether a column of a text file must reach [`apply_to_text`](Self::apply_to_text) as text,
    /// given the type that holds all its values.
    pub(crate) fn needs_text(&self, found: &DataType) -> bool {
        match self {
            Self::Declared(value_type) if !is_read_as_found(value_type) => true,
            Self::Declared(_) | Self::Time | Self::Found => {
                matches!(found, DataType::Utf8 | DataType::Date32 | DataType::Timestamp(_, _))
            }
        }
    }

    /// Casts a column of text, in which lists, maps and structs are JSON and bytes are base64.
    pub(crate) fn apply_to_text(
        &self,
        name: &str,
        text: &ArrayRef,
        found: &DataType,
    ) -> Result<ArrayRef, RequestError> {
        match self {
            Self::Declared(value_type) if value_type.layout() == Layout::Flat(FlatType::Binary) => {
                let base64: Vec<Value> = text.as_string::<i32>().iter().map(Value::from).collect();
                column::column_from_json(name, value_type, &base64)
            }
            Self::Found => match found {
                DataType::Timestamp(_, _) => Self::Time.apply(name, text),
                DataType::Date32 => cast(text, found).map_err(|_| RequestError::InvalidColumn {
                    column: name.to_owned(),
                    found: "text".to_owned(),
                    expected: "dates".to_owned(),
                }),
                _ => Ok(ArrayRef::clone(text)),
            },
            _ => self.apply(name, text),
        }
    }
}

/// Whether the parser of numbers and truth values reads a column as well as its text would be read.
fn is_read_as_found(value_type: &ValueType) -> bool {
    matches!(
        value_type.layout(),
        Layout::Flat(
            FlatType::Boolean
                | FlatType::Int32
                | FlatType::Int64
                | FlatType::Float32
                | FlatType::Float64
                | FlatType::TimestampMicros
        )
    )
}
