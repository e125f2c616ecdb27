//! Outputs that no honest guest returns, laid out in its memory byte by byte. Each is refused by its rule and column
//! in its limits, or is taken for what it is; the host goes on either way.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper may stop its test")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::Int64Type;
use larder_core::column::json_value;
use larder_core::{Result, TransformationLimits, UdfRuntime};
use larder_testkit::raw_guest::{RawColumn, RawGuest, node, values};
use serde_json::json;
use support::{RUNTIME, TOKIO, call};

/// The end of a guest's memory.
const END: u32 = 80 << 16;

fn rows(count: i64) -> RecordBatch {
    let value: ArrayRef = Arc::new(Int64Array::from_iter_values(0..count));
    RecordBatch::try_from_iter([("value", value)]).unwrap()
}

/// A guest whose output `out` has such a type; the fields of structs are called `a` and `b`.
fn guest(nodes: &[u8]) -> RawGuest {
    RawGuest::declaring_structs(b"f", &[(b"value", &[node::INT64])], &[(b"out", nodes)], &[b"a", b"b"])
}

fn column(tag: u8, buffers: [u32; 4]) -> RawColumn {
    RawColumn { validity: None, tag, buffers }
}

fn answer(guest: &RawGuest, count: i64) -> Result<RecordBatch> {
    let limits =
        TransformationLimits { wall_time: Duration::from_secs(60), ..TransformationLimits::default() };
    let function = TOKIO.block_on(RUNTIME.load("v", guest.module().into(), "f", limits)).unwrap();
    call(&function, &rows(count))
}

/// Why an answer is refused, after the names of view and function.
fn refusal(guest: &RawGuest, count: i64) -> String {
    let chain = answer(guest, count).expect_err("a rule is broken").chain();
    let cause = chain.strip_prefix("on-demand feature view `v`: function `f` failed: ");
    cause.unwrap_or_else(|| panic!("names are missing in {chain:?}")).to_owned()
}

fn broken(guest: &RawGuest, count: i64) -> String {
    let cause = refusal(guest, count);
    let rule = cause.strip_prefix("broke the contract of transformations: ");
    rule.unwrap_or_else(|| panic!("{cause}")).to_owned()
}

fn words<T: Copy, const N: usize>(values: &[T], bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|value| bytes(*value)).collect()
}

fn int32s(values: &[i32]) -> Vec<u8> {
    words(values, i32::to_le_bytes)
}

fn int64s(values: &[i64]) -> Vec<u8> {
    words(values, i64::to_le_bytes)
}

/// An output of texts.
fn texts(node: u8, texts: &[&str]) -> RawGuest {
    let mut guest = guest(&[node]);
    let mut offsets = vec![0];
    let mut data = Vec::new();
    for text in texts {
        data.extend_from_slice(text.as_bytes());
        offsets.push(i32::try_from(data.len()).unwrap());
    }
    let (at, bytes) = (guest.put(&int32s(&offsets)), guest.put(&data));
    let buffers = [at, small(offsets.len()), bytes, small(data.len())];
    guest.returning(small(texts.len()), &[column(values::UTF8, buffers)])
}

fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap()
}

#[test]
fn a_list_whose_end_is_beyond_all_addresses_is_never_read() {
    for (pointer, length) in [
        (0xffff_fff8, 2),
        (0xffff_fff8, 1),
        (8, 0x2000_0000),
        (8, 0x2000_0001),
        (0x8000_0000, 0x1000_0000),
        (END, 2),
        (END - 8, 2),
        (END - 12, 1),
        (4, 2),
        (1, 2),
        (0, u32::MAX),
    ] {
        let guest = guest(&[node::INT64]).returning(2, &[column(values::INT64, [pointer, length, 0, 0])]);
        let cause = refusal(&guest, 2);
        assert!(
            cause.starts_with("returned something that is no value of the contract's types: ")
                || cause.starts_with("returned a pointer outside its memory")
                || cause.starts_with("returned too much"),
            "{pointer:#x} {length:#x}: {cause}"
        );
    }
    // Up to the last byte all is its own.
    let last = guest(&[node::INT64]).returning(2, &[column(values::INT64, [END - 16, 2, 0, 0])]);
    assert_eq!(answer(&last, 2).unwrap().column(0).as_primitive::<Int64Type>().values(), &[0, 0]);
}

#[test]
fn a_result_may_lie_at_the_very_end_of_memory_and_not_a_word_further() {
    let at = |address: u32| {
        guest(&[node::INT64]).transform(&format!(
            "(i32.store (i32.const {}) (i32.const 0)) (i32.const {address})",
            (END - 16).min(address)
        ))
    };
    assert_eq!(broken(&at(END - 16), 2), "returned 0 rows for 2 rows of input");
    for address in [END - 12, END - 4, END, END + 16] {
        let cause = refusal(&at(address), 2);
        assert!(cause.contains("no value of the contract's types") || cause.contains("outside"), "{cause}");
    }
}

#[test]
fn buffers_that_lie_in_each_other_are_copies_of_their_own() {
    // Offsets, text and validity are the same bytes: 0, 1, 3.
    let mut guest = guest(&[node::UTF8]);
    let at = guest.put(&int32s(&[0, 1, 3]));
    let column = RawColumn { validity: Some([at + 4, 1]), tag: values::UTF8, buffers: [at, 3, at + 1, 3] };
    let output = answer(&guest.returning(2, &[column]), 2).unwrap();
    let output = output.column(0).as_string::<i32>();
    assert_eq!((output.value(0), output.is_null(1)), ("\0", true));
}

#[test]
fn tags_that_no_case_has_are_told_so() {
    for tag in [10, 127, 255] {
        let guest = guest(&[node::INT64]).returning(1, &[column(tag, [8, 1, 0, 0])]);
        let cause = refusal(&guest, 1);
        assert!(cause.starts_with("returned something that is no value of the contract's types"), "{cause}");
    }
}

#[test]
fn rows_that_nothing_stands_for_are_refused_before_anything_is_made_for_them() {
    for claimed in [u32::MAX, 1 << 31, 0] {
        let guest = guest(&[node::BOOLEAN]).returning(claimed, &[column(values::BOOLEAN, [0, 0, 0, 0])]);
        assert_eq!(broken(&guest, 3), format!("returned {claimed} rows for 3 rows of input"));
    }
}

#[test]
fn bits_behind_the_last_row_have_no_meaning() {
    let mut guest = guest(&[node::BOOLEAN]);
    let bits = guest.put(&[0b1111_1101, 0b1111_1110]);
    let column = RawColumn { validity: Some([bits, 1]), tag: values::BOOLEAN, buffers: [bits + 1, 1, 0, 0] };
    let output = answer(&guest.returning(3, &[column]), 3).unwrap();
    let output = output.column(0).as_boolean();
    assert_eq!(output.iter().collect::<Vec<_>>(), [Some(false), None, Some(true)]);
    assert_eq!(output.true_count(), 1);
}

#[test]
fn parents_and_parts_that_contradict_each_other_are_refused_by_their_rule() {
    let list = |offsets: &[i32]| {
        let mut guest = guest(&[node::LIST, node::INT64]);
        let (at, items) = (guest.put(&int32s(offsets)), guest.put(&int64s(&[5, 6, 7])));
        let columns = [
            column(values::OFFSETS, [at, small(offsets.len()), 0, 0]),
            column(values::INT64, [items, 3, 0, 0]),
        ];
        guest.returning(2, &columns)
    };
    assert!(answer(&list(&[0, 0, 3]), 2).is_ok());
    assert_eq!(broken(&list(&[0, 1, i32::MAX]), 2), "output `out` has 3 values instead of 2147483647");
    assert_eq!(broken(&list(&[0, 1, 2]), 2), "output `out` has 3 values instead of 2");
    assert_eq!(
        broken(&list(&[0, i32::MIN, 3]), 2),
        "the offsets of output `out` fall from 0 to -2147483648 at row 0"
    );
    assert_eq!(broken(&list(&[-1, 1, 3]), 2), "the offsets of output `out` start at -1 instead of 0");
    assert_eq!(broken(&list(&[0, 1, 2, 3]), 2), "output `out` has 3 values instead of 2");

    // A list of structs: the parts are as long as the lists are together, not as there are rows.
    let structs = |lengths: [u32; 2]| {
        let mut guest = guest(&[node::LIST, node::STRUCT, node::INT64, node::BOOLEAN]);
        let (at, items) = (guest.put(&int32s(&[0, 1, 3])), guest.put(&int64s(&[5, 6, 7])));
        let columns = [
            column(values::OFFSETS, [at, 3, 0, 0]),
            column(values::PARENT, [0; 4]),
            column(values::INT64, [items, lengths[0], 0, 0]),
            column(values::BOOLEAN, [items, lengths[1], 0, 0]),
        ];
        guest.returning(2, &columns)
    };
    assert!(answer(&structs([3, 1]), 2).is_ok());
    assert_eq!(broken(&structs([2, 1]), 2), "output `out` has 2 values instead of 3");
    assert_eq!(broken(&structs([3, 0]), 2), "the value bitmap of output `out` has 0 bytes instead of 1");

    // Parts where their parent should be, and a parent in the place of a part.
    let swapped = |tags: [u8; 3]| {
        let mut guest = guest(&[node::STRUCT, node::INT64, node::INT64]);
        let items = guest.put(&int64s(&[5, 6]));
        guest.returning(2, &tags.map(|tag| column(tag, [items, 2, items, 2])))
    };
    assert_eq!(
        broken(&swapped([values::INT64, values::PARENT, values::INT64]), 2),
        "output `out` came back as int64 instead of parent"
    );
    assert_eq!(
        broken(&swapped([values::PARENT, values::PARENT, values::INT64]), 2),
        "output `out` came back as parent instead of int64"
    );
    assert_eq!(
        broken(&swapped([values::PARENT, values::INT64, values::OFFSETS]), 2),
        "output `out` came back as offsets instead of int64"
    );
}

#[test]
fn what_lies_under_the_null_of_a_parent_is_not_looked_at() {
    // Two structs of JSON and text, of which the second is null and holds no JSON.
    let mut structs = guest(&[node::STRUCT, node::JSON, node::UTF8]);
    let valid = structs.put(&[0b01]);
    let (offsets, data) = (structs.put(&int32s(&[0, 1, 2])), structs.put(b"1{"));
    let columns = [
        RawColumn { validity: Some([valid, 1]), tag: values::PARENT, buffers: [0; 4] },
        column(values::UTF8, [offsets, 3, data, 2]),
        column(values::UTF8, [offsets, 3, data, 2]),
    ];
    let output = answer(&structs.returning(2, &columns), 2).unwrap();
    assert_eq!(json_value(output.column(0), 0), json!({"a": "1", "b": "1"}));
    assert!(output.column(0).is_null(1));

    // Two lists of JSON, of which the second is null and has an item.
    let mut lists = guest(&[node::LIST, node::JSON]);
    let valid = lists.put(&[0b01]);
    let (offsets, data) = (lists.put(&int32s(&[0, 1, 2])), lists.put(b"1{"));
    let columns = [
        RawColumn { validity: Some([valid, 1]), tag: values::OFFSETS, buffers: [offsets, 3, 0, 0] },
        column(values::UTF8, [offsets, 3, data, 2]),
    ];
    let output = answer(&lists.returning(2, &columns), 2).unwrap();
    assert_eq!(json_value(output.column(0), 0), json!(["1"]));
    assert!(output.column(0).is_null(1));
}

#[test]
fn times_without_a_year_come_back_and_can_be_shown() {
    let mut times = guest(&[node::TIMESTAMP_MICROS]);
    let at = times.put(&int64s(&[i64::MIN, i64::MAX, -1]));
    let output = answer(&times.returning(3, &[column(values::TIMESTAMP_MICROS, [at, 3, 0, 0])]), 3).unwrap();
    assert_eq!(json_value(output.column(0), 0), json!("-9223372036854775808µs"));
    assert_eq!(json_value(output.column(0), 2), json!("1969-12-31T23:59:59.999999Z"));

    // A zone that is none, and a time that is null within one that is not.
    let mut zoned = guest(&[node::ZONED_TIMESTAMP, node::TIMESTAMP_MICROS, node::UTF8]);
    let (at, valid) = (zoned.put(&int64s(&[i64::MIN, 0])), zoned.put(&[0b01]));
    let (offsets, data) = (zoned.put(&int32s(&[0, 5, 10])), zoned.put(b"no/noUTC+1"));
    let columns = [
        column(values::PARENT, [0; 4]),
        RawColumn { validity: Some([valid, 1]), tag: values::TIMESTAMP_MICROS, buffers: [at, 2, 0, 0] },
        column(values::UTF8, [offsets, 3, data, 10]),
    ];
    // Whatever becomes of them, it is an answer or an error.
    match answer(&zoned.returning(2, &columns), 2) {
        Ok(output) => drop((0..2).map(|row| json_value(output.column(0), row)).collect::<Vec<_>>()),
        Err(error) => assert!(error.chain().contains("output `out` holds"), "{}", error.chain()),
    }
}

#[test]
fn texts_of_a_form_are_judged_however_long_and_deep() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for (type_node, text, name) in [
        (node::JSON, deep.as_str(), "Json"),
        (node::JSON, "{\"a\": 1, \"a\":", "Json"),
        (node::JSON, "\"\u{1}\"", "Json"),
        (node::JSON, "1 2", "Json"),
        (node::JSON, "", "Json"),
        (node::JSON, "\u{feff}1", "Json"),
        (node::DECIMAL, "-", "Decimal"),
        (node::DECIMAL, "1\0", "Decimal"),
        (node::DECIMAL, "1e+-3", "Decimal"),
        (node::DECIMAL, "١", "Decimal"),
    ] {
        let rule = broken(&texts(type_node, &["1", text]), 2);
        assert!(rule.starts_with("output `out` holds "), "{rule}");
        assert!(rule.ends_with(&format!("in row 1, which is not a valid {name}")), "{rule}");
        assert!(rule.len() < 400, "a long value is cut: {}", rule.len());
    }
    let (digits, nested) =
        (format!("-{}", "9".repeat(1 << 20)), format!("{}1{}", "[".repeat(100), "]".repeat(100)));
    for (type_node, good) in [
        (node::DECIMAL, "-1e-999999999999999999999999"),
        (node::DECIMAL, digits.as_str()),
        (node::JSON, nested.as_str()),
        (node::JSON, "{\"a\": 1, \"a\": 2}"),
        (node::JSON, "\"\\u0000\""),
        (node::UTF8, "a\0b\u{1b}[2J\u{202e}"),
    ] {
        let output = answer(&texts(type_node, &[good]), 1);
        let output =
            output.unwrap_or_else(|error| panic!("{}: {}", &good[..good.len().min(40)], error.chain()));
        assert_eq!(output.column(0).as_string::<i32>().value(0), good);
    }
}
