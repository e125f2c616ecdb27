//! What a call costs by the number of its rows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{RecordBatch, UInt64Array};
use arrow::compute::take;
use arrow::datatypes::Schema;
use larder_core::Field;
use larder_udf::{CallError, MeteredFunction};

use crate::cost::{Cost, measure};
use crate::generate::{Flavour, generate};
use crate::random::Random;

/// The numbers of rows that are measured.
pub const BENCH_ROWS: [usize; 9] = [1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536];

/// Rows of a generated table before they repeat.
const DISTINCT_ROWS: usize = 1_024;

/// Random ordinary rows for a benchmark; the same in every run.
pub fn bench_input(fields: &[Field]) -> RecordBatch {
    let rows = generate(fields, &BTreeMap::new(), DISTINCT_ROWS, Flavour::Ordinary, &mut Random::new(1));
    rows.to_table().unwrap_or_else(|_| {
        // A test of the generator holds that its values are of their types.
        RecordBatch::new_empty(Arc::new(Schema::new(fields.iter().map(Field::to_arrow).collect::<Vec<_>>())))
    })
}

/// Puts the rows of `input`, over and over, through the function in tables of each of [`BENCH_ROWS`].
///
/// # Errors
///
/// How the first bad call failed.
pub fn bench(
    function: &MeteredFunction,
    input: &RecordBatch,
    mut each: impl FnMut(&Cost),
) -> Result<Vec<Cost>, CallError> {
    let mut costs = Vec::with_capacity(BENCH_ROWS.len());
    for rows in BENCH_ROWS {
        let input = repeated(input, rows);
        let first = measure(function, &input, 1);
        first.output?;
        let measured = measure(function, &input, timings(first.cost.time));
        measured.output?;
        each(&measured.cost);
        costs.push(measured.cost);
    }
    Ok(costs)
}

/// How often a call is timed: for a fifth of a second, from 3 to 1,000 times.
fn timings(once: Duration) -> usize {
    const SPENT: Duration = Duration::from_millis(200);
    let times = SPENT.as_nanos() / once.as_nanos().max(1);
    usize::try_from(times).unwrap_or(usize::MAX).clamp(3, 1_000)
}

/// The rows of a table, over and over, up to `rows`.
fn repeated(input: &RecordBatch, rows: usize) -> RecordBatch {
    let there = input.num_rows().max(1);
    if input.num_rows() == 0 {
        return input.clone();
    }
    let indices: UInt64Array = (0..rows).map(|row| u64::try_from(row % there).unwrap_or(0)).collect();
    let columns = input
        .columns()
        .iter()
        .map(|column| take(column, &indices, None).expect("every index is that of a row"));
    RecordBatch::try_new(input.schema(), columns.collect()).unwrap_or_else(|_| input.slice(0, 0))
}
