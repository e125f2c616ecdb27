//! A transformation is a pure function of each row.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper may stop its test")]

mod support;

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::Int64Type;
use futures::future::join_all;
use larder_testkit::guests;
use larder_udf::{SandboxLimits, WasmRuntime};
use proptest::prelude::*;
use support::{RUNTIME, TOKIO, bytes, call, load, runtime_with, tables};

/// Rows of a piece: single rows, odd pieces, whole bytes of bitmaps, and nearly everything.
const SIZES: [usize; 4] = [1, 13, 64, 149];

/// A runtime for each size of pieces.
static SPLITTING: LazyLock<[WasmRuntime; 4]> = LazyLock::new(|| {
    SIZES.map(|rows_per_call| runtime_with(SandboxLimits { rows_per_call, ..SandboxLimits::default() }))
});

/// Sample functions that are neither echoes nor hostile.
fn functions() -> Vec<(&'static [u8], &'static str)> {
    vec![
        (guests::driver_features(), "transformed_conv_rate"),
        (guests::driver_features(), "driver_quality"),
        (guests::basket(), "basket_prices"),
        (guests::basket(), "basket_tags"),
        (guests::basket(), "basket_lines"),
        (guests::trip_text(), "address_features"),
        (guests::trip_text(), "trip_time"),
        (guests::echo(), "rebuild"),
    ]
}

fn inputs() -> impl Strategy<Value = ((&'static [u8], &'static str), RecordBatch)> {
    prop::sample::select(functions()).prop_flat_map(|(guest, function)| {
        let fields = load(&RUNTIME, guest, function).signature().inputs.clone();
        (Just((guest, function)), tables(fields, 150))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_same_input_gives_the_same_bytes((function, input) in inputs()) {
        let function = load(&RUNTIME, function.0, function.1);
        prop_assert_eq!(bytes(&call(&function, &input).unwrap()), bytes(&call(&function, &input).unwrap()));
    }

    #[test]
    fn a_split_batch_gives_what_the_whole_gives((function, input) in inputs(), size in 0_usize..SIZES.len()) {
        let whole = call(&load(&RUNTIME, function.0, function.1), &input).unwrap();
        let pieces = call(&load(&SPLITTING[size], function.0, function.1), &input).unwrap();
        prop_assert_eq!(pieces, whole);
    }
}

#[test]
fn a_long_batch_keeps_its_rows_in_order() {
    let rows: ArrayRef = Arc::new(Int64Array::from_iter_values(0..100_000));
    let input = RecordBatch::try_from_iter([("val_to_add", rows)]).unwrap();
    let output = call(&load(&RUNTIME, guests::feast_golden(), "od_reqonly"), &input).unwrap();
    let doubled = output.column(0).as_primitive::<Int64Type>();
    assert!((0..100_000).all(|row| doubled.value(row) == 2 * i64::try_from(row).unwrap()));
    assert_eq!(doubled.len(), 100_000);
}

#[test]
fn an_empty_batch_has_the_columns_of_the_signature() {
    let function = load(&RUNTIME, guests::basket(), "basket_prices");
    let input = support::table(
        &function.signature().inputs,
        vec![arrow::array::new_empty_array(&function.signature().inputs[0].value_type.data_type())],
    );
    let output = call(&function, &input).unwrap();
    assert_eq!((output.num_rows(), output.num_columns()), (0, 3));
}

#[test]
fn no_call_sees_what_another_left_behind() {
    let function = load(&RUNTIME, guests::hostile_behaviours(), "counts_its_calls");
    let value: ArrayRef = Arc::new(Int64Array::from(vec![7]));
    let input = RecordBatch::try_from_iter([("value", value)]).unwrap();
    let calls = (0..200).map(|_| function.transform(input.clone()));
    for output in TOKIO.block_on(join_all(calls)) {
        assert_eq!(output.unwrap().column(0).as_primitive::<Int64Type>().value(0), 0);
    }
}

#[test]
fn calls_beyond_the_slots_wait_instead_of_failing() {
    let runtime = runtime_with(SandboxLimits { concurrent_calls: 1, ..SandboxLimits::default() });
    let function = load(&runtime, guests::feast_golden(), "od_reqonly");
    let value: ArrayRef = Arc::new(Int64Array::from(vec![21]));
    let input = RecordBatch::try_from_iter([("val_to_add", value)]).unwrap();
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let (function, input) = (Arc::clone(&function), input.clone());
            TOKIO.spawn(async move { function.transform(input).await })
        })
        .collect();
    for output in TOKIO.block_on(join_all(tasks)) {
        assert_eq!(output.unwrap().unwrap().column(0).as_primitive::<Int64Type>().value(0), 42);
    }
}
