//! One call into a guest: a fresh instance, its limits, and the plain words for how it ended.

use arrow::array::RecordBatch;
use larder_core::TransformationLimits;
use wasmtime::{Store, Trap};

use crate::bindings::OnDemandFeatureViewPre;
use crate::bindings::exports::larder::udf::transformation::{Error as WitError, Signature};
use crate::bindings::larder::udf::arrow::BatchParam;
use crate::engine::stack_bytes;
use crate::frozen_wasi::FrozenSystem;
use crate::lift::lift;
use crate::limits::{GrowthLimitReached, MemoryLimiter};
use crate::lower::Lowered;
use crate::signature::AgreedSignature;
use crate::stubbed_system::{Absent, asked_for};
use crate::ticker::ticks_of;
use crate::{CallError, SandboxLimits};

/// A component that is ready to be instantiated.
pub(crate) type Instantiable = OnDemandFeatureViewPre<GuestState>;

/// What the host keeps of one instance.
#[derive(Debug)]
pub(crate) struct GuestState {
    pub(crate) memory: MemoryLimiter,
    pub(crate) system: FrozenSystem,
}

/// Asks a component for its signatures.
pub(crate) fn signatures(
    component: &Instantiable,
    sandbox: &SandboxLimits,
) -> Result<Vec<Signature>, CallError> {
    let limits = TransformationLimits {
        wall_time: sandbox.signature_time,
        memory_bytes: sandbox.memory_bytes,
        table_elements: sandbox.table_elements,
        output_bytes: sandbox.signature_bytes,
        fuel: Some(u64::MAX),
        ..TransformationLimits::default()
    };
    let mut store = store(component, limits, limits.output_bytes);
    let guest = component.instantiate(&mut store).map_err(|error| stopped(error, Step::Start, limits))?;
    settle(guest.larder_udf_transformation().call_signatures(&mut store), limits)
}

/// Applies a function to the rows of `input`, which is of the function's input columns. Adds the most
/// memory that the guest had.
pub(crate) fn transform(
    component: &Instantiable,
    agreed: &AgreedSignature,
    input: &RecordBatch,
    limits: TransformationLimits,
) -> (Result<RecordBatch, CallError>, usize) {
    let Ok(row_count) = u32::try_from(input.num_rows()) else { return (Err(CallError::InputTooLong), 0) };
    let lowered = Lowered::new(input, &agreed.signature.inputs);
    let columns = lowered.as_params();
    let mut store = store(component, limits, copy_budget(agreed, limits));
    let output = match component.instantiate(&mut store) {
        Ok(guest) => {
            let input = BatchParam { row_count, columns: &columns };
            let answer = guest.larder_udf_transformation().call_transform(&mut store, agreed.index, input);
            settle(answer, limits)
        }
        Err(error) => Err(stopped(error, Step::Start, limits)),
    };
    let peak_bytes = store.data().memory.peak_bytes;
    // The instance goes before the answer is looked at: nothing of it can matter any more.
    drop(store);
    let lifted = output.and_then(|output| {
        lift(output, agreed, input.num_rows(), limits.output_bytes)
            .map_err(|source| CallError::Contract { source: Box::new(source) })
    });
    (lifted, peak_bytes)
}

/// The bytes that one call may hand to the host.
pub(crate) fn copy_budget(agreed: &AgreedSignature, limits: TransformationLimits) -> usize {
    /// What one column may add to the budget beside its buffers: its record, as wasmtime counts it.
    const COLUMN_BYTES: usize = 64;
    let records = (agreed.output_nodes + 1) * COLUMN_BYTES;
    // An error message travels on the same budget as an output.
    limits.output_bytes.max(limits.message_bytes).saturating_add(records)
}

/// The state of one instance, with its limits.
pub(crate) fn store(
    component: &Instantiable,
    limits: TransformationLimits,
    copy_budget: usize,
) -> Store<GuestState> {
    let memory = MemoryLimiter::new(limits.memory_bytes, limits.table_elements);
    let mut store = Store::new(component.engine(), GuestState { memory, system: FrozenSystem::default() });
    store.limiter(|state| &mut state.memory);
    store.set_epoch_deadline(ticks_of(limits.wall_time));
    store.set_hostcall_fuel(copy_budget);
    if let Some(fuel) = limits.fuel {
        // An engine that does not count refuses fuel, and needs none.
        drop(store.set_fuel(fuel));
    }
    store
}

/// What a guest was doing when it was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Its instance was made, and its start function ran.
    Start,
    /// It was called.
    Call,
}

/// Tells the ways a call can end apart.
pub(crate) fn settle<T>(
    answer: wasmtime::Result<Result<T, WitError>>,
    limits: TransformationLimits,
) -> Result<T, CallError> {
    match answer {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(WitError { message })) => {
            Err(CallError::Guest { message: cut(message, limits.message_bytes) })
        }
        Err(error) => Err(stopped(error, Step::Call, limits)),
    }
}

/// How a call ended that the engine stopped.
pub(crate) fn stopped(error: wasmtime::Error, step: Step, limits: TransformationLimits) -> CallError {
    match error.downcast_ref::<GrowthLimitReached>() {
        Some(GrowthLimitReached::Memory { .. }) => {
            return CallError::Memory { limit_bytes: limits.memory_bytes };
        }
        Some(GrowthLimitReached::Table { .. }) => {
            return CallError::Table { limit_elements: limits.table_elements };
        }
        None => {}
    }
    if let Some(Absent { what, package, function }) = asked_for(&error) {
        return CallError::NoSystem { what, package, function };
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => CallError::Time { limit: limits.wall_time },
        Some(Trap::OutOfFuel) => CallError::Fuel { limit: limits.fuel.unwrap_or(u64::MAX) },
        Some(Trap::StackOverflow) => CallError::Stack { limit_bytes: stack_bytes(&limits) },
        Some(trap) => CallError::Trap { trap: in_plain_words(*trap) },
        // The error has no public type; a test of a guest with a huge output watches these words.
        None if error.root_cause().to_string().contains("too much data is being copied") => {
            CallError::Output { limit_bytes: limits.output_bytes }
        }
        // The guest ran to its end, or to that of its `realloc`: what is wrong is what it handed over.
        None if step == Step::Call => CallError::Malformed { source: error.into() },
        None => CallError::Engine { source: error.into() },
    }
}

pub(crate) fn in_plain_words(trap: Trap) -> &'static str {
    match trap {
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
