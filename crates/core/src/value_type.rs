//! Feast's value types and the Arrow types that carry them.

mod name;

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field as ArrowField, Fields, TimeUnit};

pub use name::UnknownValueType;

use crate::ScalarType;

/// The type of a feature, a join key or a request field, in Feast's words.
///
/// Every type is nullable, and so is every part of one. The name is the one Feast uses in Python
/// (`Int64`, `Array(Float32)`, `Struct({lat: Float64, lon: Float64})`), the number is the one in its
/// protobuf. How values lie in Arrow arrays is the [`layout`](Self::layout).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ValueType {
    /// One value.
    Scalar(ScalarType),
    /// A list of values; made by [`array`](Self::array).
    Array(Arc<ValueType>),
    /// A list without repetitions, in the order of first occurrence; made by [`set`](Self::set).
    Set(Arc<ValueType>),
    /// Named values; made by [`structure`](Self::structure).
    Struct(Arc<[StructField]>),
}

/// A named part of a struct.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StructField {
    /// Its name, unique in the struct.
    pub name: String,
    /// Its type.
    pub value_type: ValueType,
}

/// How the values of a type lie in Arrow. Codecs know only these three forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout<'a> {
    /// One value a row.
    Flat(FlatType),
    /// Arrow `List` with a nullable item called `item`.
    List(&'a ValueType),
    /// Arrow `Struct` with these nullable fields.
    Struct(&'a [StructField]),
}

/// The Arrow types of single values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FlatType {
    /// Arrow `Boolean`.
    Boolean,
    /// Arrow `Int32`.
    Int32,
    /// Arrow `Int64`.
    Int64,
    /// Arrow `Float32`.
    Float32,
    /// Arrow `Float64`.
    Float64,
    /// Arrow `Timestamp(Microsecond, "UTC")`.
    TimestampMicros,
    /// Arrow `Utf8`.
    Utf8,
    /// Arrow `Binary`.
    Binary,
}

/// A combination of types that Feast has no number for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no type `{name}`: {reason}")]
pub struct UnsupportedValueType {
    name: String,
    reason: &'static str,
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

    /// Lists of `item`, which is a scalar, a struct, or a list or set.
    ///
    /// # Errors
    ///
    /// [`UnsupportedValueType`] where Feast has no such list.
    pub fn array(item: Self) -> Result<Self, UnsupportedValueType> {
        let reason = match &item {
            Self::Scalar(scalar) if scalar.list_number().is_none() => {
                Some("Feast has no lists of it; wrap it in a Struct")
            }
            _ => None,
        };
        let array = Self::Array(Arc::new(item));
        match reason {
            None => Ok(array),
            Some(reason) => Err(UnsupportedValueType { name: array.to_string(), reason }),
        }
    }

    /// Sets of `item`, which is a scalar, or a list or set.
    ///
    /// # Errors
    ///
    /// [`UnsupportedValueType`] where Feast has no such set.
    pub fn set(item: Self) -> Result<Self, UnsupportedValueType> {
        let reason = match &item {
            Self::Scalar(scalar) if scalar.set_number().is_none() => {
                Some("Feast has no sets of it; use Array(…)")
            }
            Self::Struct(_) => Some("Feast has no sets of structs; use Array(Struct(…))"),
            _ => None,
        };
        let set = Self::Set(Arc::new(item));
        match reason {
            None => Ok(set),
            Some(reason) => Err(UnsupportedValueType { name: set.to_string(), reason }),
        }
    }

    /// A struct with these fields, in this order.
    ///
    /// # Errors
    ///
    /// [`UnsupportedValueType`] without any field, or with two of one name.
    pub fn structure(fields: impl IntoIterator<Item = (String, Self)>) -> Result<Self, UnsupportedValueType> {
        let fields: Arc<[StructField]> =
            fields.into_iter().map(|(name, value_type)| StructField { name, value_type }).collect();
        let mut names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
        names.sort_unstable();
        let reason = if fields.is_empty() {
            Some("a struct has at least one field")
        } else if names.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) {
            Some("the names of a struct's fields are different")
        } else {
            None
        };
        let structure = Self::Struct(fields);
        match reason {
            None => Ok(structure),
            Some(reason) => Err(UnsupportedValueType { name: structure.to_string(), reason }),
        }
    }

    /// All types whose number says everything: scalars, lists and sets of scalars.
    pub fn simple() -> impl Iterator<Item = Self> {
        let scalars = || ScalarType::ALL.into_iter().map(Self::Scalar);
        scalars()
            .chain(scalars().filter_map(|item| Self::array(item).ok()))
            .chain(scalars().filter_map(|item| Self::set(item).ok()))
    }

    /// The number in `feast.types.ValueType.Enum`. Structs, and lists and sets of lists and sets, share
    /// numbers; what they hold inside is said beside it.
    pub fn number(&self) -> i32 {
        match self {
            Self::Scalar(scalar) => scalar.number(),
            Self::Array(item) => match item.as_ref() {
                Self::Scalar(scalar) => scalar.list_number().unwrap_or_default(),
                Self::Struct(_) => 35,
                Self::Array(_) | Self::Set(_) => 42,
            },
            Self::Set(item) => match item.as_ref() {
                Self::Scalar(scalar) => scalar.set_number().unwrap_or_default(),
                Self::Struct(_) => 0,
                Self::Array(_) | Self::Set(_) => 43,
            },
            Self::Struct(_) => 34,
        }
    }

    /// The type of a number in `feast.types.ValueType.Enum`; `None` where larder has no such type, or
    /// where the number does not say what is inside.
    pub fn from_number(number: i32) -> Option<Self> {
        Self::simple().find(|value_type| value_type.number() == number)
    }

    /// The name in `feast.types.ValueType.Enum`: `INT64`, `FLOAT_LIST`, `STRUCT`.
    pub fn proto_name(&self) -> String {
        let of = |item: &Self, ending: &str, nested: &str| match item {
            Self::Scalar(scalar) => format!("{}_{ending}", scalar.proto_name()),
            Self::Struct(_) => format!("STRUCT_{ending}"),
            Self::Array(_) | Self::Set(_) => nested.to_owned(),
        };
        match self {
            Self::Scalar(scalar) => scalar.proto_name().to_owned(),
            Self::Array(item) => of(item, "LIST", "VALUE_LIST"),
            Self::Set(item) => of(item, "SET", "VALUE_SET"),
            Self::Struct(_) => "STRUCT".to_owned(),
        }
    }

    /// How its values lie in Arrow.
    pub fn layout(&self) -> Layout<'_> {
        match self {
            Self::Scalar(scalar) => match scalar.flat() {
                Some(flat) => Layout::Flat(flat),
                None => Layout::Struct(zoned_timestamp_fields()),
            },
            Self::Array(item) | Self::Set(item) => Layout::List(item),
            Self::Struct(fields) => Layout::Struct(fields),
        }
    }

    /// The Arrow type that carries it everywhere inside larder.
    pub fn data_type(&self) -> DataType {
        match self.layout() {
            Layout::Flat(flat) => flat.data_type(),
            Layout::List(item) => DataType::List(Arc::new(ArrowField::new("item", item.data_type(), true))),
            Layout::Struct(fields) => DataType::Struct(arrow_fields(fields)),
        }
    }

    /// The type Feast infers for a column of a file. Text of any width is `String`, whole numbers
    /// that fit are `Int32` or `Int64`, timestamps and dates of any unit are `UnixTimestamp`, maps are
    /// `Map`; `None` where no type fits.
    pub fn infer(data_type: &DataType) -> Option<Self> {
        Some(match data_type {
            DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
                Self::array(Self::infer(item.data_type())?).ok()?
            }
            DataType::Struct(fields) => {
                let fields =
                    fields.iter().map(|field| Some((field.name().clone(), Self::infer(field.data_type())?)));
                Self::structure(fields.collect::<Option<Vec<_>>>()?).ok()?
            }
            DataType::Dictionary(_, values) => Self::infer(values)?,
            DataType::Map(_, _) => Self::Scalar(ScalarType::Map),
            DataType::Boolean => Self::BOOL,
            DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt8 | DataType::UInt16 => {
                Self::INT32
            }
            DataType::Int64 | DataType::UInt32 | DataType::UInt64 => Self::INT64,
            DataType::Float16 | DataType::Float32 => Self::FLOAT32,
            DataType::Float64 => Self::FLOAT64,
            DataType::Decimal32(_, _)
            | DataType::Decimal64(_, _)
            | DataType::Decimal128(_, _)
            | DataType::Decimal256(_, _) => Self::Scalar(ScalarType::Decimal),
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
    pub fn is_key_type(&self) -> bool {
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

    /// Whether an array of its Arrow type may still hold what is no value of it: a text that is not
    /// JSON, a set with repetitions.
    pub(crate) fn says_more_than_arrow(&self) -> bool {
        match self {
            Self::Scalar(scalar) => scalar.is_text_of_a_form(),
            Self::Array(item) => item.says_more_than_arrow(),
            Self::Set(_) => true,
            Self::Struct(fields) => fields.iter().any(|field| field.value_type.says_more_than_arrow()),
        }
    }
}

impl From<ScalarType> for ValueType {
    fn from(scalar: ScalarType) -> Self {
        Self::Scalar(scalar)
    }
}

impl FlatType {
    /// The Arrow type.
    pub fn data_type(self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::Int32 => DataType::Int32,
            Self::Int64 => DataType::Int64,
            Self::Float32 => DataType::Float32,
            Self::Float64 => DataType::Float64,
            Self::TimestampMicros => timestamp_data_type(),
            Self::Utf8 => DataType::Utf8,
            Self::Binary => DataType::Binary,
        }
    }
}

/// The Arrow fields of a struct.
pub fn arrow_fields(fields: &[StructField]) -> Fields {
    fields.iter().map(|field| ArrowField::new(&field.name, field.value_type.data_type(), true)).collect()
}

/// The parts of a zoned timestamp: the instant, and the zone it was said in: a name of the IANA
/// database, an offset such as `UTC-07:00`, or empty for UTC.
fn zoned_timestamp_fields() -> &'static [StructField] {
    static FIELDS: LazyLock<[StructField; 2]> = LazyLock::new(|| {
        [("unix_timestamp", ValueType::UNIX_TIMESTAMP), ("zone", ValueType::STRING)]
            .map(|(name, value_type)| StructField { name: name.to_owned(), value_type })
    });
    FIELDS.as_slice()
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
    fn every_simple_type_reads_back_from_its_number() {
        for value_type in ValueType::simple() {
            assert_eq!(ValueType::from_number(value_type.number()), Some(value_type.clone()), "{value_type}");
        }
    }

    #[test]
    fn the_arrow_type_of_a_plain_type_tells_the_type() {
        let flat = [
            ValueType::BYTES,
            ValueType::STRING,
            ValueType::INT32,
            ValueType::INT64,
            ValueType::FLOAT64,
            ValueType::FLOAT32,
            ValueType::BOOL,
            ValueType::UNIX_TIMESTAMP,
        ];
        for scalar in flat {
            let array = ValueType::array(scalar.clone()).unwrap();
            let nested = ValueType::array(array.clone()).unwrap();
            let structure = ValueType::structure([("a".to_owned(), scalar.clone())]).unwrap();
            for value_type in [scalar, array, nested, structure] {
                assert_eq!(ValueType::infer(&value_type.data_type()), Some(value_type));
            }
        }
    }

    #[test]
    fn numbers_and_names_are_those_of_feast() {
        let numbered: Vec<(i32, String)> =
            ValueType::simple().map(|value_type| (value_type.number(), value_type.proto_name())).collect();
        for (number, name) in [
            (11, "BYTES_LIST"),
            (21, "MAP_LIST"),
            (22, "BYTES_SET"),
            (29, "UNIX_TIMESTAMP_SET"),
            (33, "JSON_LIST"),
            (41, "TIME_UUID_SET"),
            (46, "DECIMAL_SET"),
            (48, "ZONED_TIMESTAMP"),
        ] {
            assert!(numbered.contains(&(number, name.to_owned())), "{number} {name}");
        }
        let nested: ValueType = "Set(Array(Int64))".parse().unwrap();
        assert_eq!((nested.number(), nested.proto_name()), (43, "VALUE_SET".to_owned()));
        let structs: ValueType = "Array(Struct({a: Int64}))".parse().unwrap();
        assert_eq!((structs.number(), structs.proto_name()), (35, "STRUCT_LIST".to_owned()));
    }

    #[test]
    fn combinations_that_feast_does_not_have_are_refused() {
        for name in [
            "Array(ZonedTimestamp)",
            "Set(Map)",
            "Set(Struct({a: Int64}))",
            "Struct({})",
            "Array(PdfBytes)",
            "Struct({a: Int64, a: Int32})",
        ] {
            let error = name.parse::<ValueType>().unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
    }
}
