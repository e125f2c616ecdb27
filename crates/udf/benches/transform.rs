//! Models the cost of one call of a transformation: per call at 1 row (a request), per row at 10,000
//! (a training set). Each size runs the same kernel two ways: natively over Arrow arrays, and through
//! the sandbox as a caller sees it, with its fresh instance, copies and checks, and its thread hop where
//! it is long. The longest batch is run on one core too, to see that it uses them all.

use std::hint::black_box;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float32Array, Float64Array, Int64Array, RecordBatch};
use arrow::datatypes::{Float32Type, Int64Type};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use larder_core::{TransformationLimits, UdfRuntime};
use larder_testkit::guests;
use larder_udf::{SandboxLimits, WasmRuntime, WasmRuntimeOptions};

/// `transformed_conv_rate` of `udfs/rust/driver_features`, natively.
#[expect(clippy::cast_precision_loss, reason = "as the sample does")]
fn native(input: &RecordBatch) -> [Float64Array; 2] {
    let rate = input.column(0).as_primitive::<Float32Type>();
    [1, 2].map(|column| {
        let values = input.column(column).as_primitive::<Int64Type>();
        let rows = rate.iter().zip(values.iter());
        rows.map(|(rate, value)| Some(f64::from(rate?) + value? as f64)).collect()
    })
}

#[expect(clippy::cast_precision_loss, reason = "any numbers will do")]
fn input(rows: u32) -> RecordBatch {
    let rates: Float32Array = (0..rows).map(|row| (row % 11 != 3).then_some(row as f32 / 7.0)).collect();
    let values: Int64Array = (0..rows).map(|row| (row % 13 != 5).then_some(i64::from(row))).collect();
    let values: ArrayRef = Arc::new(values);
    RecordBatch::try_from_iter([
        ("conv_rate", Arc::new(rates) as ArrayRef),
        ("val_to_add", Arc::clone(&values)),
        ("val_to_add_2", values),
    ])
    .expect("columns of one length")
}

fn transform(criterion: &mut Criterion) {
    let tokio = tokio::runtime::Builder::new_multi_thread().build().expect("threads");
    let load = |sandbox| {
        let options = WasmRuntimeOptions { sandbox, ..WasmRuntimeOptions::default() };
        let runtime = WasmRuntime::try_new(options).expect("engine");
        let limits = TransformationLimits::default();
        let loaded = runtime.load("bench", guests::driver_features().into(), "transformed_conv_rate", limits);
        tokio.block_on(loaded).expect("the sample loads")
    };
    let function = load(SandboxLimits::default());
    let mut group = criterion.benchmark_group("transform");
    // What leaving the async threads costs by itself; part of every call below.
    group.bench_function("thread hop", |bencher| {
        bencher.iter(|| tokio.block_on(async { tokio::task::spawn_blocking(|| black_box(1)).await }));
    });
    for rows in [1_u32, 10, 100, 1_000, 10_000, 65_536] {
        let input = input(rows);
        let output = tokio.block_on(function.transform(input.clone())).expect("the sample works");
        let [first, second] = native(&input);
        assert_eq!(output.column(0).as_ref(), &first as &dyn Array);
        assert_eq!(output.column(1).as_ref(), &second as &dyn Array);
        group.bench_with_input(BenchmarkId::new("native", rows), &input, |bencher, input| {
            bencher.iter(|| native(black_box(input)));
        });
        group.bench_with_input(BenchmarkId::new("wasm", rows), &input, |bencher, input| {
            bencher.iter(|| tokio.block_on(function.transform(black_box(input).clone())));
        });
    }
    let one_core = load(SandboxLimits { concurrent_calls: 1, ..SandboxLimits::default() });
    let input = input(65_536);
    group.bench_with_input(BenchmarkId::new("wasm on one core", 65_536), &input, |bencher, input| {
        bencher.iter(|| tokio.block_on(one_core.transform(black_box(input).clone())));
    });
    group.finish();
}

criterion_group!(benches, transform);
criterion_main!(benches);
