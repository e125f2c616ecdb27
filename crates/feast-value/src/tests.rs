//! Values beside those that Feast's Python wrote, round trips, and hostile bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use larder_core::column::column_from_json;
use larder_core::{OnlineColumn, ValueType};
use larder_testkit::feast_stores::stored_values;
use larder_testkit::{as_feast_value, row_generator};
use proptest::prelude::*;
use serde_json::Value;

use super::wire::{put_bytes, put_length};
use super::*;

/// `type` and `value` as larder reads them; `hex`: the bytes that Feast 0.67.0 wrote.
fn recorded() -> Vec<(ValueType, Value, Vec<u8>)> {
    let text = include_str!("../../../tests/feast_compat/recorded/values.json");
    let cases: Vec<Value> = serde_json::from_str(text).unwrap();
    cases
        .into_iter()
        .map(|case| {
            let value_type = case["type"].as_str().unwrap().parse().unwrap();
            (value_type, case["value"].clone(), bytes(case["hex"].as_str().unwrap()))
        })
        .collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let hex: String = hex.split_whitespace().collect();
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn encode(value_type: &ValueType, array: &ArrayRef) -> Vec<Vec<u8>> {
    let encoder = ValueEncoder::try_new(value_type, array).expect("the array has the type");
    let encode = |row| {
        let mut out = Vec::new();
        encoder.encode(row, &mut out);
        out
    };
    (0..array.len()).map(encode).collect()
}

fn decode<'a>(
    value_type: &ValueType,
    values: impl IntoIterator<Item = &'a [u8]>,
) -> Result<OnlineColumn, ValueFault> {
    let mut decoder = ValueDecoder::new(value_type, 0);
    for value in values {
        decoder.append(value)?;
    }
    Ok(decoder.finish())
}

#[test]
fn the_bytes_are_those_that_feast_writes_and_read_back() {
    for (value_type, value, feast) in recorded() {
        let context = format!("{value_type} {value}");
        let array = column_from_json("f", &value_type, std::slice::from_ref(&value)).expect(&context);
        assert_eq!(encode(&value_type, &array), [feast.as_slice()], "{context}");
        let read = decode(&value_type, [feast.as_slice()]).expect(&context);
        assert_eq!(read.values.as_ref(), array.as_ref(), "{context}");
        assert_eq!(read.present.count_set_bits(), 1, "{context}");
    }
}

#[test]
fn the_values_in_feasts_other_stores_are_read_and_written_alike() {
    let mut seen: BTreeMap<&str, (usize, BTreeSet<String>)> = BTreeMap::new();
    for stored in stored_values() {
        let context = format!("{stored:?}");
        let (count, types) = seen.entry(stored.recorded_in).or_default();
        *count += 1;
        types.insert(stored.value_type.to_string());
        let read = decode(&stored.value_type, [stored.bytes.as_slice()]).expect(&context);
        assert_eq!(read.present.count_set_bits(), 1, "{context}");
        if let Some(decoded) = &stored.decoded {
            let said = column_from_json("f", &stored.value_type, std::slice::from_ref(decoded));
            assert_eq!(read.values.as_ref(), said.expect(&context).as_ref(), "{context}");
        }
        assert_eq!(encode(&stored.value_type, &read.values), [stored.bytes.as_slice()], "{context}");
        if let Some(text) = &stored.text {
            let encoder = ValueEncoder::try_new(&stored.value_type, &read.values).expect(&context);
            let mut written = String::new();
            let written = encoder.python_text(0, &mut written).then_some(&written);
            assert_eq!(written, text.as_ref(), "{context}");
        }
    }
    let counts: Vec<(&str, usize, usize)> =
        seen.iter().map(|(store, (count, types))| (*store, *count, types.len())).collect();
    assert_eq!(
        counts,
        [
            ("dynamodb_items.json", 150, 14),
            ("dynamodb_requests.json", 62, 6),
            // Feast cannot fill the view without entities from its store.
            ("online/postgres_rows.json", 149, 14),
            ("redis_commands.txt", 14, 3),
            ("redis_dump.json", 150, 14),
            ("redis_dump_after_push.json", 210, 14),
        ]
    );
}

#[test]
fn what_is_stored_with_another_type_is_absent_and_null_is_present() {
    // A text, an Int32, nothing, and `null_val`.
    let values = [bytes("120161"), bytes("1803"), bytes(""), bytes("980100")];
    let read = decode(&ValueType::INT64, values.iter().map(Vec::as_slice)).unwrap();
    assert_eq!(read.values.null_count(), 4);
    assert_eq!(read.present.iter().collect::<Vec<_>>(), [false, false, true, true]);
}

#[test]
fn of_several_fields_the_last_counts_and_unknown_ones_do_not() {
    let values = [bytes("2001 120161 2007"), bytes("2007 92030161")];
    let read = decode(&ValueType::INT64, values.iter().map(Vec::as_slice)).unwrap();
    let expected: ArrayRef = Arc::new(arrow::array::Int64Array::from(vec![7, 7]));
    assert_eq!(&read.values, &expected);
}

#[test]
fn parts_of_structs_are_read_as_what_python_took_them_for() {
    // A struct {"lat": 1, "n": 2} of Python's is one of Int64 for Feast.
    let value_type = "Struct({lat: Float64, n: Int32})".parse().unwrap();
    let stored = bytes("920214 0a09 0a036c6174 12022001 0a07 0a016e 12022002");
    let read = decode(&value_type, [stored.as_slice()]).unwrap();
    let expected = column_from_json("f", &value_type, &[serde_json::json!({"lat": 1.0, "n": 2})]).unwrap();
    assert_eq!(read.values.as_ref(), expected.as_ref());
}

#[test]
fn structs_and_nested_lists_that_do_not_fit_inside_are_absent() {
    for (name, hex) in [
        // {"n": "x"}, and [["a"]]
        ("Struct({n: Int64})", "92020a 0a08 0a016e 1203120178"),
        ("Array(Array(Int64))", "d20207 0a05 6203 0a0161"),
    ] {
        let value_type: ValueType = name.parse().unwrap();
        let read = decode(&value_type, [bytes(hex).as_slice()]).unwrap();
        assert!(read.values.is_null(0) && !read.present.value(0), "{name}");
    }
}

#[test]
fn maps_may_not_be_nested_without_end() {
    let mut value = bytes("2001");
    for _ in 0..200 {
        let mut entry = bytes("0a0161 12");
        put_length(&mut entry, value.len());
        entry.extend(&value);
        let mut map = Vec::new();
        put_bytes(&mut map, 1, &entry);
        value.clear();
        put_bytes(&mut value, 20, &map);
    }
    let read = decode(&"Map".parse().unwrap(), [value.as_slice()]);
    assert_eq!(read.map(|_| ()), Err(ValueFault::Depth));
}

#[test]
fn a_text_that_is_no_map_cannot_be_written() {
    for (name, text) in [("Map", "[]"), ("Map", "x"), ("ScalarMap", "{}"), ("ScalarMap", r#"[["a",1]]"#)] {
        let column: ArrayRef =
            Arc::new(arrow::array::StringArray::from(vec![Some("ok"), None, Some(text)]).slice(1, 2));
        let refused = ValueEncoder::try_new(&name.parse().unwrap(), &column).err().unwrap();
        assert_eq!(refused.to_string(), format!("the text in row 1 is no {name}"));
    }
}

#[test]
fn numbers_in_lists_may_be_packed_or_not() {
    let list: ValueType = "Array(Int64)".parse().unwrap();
    let packed = decode(&list, [bytes("72040a020102").as_slice()]).unwrap();
    let single = decode(&list, [bytes("720408010802").as_slice()]).unwrap();
    assert_eq!(packed.values.as_ref(), single.values.as_ref());
}

#[test]
fn hostile_bytes_are_named() {
    let cases = [
        ("String", "1202c328", ValueFault::Utf8),
        ("Int64", "25 00000000", ValueFault::WireType),
        ("Float64", "2800", ValueFault::WireType),
        ("String", "120761", ValueFault::NotProtobuf { offset: 0 }),
        ("Int64", "20ffffffffffffffffffff01", ValueFault::NotProtobuf { offset: 0 }),
        ("Array(Float32)", "8201050a0300 0000", ValueFault::Packed),
        ("UnixTimestamp", "40ffffffffffffffff7f", ValueFault::TimeOutOfRange { seconds: i64::MAX }),
    ];
    for (name, hex, fault) in cases {
        let value_type = name.parse().unwrap();
        let read = decode(&value_type, [bytes(hex).as_slice()]);
        assert_eq!(read.map(|_| ()), Err(fault), "{name}");
    }
}

#[test]
fn feasts_not_a_time_is_null() {
    let read = decode(&ValueType::UNIX_TIMESTAMP, [bytes("4080808080808080808001").as_slice()]).unwrap();
    assert!(read.values.is_null(0));
}

fn columns() -> impl Strategy<Value = (ValueType, ArrayRef)> {
    row_generator::features(1).prop_flat_map(|features| {
        let value_type = features.first().map_or(ValueType::INT64, |feature| feature.value_type.clone());
        row_generator::column(value_type.clone(), 6).prop_map(move |column| (value_type.clone(), column))
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back_as_far_as_values_can_say((value_type, column) in columns()) {
        let values = encode(&value_type, &column);
        let read = decode(&value_type, values.iter().map(Vec::as_slice)).unwrap();
        prop_assert_eq!(&read.values, &as_feast_value(&value_type, &column));
        prop_assert_eq!(read.present.count_set_bits(), 6);
    }

    #[test]
    fn any_bytes_are_a_value_or_a_fault(
        (value_type, column) in columns(),
        (at, byte) in (any::<prop::sample::Index>(), any::<u8>()),
        noise in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        // Noise alone, and noise in the place of one byte of something that makes sense.
        let _ = decode(&value_type, [noise.as_slice()]);
        let mut values = encode(&value_type, &column);
        for value in values.iter_mut().filter(|value| !value.is_empty()) {
            let at = at.index(value.len());
            value[at] = byte;
        }
        if let Ok(read) = decode(&value_type, values.iter().map(Vec::as_slice)) {
            prop_assert_eq!(read.values.len(), 6);
            prop_assert_eq!(read.values.data_type(), &value_type.data_type());
        }
    }
}
