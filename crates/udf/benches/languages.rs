//! Models what each language costs: once for each component (compiling, or loading what was compiled), and for each
//! call at 1 row (a request) and 1,000 rows, in a fresh instance of a warm engine, with thread hop, copies and checks.
//!
//! Prints a table of medians. It measures the components that the test of the languages built in the same target
//! folder: `cargo test -p larder-cli --test udf_languages`.

#![expect(clippy::print_stdout, reason = "printing a table is what it is for")]
#![expect(clippy::disallowed_methods, reason = "a benchmark is about real time")]

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Float32Array, Int64Array, RecordBatch};
use larder_core::{Transformation, TransformationLimits, UdfRuntime};
use larder_udf::{WasmRuntime, WasmRuntimeOptions};
use tokio::runtime::Runtime;

const FUNCTION: &str = "transformed_conv_rate";

fn main() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("udf_languages");
    println!("| language | component | compile | load, compiled | call, 1 row | call, 1,000 rows |");
    println!("|---|---|---|---|---|---|");
    for (lang, name) in [("rust", "Rust"), ("c", "C"), ("js", "JavaScript"), ("python", "Python")] {
        let file = folder.join(format!("my_{lang}/my_{lang}.wasm"));
        println!("| {name} {}", row(&file));
    }
}

fn row(file: &PathBuf) -> String {
    let bytes = fs::read(file).expect("`cargo test -p larder-cli --test udf_languages` builds it");
    let bytes: Arc<[u8]> = bytes.into();
    let cache = tempfile::tempdir().expect("a folder");
    let tokio = tokio::runtime::Builder::new_multi_thread().build().expect("threads");
    let (compiled, _) = load(&tokio, &bytes, cache.path());
    let loads: Vec<_> = (0..5).map(|_| load(&tokio, &bytes, cache.path())).collect();
    let (_, function) = loads.last().expect("some loads");
    let calls = [1, 1_000].map(|rows| {
        let input = input(rows);
        median((0..200).map(|_| {
            let start = Instant::now();
            let output = tokio.block_on(function.transform(black_box(input.clone())));
            let elapsed = start.elapsed();
            assert_eq!(output.expect("the sample works").num_rows(), usize::from(rows));
            elapsed
        }))
    });
    format!(
        "| {} KB | {} | {} | {} | {} |",
        bytes.len() / 1_000,
        shown(compiled),
        shown(median(loads.iter().map(|(elapsed, _)| *elapsed))),
        shown(calls[0]),
        shown(calls[1])
    )
}

/// Loads a function in a new runtime, and the time for it without that of starting the engine.
fn load(tokio: &Runtime, bytes: &Arc<[u8]>, cache: &Path) -> (Duration, Arc<dyn Transformation>) {
    let options = WasmRuntimeOptions { cache_dir: Some(cache.to_owned()), ..WasmRuntimeOptions::default() };
    let runtime = WasmRuntime::try_new(options).expect("engine");
    let start = Instant::now();
    let limits = TransformationLimits::default();
    let function = tokio.block_on(runtime.load("bench", Arc::clone(bytes), FUNCTION, limits));
    (start.elapsed(), function.expect("the sample loads"))
}

fn input(rows: u16) -> RecordBatch {
    let rates: Float32Array = (0..rows).map(|row| (row % 11 != 3).then_some(f32::from(row) / 7.0)).collect();
    let values: Int64Array = (0..rows).map(|row| (row % 13 != 5).then_some(i64::from(row))).collect();
    let values: ArrayRef = Arc::new(values);
    RecordBatch::try_from_iter([
        ("conv_rate", Arc::new(rates) as ArrayRef),
        ("val_to_add", Arc::clone(&values)),
        ("val_to_add_2", values),
    ])
    .expect("columns of one length")
}

fn median(times: impl Iterator<Item = Duration>) -> Duration {
    let mut times: Vec<_> = times.collect();
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// Three digits.
fn shown(time: Duration) -> String {
    let micros = time.as_secs_f64() * 1e6;
    match micros {
        ..100.0 => format!("{micros:.1} µs"),
        ..1e3 => format!("{micros:.0} µs"),
        ..1e5 => format!("{:.1} ms", micros / 1e3),
        ..1e6 => format!("{:.0} ms", micros / 1e3),
        _ => format!("{:.1} s", micros / 1e6),
    }
}
