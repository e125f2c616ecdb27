//! Entity keys: Feast's bytes for the join keys of one entity.
//!
//! ```text
//! version 3, all integers little-endian
//!
//! u32 n │ n × ( u32 2 │ u32 length │ join key name )      sorted by name
//!       │ n × ( u32 type │ u32 length │ value bytes )     in the same order
//!
//! driver_id = 1001 (Int64)
//! 01000000  02000000 09000000 "driver_id"  04000000 08000000 e903000000000000
//! ```
//!
//! Type numbers and bytes: 1 bytes (raw), 2 string (UTF-8), 3 int32 (4 bytes), 4 int64 (8 bytes),
//! 8 timestamp (whole seconds, 8 bytes). Feast keys nothing else. Version 2 leaves out `n` and the
//! lengths of the names; it is written where `feature_store.yaml` asks for it.

use std::fmt;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, Int32Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};

use crate::{Error, ErrorKind, Field, ScalarType, Timestamp, ValueType};

/// The join keys of one entity, in Feast's bytes. Ordered and equal as bytes.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntityKey(Arc<[u8]>);

impl EntityKey {
    /// Takes bytes that an [`EntityKeyEncoder`] made.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(Arc::from(bytes))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for EntityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EntityKey(")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

/// The layout of the key bytes, `entity_key_serialization_version` in `feature_store.yaml`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EntityKeyVersion {
    /// Without counts; Feast still writes it when told to.
    V2,
    /// Feast's default.
    #[default]
    V3,
}

/// Join keys that cannot form an entity key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntityKeyError {
    /// Feast's key bytes have no form for the type.
    #[error(
        "join key `{join_key}` has type {value_type}, which cannot be a key; use Int64, Int32, String, Bytes or UnixTimestamp"
    )]
    UnsupportedType {
        /// The join key.
        join_key: String,
        /// Its type.
        value_type: ValueType,
    },
    /// The same column is named twice.
    #[error("join key `{join_key}` occurs twice")]
    Duplicate {
        /// The join key.
        join_key: String,
    },
    /// Bytes that an encoder of these join keys cannot have made.
    #[error("a stored key is not one of the join keys {join_keys}")]
    OfOtherKeys {
        /// The join keys.
        join_keys: String,
    },
    /// A value is too long for its length field.
    #[error("a value of join key `{join_key}` is longer than 4 GiB")]
    TooLong {
        /// The join key.
        join_key: String,
    },
}

impl From<EntityKeyError> for Error {
    fn from(error: EntityKeyError) -> Self {
        Self::new(ErrorKind::Invalid, error)
    }
}

/// Makes entity keys from columns of join keys: the names are laid out once, the values per row.
#[derive(Clone, Debug)]
pub struct EntityKeyEncoder {
    prefix: Box<[u8]>,
    /// The key columns in the order of their bytes: position in the caller's columns, name and type.
    sorted: Box<[(usize, String, ScalarType)]>,
}

impl EntityKeyEncoder {
    /// Prepares to encode rows of `join_keys`.
    ///
    /// # Errors
    ///
    /// [`EntityKeyError`] if a type cannot be a key or a name occurs twice.
    pub fn try_new(join_keys: &[Field], version: EntityKeyVersion) -> Result<Self, EntityKeyError> {
        let mut sorted = Vec::with_capacity(join_keys.len());
        for (position, field) in join_keys.iter().enumerate() {
            match &field.value_type {
                ValueType::Scalar(scalar) if field.value_type.is_key_type() => {
                    sorted.push((position, field.name.clone(), *scalar));
                }
                value_type => {
                    let (join_key, value_type) = (field.name.clone(), value_type.clone());
                    return Err(EntityKeyError::UnsupportedType { join_key, value_type });
                }
            }
        }
        sorted.sort_by(|a, b| a.1.cmp(&b.1));
        if let Some(pair) =
            sorted.windows(2).find(|pair| pair.first().map(|k| &k.1) == pair.last().map(|k| &k.1))
        {
            let join_key = pair.first().map(|key| key.1.clone()).unwrap_or_default();
            return Err(EntityKeyError::Duplicate { join_key });
        }
        let mut prefix = Vec::new();
        if version == EntityKeyVersion::V3 {
            prefix.extend(length_bytes(sorted.len(), "")?);
        }
        for (_, name, _) in &sorted {
            prefix.extend(2_u32.to_le_bytes());
            if version == EntityKeyVersion::V3 {
                prefix.extend(length_bytes(name.len(), name)?);
            }
            prefix.extend(name.as_bytes());
        }
        Ok(Self { prefix: prefix.into(), sorted: sorted.into() })
    }

    /// The key of every row. `columns` are the join keys in the order given to
    /// [`try_new`](Self::try_new), of their Arrow types and of one length; a row with a null has no key.
    ///
    /// # Errors
    ///
    /// [`EntityKeyError::TooLong`] for a value of 4 GiB or more.
    ///
    /// # Panics
    ///
    /// If a column is missing or not of its declared type.
    pub fn encode(
        &self,
        columns: &[ArrayRef],
        rows: usize,
    ) -> Result<Vec<Option<EntityKey>>, EntityKeyError> {
        let columns: Vec<KeyColumn<'_>> = self
            .sorted
            .iter()
            .map(|(position, name, scalar)| {
                let array = columns.get(*position).expect("the caller passes one column per join key");
                KeyColumn::new(name, *scalar, array)
            })
            .collect();
        let mut bytes = self.prefix.to_vec();
        (0..rows)
            .map(|row| {
                if columns.iter().any(|column| column.array.is_null(row)) {
                    return Ok(None);
                }
                bytes.truncate(self.prefix.len());
                for column in &columns {
                    column.append(row, &mut bytes)?;
                }
                Ok(Some(EntityKey::from_bytes(&bytes)))
            })
            .collect()
    }

    /// The join keys of entities, as columns in the order given to [`try_new`](Self::try_new), of their Arrow
    /// types: the reverse of [`encode`](Self::encode).
    ///
    /// # Errors
    ///
    /// [`EntityKeyError::OfOtherKeys`] for a key that this encoder cannot have made.
    pub fn decode(&self, keys: &[EntityKey]) -> Result<Vec<ArrayRef>, EntityKeyError> {
        let mut values: Vec<Vec<&[u8]>> = vec![Vec::with_capacity(keys.len()); self.sorted.len()];
        for key in keys {
            let of_other_keys = || EntityKeyError::OfOtherKeys { join_keys: self.names() };
            let mut rest = key.as_bytes().strip_prefix(&*self.prefix).ok_or_else(of_other_keys)?;
            for ((_, _, scalar), column) in self.sorted.iter().zip(&mut values) {
                let value = split_value(&mut rest, *scalar).ok_or_else(of_other_keys)?;
                column.push(value);
            }
            if !rest.is_empty() {
                return Err(of_other_keys());
            }
        }
        let mut columns: Vec<Option<ArrayRef>> = vec![None; self.sorted.len()];
        for ((position, _, scalar), values) in self.sorted.iter().zip(values) {
            let column = columns.get_mut(*position).expect("there is a position for each join key");
            *column = Some(
                decoded_column(*scalar, &values)
                    .ok_or_else(|| EntityKeyError::OfOtherKeys { join_keys: self.names() })?,
            );
        }
        Ok(columns.into_iter().flatten().collect())
    }

    fn names(&self) -> String {
        let names: Vec<String> = self.sorted.iter().map(|(_, name, _)| format!("`{name}`")).collect();
        names.join(", ")
    }

    /// The one key of a view without entities.
    pub fn dummy_key(version: EntityKeyVersion) -> EntityKey {
        let empty: ArrayRef = Arc::new(arrow::array::StringArray::from(vec![""]));
        let encoder = Self::try_new(&[crate::dummy_join_key()], version).expect("a string can be a key");
        let keys = encoder.encode(&[empty], 1).expect("the empty string is short");
        keys.into_iter().flatten().next().expect("the value is not null")
    }
}

struct KeyColumn<'a> {
    name: &'a str,
    scalar: ScalarType,
    array: &'a ArrayRef,
}

impl<'a> KeyColumn<'a> {
    fn new(name: &'a str, scalar: ScalarType, array: &'a ArrayRef) -> Self {
        Self { name, scalar, array }
    }

    fn append(&self, row: usize, bytes: &mut Vec<u8>) -> Result<(), EntityKeyError> {
        bytes.extend(self.scalar.number().to_le_bytes());
        match self.scalar {
            ScalarType::Int32 => {
                bytes.extend(4_u32.to_le_bytes());
                bytes.extend(self.array.as_primitive::<Int32Type>().value(row).to_le_bytes());
            }
            ScalarType::Int64 => {
                bytes.extend(8_u32.to_le_bytes());
                bytes.extend(self.array.as_primitive::<Int64Type>().value(row).to_le_bytes());
            }
            ScalarType::UnixTimestamp => {
                let micros = self.array.as_primitive::<TimestampMicrosecondType>().value(row);
                bytes.extend(8_u32.to_le_bytes());
                bytes.extend(Timestamp::from_micros(micros).seconds().to_le_bytes());
            }
            ScalarType::String => {
                self.append_slice(self.array.as_string::<i32>().value(row).as_bytes(), bytes)?;
            }
            ScalarType::Bytes => self.append_slice(self.array.as_binary::<i32>().value(row), bytes)?,
            _ => unreachable!("refused by `try_new`"),
        }
        Ok(())
    }

    fn append_slice(&self, value: &[u8], bytes: &mut Vec<u8>) -> Result<(), EntityKeyError> {
        bytes.extend(length_bytes(value.len(), self.name)?);
        bytes.extend(value);
        Ok(())
    }
}

/// Takes the bytes of the next value off the front of `rest`.
fn split_value<'a>(rest: &mut &'a [u8], scalar: ScalarType) -> Option<&'a [u8]> {
    let (number, after) = rest.split_first_chunk::<4>()?;
    let (length, after) = after.split_first_chunk::<4>()?;
    if *number != scalar.number().to_le_bytes() {
        return None;
    }
    let (value, after) = after.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    *rest = after;
    Some(value)
}

/// Values as an array of their type; `None` if one has the wrong length or is no text.
fn decoded_column(scalar: ScalarType, values: &[&[u8]]) -> Option<ArrayRef> {
    let int64s = || {
        values
            .iter()
            .map(|value| Some(i64::from_le_bytes((*value).try_into().ok()?)))
            .collect::<Option<Vec<_>>>()
    };
    Some(match scalar {
        ScalarType::Int32 => {
            let numbers = values.iter().map(|value| Some(i32::from_le_bytes((*value).try_into().ok()?)));
            Arc::new(Int32Array::from(numbers.collect::<Option<Vec<_>>>()?))
        }
        ScalarType::Int64 => Arc::new(Int64Array::from(int64s()?)),
        ScalarType::UnixTimestamp => {
            let micros = int64s()?.into_iter().map(|seconds| seconds.saturating_mul(1_000_000));
            let times = TimestampMicrosecondArray::from_iter_values(micros);
            Arc::new(times.with_data_type(ValueType::UNIX_TIMESTAMP.data_type()))
        }
        ScalarType::String => {
            let texts = values.iter().map(|value| std::str::from_utf8(value).ok());
            Arc::new(StringArray::from(texts.collect::<Option<Vec<_>>>()?))
        }
        ScalarType::Bytes => Arc::new(BinaryArray::from_vec(values.to_vec())),
        // Refused by `try_new`.
        _ => return None,
    })
}

fn length_bytes(length: usize, join_key: &str) -> Result<[u8; 4], EntityKeyError> {
    u32::try_from(length)
        .map(u32::to_le_bytes)
        .map_err(|_| EntityKeyError::TooLong { join_key: join_key.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(key: &EntityKey) -> String {
        key.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_bytes_are_feasts() {
        let encoder =
            EntityKeyEncoder::try_new(&[Field::new("driver_id", ValueType::INT64)], EntityKeyVersion::V3)
                .unwrap();
        let ids: ArrayRef = Arc::new(Int64Array::from(vec![Some(1001), None]));
        let keys = encoder.encode(&[ids], 2).unwrap();
        assert_eq!(
            hex(keys[0].as_ref().unwrap()),
            "0100000002000000090000006472697665725f69640400000008000000e903000000000000"
        );
        assert_eq!(keys[1], None, "a null join key makes no key");
    }

    #[test]
    fn key_columns_are_sorted_by_name_whatever_the_order_given() {
        let ids: ArrayRef = Arc::new(Int64Array::from(vec![1001]));
        let customers: ArrayRef = Arc::new(StringArray::from(vec!["c-1"]));
        let driver = Field::new("driver_id", ValueType::INT64);
        let customer = Field::new("customer_id", ValueType::STRING);
        let one =
            EntityKeyEncoder::try_new(&[driver.clone(), customer.clone()], EntityKeyVersion::V3).unwrap();
        let other = EntityKeyEncoder::try_new(&[customer, driver], EntityKeyVersion::V3).unwrap();
        assert_eq!(
            one.encode(&[Arc::clone(&ids), Arc::clone(&customers)], 1),
            other.encode(&[customers, ids], 1)
        );
    }

    #[test]
    fn decoding_is_the_reverse_of_encoding() {
        let fields = [
            Field::new("e", ValueType::INT32),
            Field::new("b", ValueType::STRING),
            Field::new("d", ValueType::BYTES),
            Field::new("a", ValueType::INT64),
            Field::new("c", ValueType::UNIX_TIMESTAMP),
        ];
        let times = TimestampMicrosecondArray::from(vec![1_000_000, -2_000_000]);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int32Array::from(vec![1, -1])),
            Arc::new(StringArray::from(vec!["x", ""])),
            Arc::new(BinaryArray::from_vec(vec![&[0, 1], &[]])),
            Arc::new(Int64Array::from(vec![i64::MAX, i64::MIN])),
            Arc::new(times.with_data_type(ValueType::UNIX_TIMESTAMP.data_type())),
        ];
        for version in [EntityKeyVersion::V2, EntityKeyVersion::V3] {
            let encoder = EntityKeyEncoder::try_new(&fields, version).unwrap();
            let keys: Vec<EntityKey> = encoder.encode(&columns, 2).unwrap().into_iter().flatten().collect();
            assert_eq!(encoder.decode(&keys).unwrap(), columns);
            let other = EntityKeyEncoder::try_new(&fields[..1], version).unwrap();
            assert!(matches!(other.decode(&keys), Err(EntityKeyError::OfOtherKeys { .. })));
            for end in 0..keys[0].as_bytes().len() {
                let cut = EntityKey::from_bytes(&keys[0].as_bytes()[..end]);
                assert!(encoder.decode(&[cut]).is_err());
            }
        }
    }

    #[test]
    fn types_without_key_bytes_and_double_names_are_refused() {
        let flag = Field::new("flag", ValueType::BOOL);
        assert!(EntityKeyEncoder::try_new(&[flag], EntityKeyVersion::V3).is_err());
        let twice = [Field::new("a", ValueType::INT64), Field::new("a", ValueType::STRING)];
        let error = EntityKeyEncoder::try_new(&twice, EntityKeyVersion::V3).unwrap_err();
        assert_eq!(error.to_string(), "join key `a` occurs twice");
    }

    #[test]
    fn views_without_entities_share_one_key() {
        assert_eq!(
            hex(&EntityKeyEncoder::dummy_key(EntityKeyVersion::V3)),
            "01000000020000000a0000005f5f64756d6d795f69640200000000000000"
        );
    }
}
