//! Feast's value types and the Arrow types that carry them.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field as ArrowField, TimeUnit};

/// A type that holds one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ScalarType {
    /// Any bytes. Arrow `Binary`.
    Bytes,
    /// UTF-8 text. Arrow `Utf8`.
    String,
    /// Arrow `Int32`.
    Int32,
    /// Arrow `Int64`.
    Int64,
    /// Arrow `Float64`.
    Float64,
    /// Arrow `Float32`.
    Float32,
    /// Arrow `Boolean`.
    Bool,
    /// A point in time. Arrow `Timestamp(Microsecond, "UTC")` inside larder, whole seconds since the
    /// epoch on Feast's wire.
    UnixTimestamp,
}

/// The type of a feature, a join key or a request field, in Feast's words.
///
/// Every type is nullable. The name is the one Feast uses in Python (`Int64`, `Array(Float32)`), the
/// number is the one in its protobuf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ValueType {
    /// One value.
    Scalar(ScalarType),
    /// A list of values. Arrow `List` with a nullable item called `item`.
    Array(ScalarType),
}

impl ScalarType {
    /// All scalar types, in the order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::Bytes,
        Self::String,
        Self::Int32,
        Self::Int64,
        Self::Float64,
        Self::Float32,
        Self::Bool,
        Self::UnixTimestamp,
    ];

    /// The name in Feast's Python API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bytes => "Bytes",
            Self::String => "String",
            Self::Int32 => "Int32",
            Self::Int64 => "Int64",
            Self::Float64 => "Float64",
            Self::Float32 => "Float32",
            Self::Bool => "Bool",
            Self::UnixTimestamp => "UnixTimestamp",
        }
    }

    /// The name in `feast.types.ValueType.Enum`.
    pub fn proto_name(self) -> &'static str {
        match self {
            Self::Bytes => "BYTES",
            Self::String => "STRING",
            Self::Int32 => "INT32",
            Self::Int64 => "INT64",
            Self::Float64 => "DOUBLE",
            Self::Float32 => "FLOAT",
            Self::Bool => "BOOL",
            Self::UnixTimestamp => "UNIX_TIMESTAMP",
        }
    }

    /// The number in `feast.types.ValueType.Enum`.
    pub fn number(self) -> i32 {
        match self {
            Self::Bytes => 1,
            Self::String => 2,
            Self::Int32 => 3,
            Self::Int64 => 4,
            Self::Float64 => 5,
            Self::Float32 => 6,
            Self::Bool => 7,
            Self::UnixTimestamp => 8,
        }
    }

    /// The Arrow type that carries it.
    pub fn data_type(self) -> DataType {
        match self {
            Self::Bytes => DataType::Binary,
            Self::String => DataType::Utf8,
            Self::Int32 => DataType::Int32,
            Self::Int64 => DataType::Int64,
            Self::Float64 => DataType::Float64,
            Self::Float32 => DataType::Float32,
            Self::Bool => DataType::Boolean,
            Self::UnixTimestamp => timestamp_data_type(),
        }
    }
}

impl ValueType {
    /// `Bytes`
    pub const BYTES: Self = Self::Scalar(ScalarType::Bytes);
    /// `String`
    pub const STRING: Self = Self::Scalar(ScalarType::String);
    /// `Int32`
    pub const INT32: Self = Self::Scalar(ScalarType::Int32);
    /// `Int64`
    pub const INT64: Self = Self::Scalar(ScalarType::Int64);
    /// `Float64`
    pub const FLOAT64: Self = Self::Scalar(ScalarType::Float64);
    /// `Float32`
    pub const FLOAT32: Self = Self::Scalar(ScalarType::Float32);
    /// `Bool`
    pub const BOOL: Self = Self::Scalar(ScalarType::Bool);
    /// `UnixTimestamp`
    pub const UNIX_TIMESTAMP: Self = Self::Scalar(ScalarType::UnixTimestamp);

    /// All types, scalars first, in the order of their numbers.
    pub fn all() -> impl Iterator<Item = Self> {
        let scalars = ScalarType::ALL.into_iter().map(Self::Scalar);
        scalars.chain(ScalarType::ALL.into_iter().map(Self::Array))
    }

    /// The number in `feast.types.ValueType.Enum`.
    pub fn number(self) -> i32 {
        match self {
            Self::Scalar(scalar) => scalar.number(),
            Self::Array(item) => item.number() + 10,
        }
    }

    /// The type of a number in `feast.types.ValueType.Enum`; `None` where larder has no such type.
    pub fn from_number(number: i32) -> Option<Self> {
        Self::all().find(|value_type| value_type.number() == number)
    }

    /// The name in `feast.types.ValueType.Enum`: `INT64`, `FLOAT_LIST`.
    pub fn proto_name(self) -> String {
        match self {
            Self::Scalar(scalar) => scalar.proto_name().to_owned(),
            Self::Array(item) => format!("{}_LIST", item.proto_name()),
        }
    }

    /// The Arrow type that carries it everywhere inside larder.
    pub fn data_type(self) -> DataType {
        match self {
            Self::Scalar(scalar) => scalar.data_type(),
            Self::Array(item) => DataType::List(Arc::new(ArrowField::new("item", item.data_type(), true))),
        }
    }

    /// The type Feast infers for a column of a file. Text of any width is `String`, whole numbers
    /// that fit are `Int32` or `Int64`, timestamps and dates of any unit are `UnixTimestamp`; `None`
    /// where no type fits.
    pub fn infer(data_type: &DataType) -> Option<Self> {
        Some(match data_type {
            DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
                match Self::infer(item.data_type())? {
                    Self::Scalar(item) => Self::Array(item),
                    Self::Array(_) => return None,
                }
            }
            DataType::Dictionary(_, values) => Self::infer(values)?,
            DataType::Boolean => Self::BOOL,
            DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt8 | DataType::UInt16 => {
                Self::INT32
            }
            DataType::Int64 | DataType::UInt32 | DataType::UInt64 => Self::INT64,
            DataType::Float16 | DataType::Float32 => Self::FLOAT32,
            DataType::Float64 => Self::FLOAT64,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::STRING,
            DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::FixedSizeBinary(_) => Self::BYTES,
            DataType::Timestamp(_, _) | DataType::Date32 | DataType::Date64 => Self::UNIX_TIMESTAMP,
            _ => return None,
        })
    }

    /// Whether an entity key can hold it: Feast's key bytes know bytes, strings, whole numbers and
    /// timestamps.
    pub fn is_key_type(self) -> bool {
        matches!(
            self,
            Self::Scalar(
                ScalarType::Bytes
                    | ScalarType::String
                    | ScalarType::Int32
                    | ScalarType::Int64
                    | ScalarType::UnixTimestamp
            )
        )
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar(scalar) => f.write_str(scalar.name()),
            Self::Array(item) => write!(f, "Array({})", item.name()),
        }
    }
}

/// A type name that larder does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown type `{name}`; known are {known}", known = known_names())]
pub struct UnknownValueType {
    /// The name as given.
    pub name: String,
}

impl FromStr for ValueType {
    type Err = UnknownValueType;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let scalar = |name: &str| ScalarType::ALL.into_iter().find(|scalar| scalar.name() == name.trim());
        let parsed = match name.trim().strip_prefix("Array(").and_then(|rest| rest.strip_suffix(')')) {
            Some(item) => scalar(item).map(Self::Array),
            None => scalar(name).map(Self::Scalar),
        };
        parsed.ok_or_else(|| UnknownValueType { name: name.to_owned() })
    }
}

fn known_names() -> String {
    let names: Vec<&str> = ScalarType::ALL.iter().map(|scalar| scalar.name()).collect();
    format!("{} and Array(…) of each", names.join(", "))
}

/// Arrow's `Timestamp(Microsecond, "UTC")`, the one timestamp type inside larder.
pub fn timestamp_data_type() -> DataType {
    static UTC: LazyLock<Arc<str>> = LazyLock::new(|| Arc::from("UTC"));
    DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::clone(&UTC)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_reads_back_from_its_name_and_number() {
        for value_type in ValueType::all() {
            assert_eq!(value_type.to_string().parse(), Ok(value_type));
            assert_eq!(ValueType::from_number(value_type.number()), Some(value_type));
            assert_eq!(ValueType::infer(&value_type.data_type()), Some(value_type));
        }
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let error = "Int46".parse::<ValueType>().unwrap_err();
        assert!(error.to_string().starts_with("unknown type `Int46`; known are Bytes, String"));
    }
}
