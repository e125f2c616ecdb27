//! The component that `larder demo` carries, so that the demo needs no Wasm target.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Int64Array, RecordBatch};
use arrow::ipc::writer::StreamWriter;
use larder_core::{TransformationLimits, TransformationSignature, UdfRuntime};
use larder_testkit::guests;
use larder_udf::{WasmRuntime, WasmRuntimeOptions};

const REFRESH: &str = "LARDER_BLESS=1 cargo test -p larder-udf --test demo_component";

/// A batch with nulls for any signature of the sample functions.
fn batch(signature: &TransformationSignature) -> RecordBatch {
    let columns = signature.inputs.iter().zip(1_i32..).map(|(field, seed)| {
        let value = |row: i32| (row % 7 != seed % 7).then_some(row * 31 % 97 * seed);
        let array: ArrayRef = match field.value_type.to_string().as_str() {
            "Float32" => (0..1_000).map(|row| value(row).map(|value| value as f32 / 100.0)).collect::<Float32Array>().into_array(),
            "Int64" => (0..1_000).map(|row| value(row).map(i64::from)).collect::<Int64Array>().into_array(),
            other => panic!("add an arm for {other}, which an input of the sample functions now has"),
        };
        (field.name.clone(), array)
    });
    RecordBatch::try_from_iter(columns).unwrap()
}

trait IntoArray {
    fn into_array(self) -> ArrayRef;
}

impl<A: arrow::array::Array + 'static> IntoArray for A {
    fn into_array(self) -> ArrayRef {
        Arc::new(self)
    }
}

fn bytes(batch: &RecordBatch) -> Vec<u8> {
    let mut writer = StreamWriter::try_new(Vec::new(), batch.schema_ref()).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap()
}

#[tokio::test]
async fn the_demo_component_does_what_its_source_does() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cli/demo/driver_features.wasm");
    let runtime = WasmRuntime::try_new(WasmRuntimeOptions::default()).unwrap();
    let built = runtime.inspect(guests::driver_features().into()).await.unwrap();
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
            let output = function.await.unwrap().transform(batch(signature)).await.unwrap();
            outputs.push(bytes(&output));
        }
        assert_eq!(outputs[0], outputs[1], "`{}` is stale; refresh it with `{REFRESH}`", signature.name);
    }
}
