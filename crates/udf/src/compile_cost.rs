//! How long a component would take to compile, as far as that grows faster than its size. The compiler cannot be
//! interrupted, so what would hold it up for hours is to be known before.

use std::time::Duration;

use wasmparser::{BinaryReaderError, FunctionBody, Operator, Parser, Payload};

use crate::UdfError;

/// A local in a function with a loop: its value must be carried around.
const LOCAL_AND_LOOP_NANOS: u64 = 6_600;
/// A local in a function where control comes together.
const LOCAL_AND_BRANCH_NANOS: u64 = 800;
/// Two branches that may go to one place.
const BRANCH_PAIR_NANOS: u64 = 6;

/// Refuses a component that would take longer than `limit` by an estimate, which is that of a machine of 2024 and far too
/// high for what real compilers write: JavaScript's whole runtime is estimated at 9 s.
///
/// # Errors
///
/// [`UdfError::TooCostly`]; [`UdfError::InvalidWasm`] if the bytes are no Wasm.
pub(crate) fn check(component: &[u8], limit: Duration) -> Result<(), UdfError> {
    let limit_nanos = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
    let mut nanos = 0_u64;
    for payload in Parser::new(0).parse_all(component) {
        if let Payload::CodeSectionEntry(body) = payload.map_err(invalid)? {
            nanos = nanos.saturating_add(of_function(&body).map_err(invalid)?);
        }
    }
    if nanos > limit_nanos {
        let estimated = Duration::from_secs(Duration::from_nanos(nanos).as_secs());
        return Err(UdfError::TooCostly { estimated, limit });
    }
    Ok(())
}

fn of_function(body: &FunctionBody<'_>) -> Result<u64, BinaryReaderError> {
    let mut locals = 0_u64;
    for group in body.get_locals_reader()? {
        locals = locals.saturating_add(u64::from(group?.0));
    }
    let (mut loops, mut blocks, mut branches) = (0_u64, 0_u64, 0_u64);
    for operator in body.get_operators_reader()? {
        match operator? {
            Operator::Loop { .. } => loops += 1,
            Operator::Block { .. } => blocks += 1,
            Operator::If { .. } => {
                blocks += 1;
                branches += 1;
            }
            Operator::Br { .. } | Operator::BrIf { .. } => branches += 1,
            Operator::BrTable { targets } => branches += u64::from(targets.len()),
            _ => {}
        }
    }
    let carried = locals.saturating_mul(loops).saturating_mul(LOCAL_AND_LOOP_NANOS);
    let joined = locals.saturating_mul(blocks + branches).saturating_mul(LOCAL_AND_BRANCH_NANOS);
    let paired = branches.saturating_mul(branches).saturating_mul(BRANCH_PAIR_NANOS);
    Ok(carried.saturating_add(joined).saturating_add(paired))
}

fn invalid(error: BinaryReaderError) -> UdfError {
    UdfError::InvalidWasm { source: error.into() }
}
