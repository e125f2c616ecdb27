//! From the bytes a user gives to a function that can be called.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper may stop its test")]

mod support;

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, RecordBatch};
use larder_core::{ErrorKind, TransformationLimits, UdfRuntime};
use larder_testkit::guests;
use larder_udf::{SandboxLimits, WasmRuntime, WasmRuntimeOptions};
use support::{RUNTIME, TOKIO, call, load};

#[test]
fn a_core_module_becomes_a_component_and_a_component_stays_what_it_is() {
    TOKIO.block_on(async {
        let module = RUNTIME.inspect(guests::driver_features().into()).await.unwrap();
        assert_ne!(&*module.bytes, guests::driver_features());
        let component = RUNTIME.inspect(Arc::clone(&module.bytes)).await.unwrap();
        assert_eq!(component.bytes, module.bytes);
        assert_eq!(component.digest, module.digest);
        assert_eq!(component.signatures, module.signatures);
        let names: Vec<&str> = component.signatures.iter().map(|signature| signature.name.as_str()).collect();
        assert_eq!(names, ["transformed_conv_rate", "driver_quality"]);
    });
}

#[test]
fn the_signature_says_names_and_types_in_order() {
    let function = load(&RUNTIME, guests::basket(), "basket_prices");
    let text = |fields: &[larder_core::Field]| {
        fields
            .iter()
            .map(|field| format!("{}: {}", field.name, field.value_type))
            .collect::<Vec<_>>()
            .join(", ")
    };
    assert_eq!(text(&function.signature().inputs), "prices: Array(Float64)");
    assert_eq!(
        text(&function.signature().outputs),
        "basket_total: Float64, basket_size: Int64, price_shares: Array(Float64)"
    );
}

#[test]
fn an_unknown_function_is_answered_with_the_known_ones() {
    let limits = TransformationLimits::default();
    let loaded = RUNTIME.load("v", guests::driver_features().into(), "conv_rate", limits);
    let error = TOKIO.block_on(loaded).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(
        error.to_string(),
        "on-demand feature view `v`: the component has no function `conv_rate`, only `transformed_conv_rate`, `driver_quality`"
    );
}

#[test]
fn a_view_cannot_have_more_memory_than_the_runtime_sets_aside() {
    let limits = TransformationLimits { memory_bytes: 2 << 30, ..TransformationLimits::default() };
    let loaded = RUNTIME.load("v", guests::driver_features().into(), "driver_quality", limits);
    assert_eq!(TOKIO.block_on(loaded).unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn a_view_cannot_have_larger_tables_than_the_runtime_sets_aside() {
    let limits = TransformationLimits { table_elements: 2_000_000, ..TransformationLimits::default() };
    let loaded = RUNTIME.load("v", guests::driver_features().into(), "driver_quality", limits);
    let error = TOKIO.block_on(loaded).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(
        error.to_string(),
        "on-demand feature view `v`: tables of 2000000 entries are more than the 1000000 that the runtime sets \
         aside; lower `limits: {table_elements: …}`"
    );
}

#[test]
fn a_view_cannot_have_more_stack_than_the_runtime_grants() {
    let limits = TransformationLimits { stack_bytes: 2 << 20, ..TransformationLimits::default() };
    let loaded = RUNTIME.load("v", guests::driver_features().into(), "driver_quality", limits);
    let error = TOKIO.block_on(loaded).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(
        error.to_string(),
        "on-demand feature view `v`: 2097152 bytes of stack are more than the 1048576 that the runtime grants to a \
         call; lower `limits: {stack: …}`"
    );
}

#[test]
fn a_table_of_other_columns_is_not_passed_on() {
    let function = load(&RUNTIME, guests::feast_golden(), "od_reqonly");
    let value: ArrayRef = Arc::new(Int32Array::from(vec![1]));
    for name in ["val_to_add", "another"] {
        let input = RecordBatch::try_from_iter([(name, Arc::clone(&value))]).unwrap();
        let error = call(&function, &input).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
        assert!(
            error.to_string().ends_with(&format!("was given `{name}`: Int32 instead of `val_to_add`: Int64"))
        );
    }
}

#[cfg(unix)]
#[test]
fn two_runtimes_share_what_one_of_them_compiled() {
    use std::os::unix::fs::MetadataExt as _;
    let folder = tempfile::tempdir().unwrap();
    let options = || WasmRuntimeOptions {
        cache_dir: Some(folder.path().to_owned()),
        sandbox: SandboxLimits::default(),
    };
    let inspect = || {
        let runtime = WasmRuntime::try_new(options()).unwrap();
        TOKIO.block_on(runtime.inspect(guests::driver_features().into())).unwrap().signatures
    };
    let entries = || {
        let files = std::fs::read_dir(folder.path().join("components")).unwrap();
        let mut entries: Vec<_> = files
            .map(|file| file.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "cwasm"))
            // A file that was written again is another one; one that was used only has another time.
            .map(|path| (std::fs::metadata(&path).unwrap().ino(), path))
            .collect();
        entries.sort();
        entries
    };
    let first = inspect();
    let after_first = entries();
    assert_eq!(after_first.len(), 1);
    assert_eq!(inspect(), first);
    assert_eq!(entries(), after_first, "the second runtime wrote nothing, so it compiled nothing");
    let path = &after_first[0].1;
    let mut damaged = std::fs::read(path).unwrap();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    std::fs::write(path, &damaged).unwrap();
    assert_eq!(inspect(), first, "damaged code is compiled again, not run");
    assert_ne!(std::fs::read(path).unwrap(), damaged);
}
