//! The components that the command carries, so that its sample repos need no Wasm target.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a helper may stop its test")]

mod support;

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use larder_core::{TransformationLimits, TransformationSignature, UdfRuntime};
use larder_testkit::guests;
use larder_udf::{WasmRuntime, WasmRuntimeOptions};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use support::{bytes, tables};

const REFRESH: &str = "LARDER_BLESS=1 cargo test -p larder-udf --test demo_component";

/// A table with nulls for any signature, the same in every run.
fn table(signature: &TransformationSignature) -> RecordBatch {
    let mut runner = TestRunner::deterministic();
    let tables =
        (0..20).map(|_| tables(signature.inputs.clone(), 1_000).new_tree(&mut runner).unwrap().current());
    tables.max_by_key(RecordBatch::num_rows).unwrap()
}

#[tokio::test]
async fn the_components_of_sample_repos_do_what_their_sources_do() {
    is_current("driver_features", guests::driver_features()).await;
    is_current("text_sentiment", guests::text_sentiment()).await;
}

async fn is_current(name: &str, built: &'static [u8]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../cli/demo/{name}.wasm"));
    let runtime = WasmRuntime::try_new(WasmRuntimeOptions::default()).unwrap();
    let built = runtime.inspect(built.into()).await.unwrap();
    if std::env::var_os("LARDER_BLESS").is_some() {
        std::fs::write(&path, &built.bytes).unwrap();
    }
    let checked_in = std::fs::read(&path).unwrap_or_else(|error| panic!("{error}; make it with `{REFRESH}`"));
    let checked_in = runtime.inspect(checked_in.into()).await.unwrap();
    assert_eq!(checked_in.signatures, built.signatures, "stale; refresh it with `{REFRESH}`");
    for signature in &built.signatures {
        let mut outputs = Vec::new();
        for component in [&checked_in, &built] {
            let limits = TransformationLimits::default();
            let function = runtime.load("demo", Arc::clone(&component.bytes), &signature.name, limits);
            let output = function.await.unwrap().transform(table(signature)).await.unwrap();
            outputs.push(bytes(&output));
        }
        assert_eq!(outputs[0], outputs[1], "`{}` is stale; refresh it with `{REFRESH}`", signature.name);
    }
}
