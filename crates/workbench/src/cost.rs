//! What it costs to put a table through a function.

use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use larder_udf::{CallError, MeteredFunction};
use serde_json::{Value, json};

/// The cost of a table, in as many calls as larder makes of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Rows.
    pub rows: usize,
    /// Calls; more than one for long tables.
    pub calls: usize,
    /// Instructions of all calls.
    pub instructions: u64,
    /// Wall time of all calls, one after the other, in code that does not count.
    pub time: Duration,
    /// The most linear memory that a call had.
    pub memory_bytes: usize,
    /// Bytes of the output's columns.
    pub output_bytes: usize,
}

impl Cost {
    /// The same for machines.
    pub fn to_json(&self) -> Value {
        json!({
            "rows": self.rows,
            "calls": self.calls,
            "instructions": self.instructions,
            "nanoseconds": u64::try_from(self.time.as_nanos()).unwrap_or(u64::MAX),
            "memory_bytes": self.memory_bytes,
            "output_bytes": self.output_bytes,
        })
    }
}

/// A table that a function has made, and what it cost.
#[derive(Debug)]
pub struct Measured {
    /// The output `[rows × outputs]`, or how the first bad call failed.
    pub output: Result<RecordBatch, CallError>,
    /// The cost, up to the bad call.
    pub cost: Cost,
}

/// Puts `input` through `function` twice: once in code as requests run it, for output and time (the best
/// of `timings` runs, at least one), and once in code that counts.
///
/// A table without rows is one call, which a request would not make.
pub fn measure(function: &MeteredFunction, input: &RecordBatch, timings: usize) -> Measured {
    let mut pieces = function.pieces(input);
    if pieces.is_empty() {
        pieces.push(0..0);
    }
    let mut cost = Cost { rows: input.num_rows(), ..Cost::default() };
    let mut outputs = Vec::with_capacity(pieces.len());
    for rows in pieces {
        let piece = input.slice(rows.start, rows.len());
        let (mut output, mut best) = function.time(&piece);
        for _ in 1..timings {
            if output.is_err() {
                break;
            }
            let (again, time) = function.time(&piece);
            best = best.min(time);
            output = again;
        }
        let counted = function.call(&piece);
        cost.calls += 1;
        cost.time += best;
        cost.instructions = cost.instructions.saturating_add(counted.instructions);
        cost.memory_bytes = cost.memory_bytes.max(counted.memory_bytes);
        match output {
            Ok(output) => outputs.push(output),
            Err(error) => return Measured { output: Err(error), cost },
        }
    }
    let output = joined(&outputs);
    cost.output_bytes = output.as_ref().map_or(0, buffer_bytes);
    Measured { output, cost }
}

/// The pieces of an output as one table.
pub(crate) fn joined(outputs: &[RecordBatch]) -> Result<RecordBatch, CallError> {
    match outputs {
        [only] => Ok(only.clone()),
        [first, ..] => concat_batches(first.schema_ref(), outputs)
            .map_err(|error| CallError::Engine { source: error.into() }),
        [] => Err(CallError::InputTooLong),
    }
}

/// Bytes of the values, offsets and bitmaps of a table.
fn buffer_bytes(table: &RecordBatch) -> usize {
    table.columns().iter().map(|column| column.to_data().get_slice_memory_size().unwrap_or(0)).sum()
}
