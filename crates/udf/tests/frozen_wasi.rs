//! A guest that insists on a system gets one that stands still.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper may stop its test")]

mod support;

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use larder_core::{ErrorKind, JobRuntime as _};
use larder_testkit::guests;
use larder_udf::{SandboxLimits, WasmRuntime, WasmRuntimeOptions};
use support::{RUNTIME, TOKIO, call, load};

fn rows(values: Vec<i64>) -> RecordBatch {
    let value: ArrayRef = Arc::new(Int64Array::from(values));
    RecordBatch::try_from_iter([("value", value)]).unwrap()
}

fn answers(runtime: &WasmRuntime, values: Vec<i64>) -> Vec<String> {
    let output = call(&load(runtime, guests::asks_the_system(), "asks"), &rows(values));
    let output = output.unwrap_or_else(|error| panic!("{}", error.chain()));
    let texts = output.column(0).as_string::<i32>();
    texts.iter().map(|text| text.unwrap().to_owned()).collect()
}

#[test]
fn it_has_no_environment_no_files_and_no_input_and_it_is_1970() {
    let answers = answers(&RUNTIME, vec![7]);
    let [answer] = answers.as_slice() else { panic!("{answers:?}") };
    // No variables, no arguments, nothing to read, no time since 1970, none that passes.
    assert!(answer.starts_with("7: 0 0 Ok(0) Ok(0ns) 0ns "), "{answer}");
    assert!(answer.ends_with(" Err(NotFound) Err(NotFound)"), "{answer}");
}

#[test]
fn every_call_meets_the_same_system() {
    let first = answers(&RUNTIME, vec![7, 8]);
    assert_eq!(answers(&RUNTIME, vec![7, 8]), first);
    let another = WasmRuntime::try_new(WasmRuntimeOptions {
        sandbox: SandboxLimits { concurrent_calls: 1, quick_calls: 0, ..SandboxLimits::default() },
        ..WasmRuntimeOptions::default()
    });
    assert_eq!(answers(&another.unwrap(), vec![7, 8]), first);
}

#[test]
fn what_needs_a_world_outside_ends_the_call() {
    for (function, asked) in [
        ("connects", "network (`create-tcp-socket` of wasi:sockets)"),
        ("exits", "environment (`exit` of wasi:cli)"),
    ] {
        let error = call(&load(&RUNTIME, guests::asks_the_system(), function), &rows(vec![1])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Transformation);
        let told = format!(
            "on-demand feature view `view`: function `{function}` failed: asked for a system's {asked}, which \
             transformations do not have; take what is needed as inputs"
        );
        assert_eq!(error.chain(), told);
    }
}

#[test]
fn a_job_has_no_system() {
    let refused = TOKIO.block_on(RUNTIME.inspect_job(guests::asks_the_system().into())).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Invalid);
    assert!(refused.chain().contains("wasi:"), "{}", refused.chain());
}
