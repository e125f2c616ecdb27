//! One call into a guest: a fresh instance, its limits, and the plain words for how it ended.

use arrow::array::RecordBatch;
use larder_core::TransformationLimits;
use wasmtime::{Store, Trap};

use crate::bindings::OnDemandFeatureViewPre;
use crate::bindings::exports::larder::udf::transformation::{Error as WitError, Signature};
use crate::bindings::larder::udf::arrow::BatchParam;
use crate::lift::lift;
use crate::limits::{MemoryLimitReached, MemoryLimiter};
use crate::lower::Lowered;
use crate::signature::AgreedSignature;
use crate::ticker::ticks_of;
use crate::{CallError, SandboxLimits};

/// A component that is ready to be instantiated.
pub(crate) type Instantiable = OnDemandFeatureViewPre<MemoryLimiter>;

/// Asks a component for its signatures.
pub(crate) fn signatures(
    component: &Instantiable,
    sandbox: &SandboxLimits,
) -> Result<Vec<Signature>, CallError> {
    let limits = TransformationLimits {
        wall_time: sandbox.signature_time,
        memory_bytes: sandbox.memory_bytes,
        output_bytes: sandbox.signature_bytes,
    };
    let mut store = store(component, limits, limits.output_bytes);
    let answer = component
        .instantiate(&mut store)
        .and_then(|guest| guest.larder_udf_transformation().call_signatures(&mut store));
    settle(answer, limits, sandbox)
}

/// Applies a function to the rows of `input`, which is of the function's input columns.
pub(crate) fn transform(
    component: &Instantiable,
    agreed: &AgreedSignature,
    input: &RecordBatch,
    limits: TransformationLimits,
    sandbox: &SandboxLimits,
) -> Result<RecordBatch, CallError> {
    /// What one column may add to the budget beside its buffers: its record, as wasmtime counts it.
    const COLUMN_BYTES: usize = 64;
    let row_count = u32::try_from(input.num_rows()).map_err(|_| CallError::InputTooLong)?;
    let lowered = Lowered::new(input, &agreed.signature.inputs);
    let columns = lowered.as_params();
    let records = (agreed.output_nodes + 1) * COLUMN_BYTES;
    // An error message travels on the same budget as an output.
    let copy_budget = limits.output_bytes.max(sandbox.message_bytes).saturating_add(records);
    let mut store = store(component, limits, copy_budget);
    let answer = component.instantiate(&mut store).and_then(|guest| {
        let input = BatchParam { row_count, columns: &columns };
        guest.larder_udf_transformation().call_transform(&mut store, agreed.index, input)
    });
    // The instance goes before the answer is looked at: nothing of it can matter any more.
    drop(store);
    let output = settle(answer, limits, sandbox)?;
    lift(output, agreed, input.num_rows(), limits.output_bytes)
        .map_err(|source| CallError::Contract { source: Box::new(source) })
}

fn store(component: &Instantiable, limits: TransformationLimits, copy_budget: usize) -> Store<MemoryLimiter> {
    let mut store = Store::new(component.engine(), MemoryLimiter::new(limits.memory_bytes));
    store.limiter(|limiter| limiter);
    store.set_epoch_deadline(ticks_of(limits.wall_time));
    store.set_hostcall_fuel(copy_budget);
    store
}

/// Tells the ways a call can end apart.
fn settle<T>(
    answer: wasmtime::Result<Result<T, WitError>>,
    limits: TransformationLimits,
    sandbox: &SandboxLimits,
) -> Result<T, CallError> {
    match answer {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(WitError { message })) => {
            Err(CallError::Guest { message: cut(message, sandbox.message_bytes) })
        }
        Err(error) => Err(stopped(error, limits)),
    }
}

fn stopped(error: wasmtime::Error, limits: TransformationLimits) -> CallError {
    let TransformationLimits { wall_time, memory_bytes, output_bytes } = limits;
    if error.is::<MemoryLimitReached>() {
        return CallError::Memory { limit_bytes: memory_bytes };
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => CallError::Time { limit: wall_time },
        Some(trap) => CallError::Trap { trap: in_plain_words(*trap) },
        // The error has no public type; a test of a guest with a huge output watches these words.
        None if error.root_cause().to_string().contains("too much data is being copied") => {
            CallError::Output { limit_bytes: output_bytes }
        }
        None => CallError::Engine { source: error.into() },
    }
}

pub(crate) fn in_plain_words(trap: Trap) -> &'static str {
    match trap {
        Trap::StackOverflow => "overflowed its stack (endless recursion?)",
        Trap::MemoryOutOfBounds | Trap::HeapMisaligned => {
            "reached outside its memory (endless recursion, or an unsafe access)"
        }
        Trap::UnreachableCodeReached => "panicked, or reached `unreachable`",
        Trap::IntegerDivisionByZero => "divided a whole number by zero",
        Trap::IntegerOverflow => "overflowed a whole number",
        Trap::BadConversionToInteger => "converted a number to a whole number that cannot hold it",
        Trap::TableOutOfBounds | Trap::IndirectCallToNull | Trap::BadSignature => {
            "called a function pointer that points to no such function"
        }
        Trap::ListOutOfBounds | Trap::StringOutOfBounds => "returned a pointer outside its memory",
        _ => "was stopped by a trap",
    }
}

/// Cuts a message of a guest at a character, so that it stays readable in a log and in an answer.
pub(crate) fn cut(mut message: String, limit_bytes: usize) -> String {
    if message.is_empty() {
        return "an error without a message".to_owned();
    }
    if message.len() > limit_bytes {
        let end = (0..=limit_bytes).rev().find(|end| message.is_char_boundary(*end)).unwrap_or_default();
        message.truncate(end);
        message.push('…');
    }
    message
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn messages_are_cut_between_characters() {
        assert_eq!(cut("äöü".to_owned(), 3), "ä…");
        assert_eq!(cut("äöü".to_owned(), 6), "äöü");
        assert_eq!(cut(String::new(), 6), "an error without a message");
    }

    #[test]
    fn a_time_limit_is_never_shorter_than_asked_for() {
        assert_eq!(ticks_of(Duration::ZERO), 1);
        assert_eq!(ticks_of(Duration::from_micros(1)), 2);
        assert_eq!(ticks_of(Duration::from_secs(1)), 1_001);
        assert!(ticks_of(Duration::MAX) < u64::MAX / 2);
    }
}
