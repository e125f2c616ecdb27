//! Values whose type nobody has declared: what a caller sends.

use arrow::array::ArrayRef;
use larder_core::{ScalarType, ValueType};

use super::{ValueDecoder, json};
use crate::wire::set_field;
use crate::{ValueFault, field_number};

/// A column of values, as far as they say themselves what they are.
#[derive(Clone, Debug, PartialEq)]
pub enum SelfTyped {
    /// All that are not null are of one type, and this is its Arrow type.
    Arrow(ArrayRef),
    /// They are of several types, or of one that does not say what is inside: maps, structs, lists of lists.
    /// Bytes are base64 and times whole seconds, as in maps.
    Json(Vec<serde_json::Value>),
}

/// Reads `feast.types.Value`s, one after the other.
///
/// # Errors
///
/// [`ValueFault`] for bytes that are no `Value`.
pub fn decode_self_typed<V: AsRef<[u8]>>(values: &[V]) -> Result<SelfTyped, ValueFault> {
    let mut number = None;
    for value in values {
        let Some((found, _)) = set_field(value.as_ref())? else { continue };
        if number.is_some_and(|known| known != found) {
            return as_json(values);
        }
        number = Some(found);
    }
    match declared(number) {
        Some(value_type) => {
            let mut column = ValueDecoder::new(&value_type, values.len());
            for value in values {
                column.append(value.as_ref())?;
            }
            Ok(SelfTyped::Arrow(column.finish().values))
        }
        None => as_json(values),
    }
}

/// The type of values in the field of this number, where the number says all of it.
fn declared(number: Option<u32>) -> Option<ValueType> {
    let value_type = ValueType::from_number(i32::try_from(number?).ok()?)?;
    let is_map = |scalar: &ScalarType| matches!(scalar, ScalarType::Map | ScalarType::ScalarMap);
    let says_all = match &value_type {
        ValueType::Scalar(scalar) => !is_map(scalar),
        ValueType::Array(item) | ValueType::Set(item) => {
            matches!(&**item, ValueType::Scalar(scalar) if !is_map(scalar))
        }
        _ => false,
    };
    (says_all && Some(field_number(&value_type)) == number).then_some(value_type)
}

fn as_json<V: AsRef<[u8]>>(values: &[V]) -> Result<SelfTyped, ValueFault> {
    let values = values.iter().map(|value| json::of_value(value.as_ref()));
    Ok(SelfTyped::Json(values.collect::<Result<_, _>>()?))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Array, Int64Array};
    use larder_testkit::row_generator;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::ValueEncoder;

    const ONE: [u8; 2] = [0x20, 1];
    const TEXT: [u8; 3] = [0x12, 1, b'a'];

    #[test]
    fn values_of_one_type_are_a_column_of_it() {
        let one: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None]));
        assert_eq!(decode_self_typed(&[&ONE[..], &[]]), Ok(SelfTyped::Arrow(one)));
    }

    #[test]
    fn values_of_several_types_and_nulls_alone_are_json() {
        let mixed = decode_self_typed(&[&ONE[..], &TEXT, &[]]);
        assert_eq!(mixed, Ok(SelfTyped::Json(vec![json!(1), json!("a"), json!(null)])));
        assert_eq!(decode_self_typed(&[[0_u8; 0]]), Ok(SelfTyped::Json(vec![json!(null)])));
        assert_eq!(decode_self_typed::<&[u8]>(&[]), Ok(SelfTyped::Json(vec![])));
    }

    #[test]
    fn bytes_that_are_no_value_are_a_fault() {
        for value in [&[0x20_u8][..], &[0x12, 9, b'a'], &[0xff; 12]] {
            assert!(decode_self_typed(&[&ONE[..], value]).is_err(), "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn a_column_is_what_was_encoded(
            (value_type, array) in prop::sample::select(row_generator::every_type()).prop_flat_map(|value_type| {
                let array = row_generator::column(value_type.clone(), 4);
                (Just(value_type), array)
            })
        ) {
            let encoder = ValueEncoder::try_new(&value_type, &array).unwrap();
            let values: Vec<Vec<u8>> = (0..array.len())
                .map(|row| {
                    let mut value = Vec::new();
                    encoder.encode(row, &mut value);
                    value
                })
                .collect();
            let mut declared = ValueDecoder::new(&value_type, values.len());
            for value in &values {
                declared.append(value).unwrap();
            }
            let decoded = match decode_self_typed(&values) {
                Ok(decoded) => decoded,
                // JSON has times as text, and text ends with the year 262,142.
                Err(fault) => {
                    prop_assert!(matches!(fault, ValueFault::TimeOutOfRange { .. }), "{fault}");
                    return Ok(());
                }
            };
            match decoded {
                // Types that share a number are told apart by nobody; their bytes are the same.
                SelfTyped::Arrow(column) if *column.data_type() == value_type.data_type() => {
                    prop_assert_eq!(&column, &declared.finish().values);
                }
                SelfTyped::Arrow(column) => prop_assert_eq!(column.len(), array.len()),
                SelfTyped::Json(column) => {
                    prop_assert_eq!(column.len(), array.len());
                    let nulls = column.iter().map(serde_json::Value::is_null);
                    prop_assert!(nulls.eq((0..array.len()).map(|row| values[row].is_empty())));
                }
            }
        }
    }
}
