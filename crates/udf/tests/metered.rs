//! What a call costs, and what a component is made of.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper may stop its test")]

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use arrow::array::{ArrayRef, AsArray as _, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use larder_core::TransformationLimits;
use larder_testkit::guests;
use larder_udf::{Anatomy, CallError, Meter, MeteredFunction, WasmKind, WasmRuntimeOptions};

static METER: LazyLock<Meter> = LazyLock::new(|| Meter::try_new(&WasmRuntimeOptions::default()).unwrap());

fn function(guest: &[u8], name: &str, limits: TransformationLimits) -> MeteredFunction {
    METER.load(guest.into()).unwrap().function(name, limits).unwrap()
}

fn rows(column: &str, rows: i64) -> RecordBatch {
    let values: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
    RecordBatch::try_from_iter([(column, values)]).unwrap()
}

fn doubled() -> MeteredFunction {
    function(guests::feast_golden(), "od_reqonly", TransformationLimits::default())
}

#[test]
fn the_same_rows_cost_the_same_instructions_and_more_rows_cost_more() {
    let input = rows("val_to_add", 100);
    let call = doubled().call(&input);
    assert_eq!(call.output.unwrap().column(0).as_primitive::<Int64Type>().value(99), 198);
    assert_eq!(doubled().call(&input).instructions, call.instructions);
    assert!(doubled().call(&rows("val_to_add", 200)).instructions > call.instructions);
}

#[test]
fn memory_is_at_least_that_at_the_start_and_grows_with_the_input() {
    let initial = Anatomy::of(guests::feast_golden()).unwrap().memories[0].initial_bytes;
    let small = doubled().call(&rows("val_to_add", 1)).memory_bytes;
    assert!(u64::try_from(small).unwrap() >= initial);
    assert!(doubled().call(&rows("val_to_add", 200_000)).memory_bytes > small + 200_000 * 8);
}

#[test]
fn a_timed_call_gives_the_same_as_a_counted_one() {
    let input = rows("val_to_add", 1_000);
    let (output, time) = doubled().time(&input);
    assert_eq!(output.unwrap(), doubled().call(&input).output.unwrap());
    assert!(time > Duration::ZERO);
}

#[test]
fn only_a_second_call_in_one_instance_sees_the_first() {
    let counts = function(guests::hostile_behaviours(), "counts_its_calls", TransformationLimits::default());
    let out = |output: &RecordBatch| output.column(0).as_primitive::<Int64Type>().value(0);
    let (first, second) = counts.call_again(&rows("value", 1));
    assert_eq!((out(&first.output.unwrap()), out(&second.unwrap().output.unwrap())), (0, 1));
    assert_eq!(out(&counts.call(&rows("value", 1)).output.unwrap()), 0);
}

#[test]
fn limits_hold_while_counting_too() {
    let limits =
        TransformationLimits { wall_time: Duration::from_millis(20), ..TransformationLimits::default() };
    let loops = function(guests::hostile_behaviours(), "loops", limits);
    let call = loops.call(&rows("value", 1));
    assert!(matches!(call.output, Err(CallError::Time { limit }) if limit == limits.wall_time), "{call:?}");
    let (_, second) = loops.call_again(&rows("value", 1));
    assert!(second.is_none(), "the instance is gone");
    let eats = function(guests::hostile_behaviours(), "eats_memory", TransformationLimits::default());
    assert!(matches!(eats.call(&rows("value", 1)).output, Err(CallError::Memory { .. })));
}

#[test]
fn an_instance_that_does_not_fit_its_limit_is_told_as_memory() {
    let limits = TransformationLimits { memory_bytes: 1 << 16, ..TransformationLimits::default() };
    let call = function(guests::feast_golden(), "od_reqonly", limits).call(&rows("val_to_add", 1));
    assert!(matches!(call.output, Err(CallError::Memory { .. })), "{call:?}");
}

#[test]
fn other_columns_than_those_declared_are_refused() {
    let text: ArrayRef = Arc::new(StringArray::from(vec!["a"]));
    let input = RecordBatch::try_from_iter([("val_to_add", text)]).unwrap();
    let error = doubled().call(&input).output.unwrap_err();
    assert_eq!(error.to_string(), "was given `val_to_add`: Utf8 instead of `val_to_add`: Int64");
    assert!(matches!(doubled().time(&input).0, Err(CallError::WrongInput { .. })));
}

#[test]
fn a_module_and_the_component_made_of_it_have_one_digest_and_two_anatomies() {
    let module = guests::driver_features();
    let component = METER.load(module.into()).unwrap().inspected();
    assert_eq!(METER.digest(module.into()).unwrap(), component.digest);
    assert_eq!(METER.digest(Arc::clone(&component.bytes)).unwrap(), component.digest);
    let (of_module, of_component) = (Anatomy::of(module).unwrap(), Anatomy::of(&component.bytes).unwrap());
    assert_eq!((of_module.kind, of_component.kind), (WasmKind::Module, WasmKind::Component));
    assert_eq!(of_module.memories, of_component.memories);
    assert_eq!(of_module.contract.as_deref(), Some("0.2.0"));
    assert_eq!(of_component.contract.as_deref(), Some("0.2.0"));
    assert!(of_module.imports.is_empty() && of_module.exports.contains(&"memory".to_owned()));
    assert_eq!(of_component.exports, ["larder:udf/transformation@0.2.0"]);
}

#[test]
fn an_import_is_told_though_it_is_refused_and_what_is_no_wasm_has_no_anatomy() {
    let anatomy = Anatomy::of(guests::hostile_foreign_import()).unwrap();
    assert_eq!(anatomy.imports.len(), 1);
    assert!(Anatomy::of(b"def f(): pass").is_err());
    assert!(Anatomy::of(b"\0asm\x01\0\0\0\x01\xff").is_err());
}
