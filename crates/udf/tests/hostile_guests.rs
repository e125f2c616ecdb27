//! Whatever a guest does, the host answers with an error that says it, and goes on.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper may stop its test")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::Int64Type;
use futures::future::join_all;
use larder_core::{Error, ErrorKind, TransformationLimits, UdfRuntime};
use larder_testkit::guests;
use larder_udf::{CallError, SandboxLimits, UdfError, WasmRuntime};
use support::{RUNTIME, TOKIO, call, load, runtime_with};

fn four_rows() -> RecordBatch {
    let value: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(3), Some(4)]));
    RecordBatch::try_from_iter([("value", value)]).unwrap()
}

fn limits() -> TransformationLimits {
    TransformationLimits {
        // Long, so that only the test of the time limit meets it, even on a busy machine.
        wall_time: Duration::from_secs(60),
        memory_bytes: 128 << 20,
        output_bytes: 8 << 20,
        ..TransformationLimits::default()
    }
}

fn failure_within(limits: TransformationLimits, function: &str) -> Error {
    TOKIO.block_on(async {
        let guest = guests::hostile_behaviours().into();
        let function = RUNTIME.load("v", guest, function, limits).await.unwrap();
        function.transform(four_rows()).await.expect_err("the function misbehaves")
    })
}

/// The cause, after the names of view and function.
fn cause(function: &str) -> String {
    let error = failure_within(limits(), function);
    assert_eq!(error.kind(), ErrorKind::Transformation);
    let chain = error.chain().replace(" (`limits: {output: …}` of its `transformation` gives more)", "");
    let named = format!("on-demand feature view `v`: function `{function}` failed: ");
    chain.strip_prefix(&named).unwrap_or_else(|| panic!("names are missing in {chain:?}")).to_owned()
}

#[test]
fn a_panic_is_called_one() {
    assert_eq!(cause("panics"), "panicked, or reached `unreachable`");
}

#[test]
fn an_endless_loop_runs_out_of_time() {
    let limits = TransformationLimits { wall_time: Duration::from_millis(50), ..limits() };
    let error = failure_within(limits, "loops");
    assert_eq!(
        error.chain(),
        "on-demand feature view `v`: function `loops` failed (`limits: {wall_time: …}` of its `transformation` \
         gives more): ran out of time (limit 50ms)"
    );
}

#[test]
fn time_limits_hold_after_the_runtime_is_gone() {
    let limits = TransformationLimits { wall_time: Duration::from_millis(50), ..limits() };
    let runtime = runtime_with(SandboxLimits::default());
    let guest = guests::hostile_behaviours().into();
    let function = TOKIO.block_on(runtime.load("v", guest, "loops", limits)).unwrap();
    drop(runtime);
    let error = call(&function, &four_rows()).unwrap_err();
    assert_eq!(
        error.chain(),
        "on-demand feature view `v`: function `loops` failed (`limits: {wall_time: …}` of its `transformation` \
         gives more): ran out of time (limit 50ms)"
    );
}

#[test]
fn a_memory_bomb_runs_out_of_memory() {
    let limits = TransformationLimits { memory_bytes: 16 << 20, ..limits() };
    let error = failure_within(limits, "eats_memory");
    assert_eq!(
        error.chain(),
        "on-demand feature view `v`: function `eats_memory` failed (`limits: {memory: …}` of its \
         `transformation` gives more): ran out of memory (limit 16 MiB)"
    );
}

#[test]
fn endless_recursion_is_stopped_and_guessed() {
    assert!(cause("recurses").contains("endless recursion"));
}

#[test]
fn an_error_of_the_function_is_passed_on() {
    assert_eq!(cause("fails"), "this row is not to my taste");
}

#[test]
fn a_message_that_is_no_text_is_called_that() {
    let cause = cause("fails_in_no_language");
    assert!(cause.starts_with("returned something that is no value of the contract's types: "), "{cause}");
    assert!(cause.contains("utf-8"), "{cause}");
}

#[test]
fn an_error_without_a_message_is_an_error() {
    assert_eq!(cause("fails_without_a_word"), "an error without a message");
}

#[test]
fn repeated_items_of_a_set_are_kept_once() {
    let function = TOKIO
        .block_on(RUNTIME.load("v", guests::hostile_behaviours().into(), "set_with_repetitions", limits()))
        .unwrap();
    let output = call(&function, &four_rows()).unwrap();
    let sets = output.column(0).as_list::<i32>();
    let row = |row: usize| sets.value(row).as_primitive::<Int64Type>().values().to_vec();
    assert_eq!([row(0), row(1), row(3)], [vec![0, 7], vec![1, 7], vec![3, 7]]);
}

#[test]
fn a_view_says_how_much_of_a_message_is_kept() {
    let limits = TransformationLimits { output_bytes: 64 << 20, message_bytes: 10, ..limits() };
    let chain = failure_within(limits, "fails_at_length").chain();
    assert!(chain.ends_with(&format!("failed: {}…", "ä".repeat(5))), "{chain}");
}

#[test]
fn a_long_message_is_cut() {
    let limits = TransformationLimits { output_bytes: 64 << 20, ..limits() };
    let error = failure_within(limits, "fails_at_length");
    assert!(error.chain().len() < 5_000 && error.chain().ends_with("ä…"));
}

#[test]
fn a_message_beyond_the_output_limit_never_reaches_the_host() {
    assert_eq!(cause("fails_at_length"), "returned too much (limit 8 MiB)");
}

#[test]
fn an_output_that_breaks_the_contract_is_refused_by_rule_and_column() {
    for (function, expected) in [
        ("adds_a_row", "returned 5 rows for 4 rows of input"),
        ("lies_about_rows", "output `out` has 5 values instead of 4"),
        ("adds_a_column", "returned 2 columns instead of 1 (parts of nested ones are columns too)"),
        ("loses_a_column", "returned 0 columns instead of 1 (parts of nested ones are columns too)"),
        ("changes_the_type", "output `out` came back as float64 instead of int64"),
        ("shortens_validity", "the validity bitmap of output `out` has 0 bytes instead of 1"),
        ("shortens_booleans", "the value bitmap of output `out` has 0 bytes instead of 1"),
        ("falling_offsets", "the offsets of output `out` fall from 4 to 0 at row 3"),
        ("offsets_past_the_end", "the offsets of output `out` end at 4000, but there are 2 bytes or values"),
        ("offsets_not_from_zero", "the offsets of output `out` start at 1 instead of 0"),
        ("too_few_offsets", "output `out` has 0 values instead of 4"),
        ("broken_utf8", "output `out` holds text that is not utf-8"),
        ("splits_a_character", "output `out` holds text that is not utf-8"),
        ("list_of_nothing", "output `out` has 0 values instead of 4"),
        ("list_as_text", "output `out` came back as int64 instead of offsets"),
        ("struct_without_child", "returned 1 columns instead of 2 (parts of nested ones are columns too)"),
        ("struct_child_too_short", "output `out` has 1 values instead of 4"),
        ("not_json", "output `out` holds { in row 0, which is not a valid Json"),
        (
            "offsets_beyond_all_memory",
            "the offsets of output `out` end at 2147483647, but there are 2 bytes or values",
        ),
        ("negative_offsets", "the offsets of output `out` fall from 0 to -1 at row 0"),
    ] {
        let cause = cause(function);
        let rule = cause.strip_prefix("broke the contract of transformations: ");
        assert_eq!(rule, Some(expected), "{function}: {cause}");
    }
}

#[test]
fn a_huge_output_never_reaches_the_host() {
    assert_eq!(cause("huge_output"), "returned too much (limit 8 MiB)");
    assert_eq!(cause("a_million_columns"), "returned too much (limit 8 MiB)");
}

#[test]
fn the_causes_can_be_told_apart_by_their_types() {
    let error = failure_within(limits(), "adds_a_row");
    let Some(UdfError::Call { source, .. }) = error.downcast_ref() else { panic!("{error:?}") };
    assert!(matches!(source, CallError::Contract { .. }));
}

#[test]
fn the_slots_of_failed_calls_are_free_again() {
    let sandbox = SandboxLimits { concurrent_calls: 2, ..SandboxLimits::default() };
    let runtime = runtime_with(sandbox);
    for function in ["panics", "recurses", "adds_a_row"] {
        let function = load(&runtime, guests::hostile_behaviours(), function);
        let calls = (0..20).map(|_| function.transform(four_rows()));
        assert!(TOKIO.block_on(join_all(calls)).iter().all(Result::is_err));
    }
    let good = load(&runtime, guests::hostile_behaviours(), "counts_its_calls");
    let output = call(&good, &four_rows()).unwrap();
    assert_eq!(output.column(0).as_primitive::<Int64Type>().value(3), 0);
}

fn refused(runtime: &WasmRuntime, bytes: &[u8]) -> Error {
    let error = TOKIO.block_on(runtime.inspect(bytes.into())).expect_err("a rule is broken");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    error
}

#[test]
fn an_import_outside_the_world_is_named() {
    let chain = refused(&RUNTIME, guests::hostile_foreign_import()).chain();
    assert!(
        chain.starts_with("imports `wasi:clocks/wall-clock@0.2.0#now`, which transformations do not have")
    );
    assert!(
        chain.ends_with("build for wasm32-unknown-unknown or wasm32-wasip2, or with WASI stubbed out"),
        "{chain}"
    );
}

#[test]
fn two_functions_of_one_name_are_refused_at_load() {
    let chain = refused(&RUNTIME, guests::hostile_bad_signatures()).chain();
    assert_eq!(chain, "the component's signatures are not valid: function `twin` is declared twice");
}

#[test]
fn bytes_that_are_not_wasm_are_told_what_they_are() {
    let chain = refused(&RUNTIME, b"import pandas as pd\n").chain();
    assert!(chain.starts_with("not a wasm component but a text file, perhaps source code; build"), "{chain}");
}

#[test]
fn a_guest_that_is_larger_than_its_limit_at_the_start_runs_out_of_memory() {
    let limits = TransformationLimits { memory_bytes: 64 << 10, ..limits() };
    let chain = failure_within(limits, "fails").chain();
    assert!(chain.ends_with("ran out of memory (limit 64 KiB)"), "{chain}");
}
