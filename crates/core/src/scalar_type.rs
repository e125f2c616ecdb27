//! The types that hold one value.

use crate::FlatType;

/// A type that holds one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ScalarType {
    /// Any bytes.
    Bytes,
    /// UTF-8 text.
    String,
    /// A whole number of 32 bits.
    Int32,
    /// A whole number of 64 bits.
    Int64,
    /// A float of 64 bits.
    Float64,
    /// A float of 32 bits.
    Float32,
    /// A truth value.
    Bool,
    /// A point in time; microseconds inside larder, whole seconds since the epoch on Feast's wire.
    UnixTimestamp,
    /// A map from text to values of any type; inside larder the text of a JSON object without spaces,
    /// keys in byte order.
    Map,
    /// The bytes of a PDF document.
    PdfBytes,
    /// The bytes of a picture.
    ImageBytes,
    /// The text of any JSON value, as it was given.
    Json,
    /// The text of a UUID.
    Uuid,
    /// The text of a UUID that begins with a time.
    TimeUuid,
    /// The text of a decimal number of any size, as Python's `Decimal` reads it.
    Decimal,
    /// A map whose keys are no text; inside larder the text of a JSON list of pairs of key and value.
    ScalarMap,
    /// A point in time and the zone it was said in.
    ZonedTimestamp,
}

impl ScalarType {
    /// All scalar types, in the order of their numbers.
    pub const ALL: [Self; 17] = [
        Self::Bytes,
        Self::String,
        Self::Int32,
        Self::Int64,
        Self::Float64,
        Self::Float32,
        Self::Bool,
        Self::UnixTimestamp,
        Self::Map,
        Self::PdfBytes,
        Self::ImageBytes,
        Self::Json,
        Self::Uuid,
        Self::TimeUuid,
        Self::Decimal,
        Self::ScalarMap,
        Self::ZonedTimestamp,
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
            Self::Map => "Map",
            Self::PdfBytes => "PdfBytes",
            Self::ImageBytes => "ImageBytes",
            Self::Json => "Json",
            Self::Uuid => "Uuid",
            Self::TimeUuid => "TimeUuid",
            Self::Decimal => "Decimal",
            Self::ScalarMap => "ScalarMap",
            Self::ZonedTimestamp => "ZonedTimestamp",
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
            Self::Map => "MAP",
            Self::PdfBytes => "PDF_BYTES",
            Self::ImageBytes => "IMAGE_BYTES",
            Self::Json => "JSON",
            Self::Uuid => "UUID",
            Self::TimeUuid => "TIME_UUID",
            Self::Decimal => "DECIMAL",
            Self::ScalarMap => "SCALAR_MAP",
            Self::ZonedTimestamp => "ZONED_TIMESTAMP",
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
            Self::Map => 20,
            Self::PdfBytes => 30,
            Self::ImageBytes => 31,
            Self::Json => 32,
            Self::Uuid => 36,
            Self::TimeUuid => 37,
            Self::Decimal => 44,
            Self::ScalarMap => 47,
            Self::ZonedTimestamp => 48,
        }
    }

    /// The number of lists of it; `None` where Feast has no such list.
    pub(crate) fn list_number(self) -> Option<i32> {
        Some(match self {
            Self::Map => 21,
            Self::Json => 33,
            Self::Uuid => 38,
            Self::TimeUuid => 39,
            Self::Decimal => 45,
            Self::PdfBytes | Self::ImageBytes | Self::ScalarMap | Self::ZonedTimestamp => return None,
            flat => flat.number() + 10,
        })
    }

    /// The number of sets of it; `None` where Feast has no such set.
    pub(crate) fn set_number(self) -> Option<i32> {
        Some(match self {
            Self::Uuid => 40,
            Self::TimeUuid => 41,
            Self::Decimal => 46,
            Self::Map
            | Self::Json
            | Self::PdfBytes
            | Self::ImageBytes
            | Self::ScalarMap
            | Self::ZonedTimestamp => {
                return None;
            }
            flat => flat.number() + 21,
        })
    }

    /// The layout of its values; `None` for the zoned timestamp, which has two parts.
    pub(crate) fn flat(self) -> Option<FlatType> {
        Some(match self {
            Self::Bytes | Self::PdfBytes | Self::ImageBytes => FlatType::Binary,
            Self::String
            | Self::Map
            | Self::Json
            | Self::Uuid
            | Self::TimeUuid
            | Self::Decimal
            | Self::ScalarMap => FlatType::Utf8,
            Self::Int32 => FlatType::Int32,
            Self::Int64 => FlatType::Int64,
            Self::Float64 => FlatType::Float64,
            Self::Float32 => FlatType::Float32,
            Self::Bool => FlatType::Boolean,
            Self::UnixTimestamp => FlatType::TimestampMicros,
            Self::ZonedTimestamp => return None,
        })
    }

    /// Whether its values are texts of a certain form, which must be checked.
    pub(crate) fn is_text_of_a_form(self) -> bool {
        matches!(self, Self::Map | Self::Json | Self::Uuid | Self::TimeUuid | Self::Decimal | Self::ScalarMap)
    }
}
