//! Schemas: which features a stored row has.

use std::fmt;

use larder_core::{Field, ValueType};
use sha2::{Digest, Sha256};

/// The identity of a schema: the start of a hash over its names and types.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SchemaId([u8; 8]);

impl SchemaId {
    /// The id of the features, in their order. Descriptions and tags are no part of it.
    pub fn of(features: &[Field]) -> Self {
        Self(first_hash_bytes(&to_bytes(features)))
    }

    pub(crate) fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn to_bytes(self) -> [u8; 8] {
        self.0
    }
}

impl fmt::Display for SchemaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for SchemaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SchemaId({self})")
    }
}

/// The first 8 bytes of the SHA-256.
pub(crate) fn first_hash_bytes(bytes: &[u8]) -> [u8; 8] {
    let hash = Sha256::digest(bytes);
    *hash.first_chunk().expect("a SHA-256 has 32 bytes")
}

/// The features as the store keeps them, which is also what is hashed.
///
/// ```text
/// per feature, in order: u8 type number │ u32 length of the name, little-endian │ name
/// and where the number does not tell the type: u32 length of the type's name │ its name
/// ```
pub(crate) fn to_bytes(features: &[Field]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for feature in features {
        let number = u8::try_from(feature.value_type.number()).expect("Feast's type numbers are small");
        let length = u32::try_from(feature.name.len()).expect("a name is shorter than 4 GiB");
        bytes.push(number);
        bytes.extend(length.to_le_bytes());
        bytes.extend(feature.name.as_bytes());
        if ValueType::from_number(feature.value_type.number()).is_none() {
            let name = feature.value_type.to_string();
            let length = u32::try_from(name.len()).expect("a type's name is shorter than 4 GiB");
            bytes.extend(length.to_le_bytes());
            bytes.extend(name.as_bytes());
        }
    }
    bytes
}

/// Reads what [`to_bytes`] wrote; `None` if it did not.
pub(crate) fn from_bytes(mut bytes: &[u8]) -> Option<Vec<Field>> {
    let mut features = Vec::new();
    while let Some((number, rest)) = bytes.split_first() {
        let (name, mut rest) = text_from_bytes(rest)?;
        let value_type = if let Some(value_type) = ValueType::from_number(i32::from(*number)) {
            value_type
        } else {
            let type_name;
            (type_name, rest) = text_from_bytes(rest)?;
            type_name.parse().ok()?
        };
        features.push(Field::new(name, value_type));
        bytes = rest;
    }
    Some(features)
}

fn text_from_bytes(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_types() -> Vec<Field> {
        ValueType::simple().map(|value_type| Field::new(format!("f_{value_type}"), value_type)).collect()
    }

    #[test]
    fn a_schema_reads_back_from_its_bytes() {
        assert_eq!(from_bytes(&to_bytes(&all_types())), Some(all_types()));
        assert_eq!(from_bytes(&[]), Some(Vec::new()));
    }

    #[test]
    fn cut_or_unknown_schema_bytes_are_no_schema() {
        let bytes = to_bytes(&[Field::new("trips", ValueType::INT64)]);
        for length in 1..bytes.len() {
            assert_eq!(from_bytes(&bytes[..length]), None, "cut to {length} bytes");
        }
        assert_eq!(from_bytes(&[99, 0, 0, 0, 0]), None, "an unknown type");
    }

    #[test]
    fn names_types_and_their_order_make_the_id_and_descriptions_do_not() {
        let a = Field::new("a", ValueType::INT64);
        let b = Field::new("b", ValueType::INT64);
        let retyped = Field::new("a", ValueType::INT32);
        let described = Field { description: "of a".into(), ..a.clone() };
        let id = SchemaId::of(&[a.clone(), b.clone()]);
        assert_eq!(id, SchemaId::of(&[described, b.clone()]));
        assert_ne!(id, SchemaId::of(&[b.clone(), a.clone()]));
        assert_ne!(id, SchemaId::of(&[retyped, b]));
        assert_ne!(id, SchemaId::of(&[a]));
    }
}
