//! Short calls, which stay on the caller's thread: handing one to another thread costs more than the
//! call itself.
//!
//! A guest is not believed to be short. It gets two ticks and little output; what it does not finish
//! within is thrown away and done again on a thread that may take the view's whole time. That is allowed
//! because a transformation is a pure function, and it is rare: whoever overruns is not tried again for
//! twice as many calls each time. So an async thread is held for two milliseconds at most, and soon no more.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use arrow::array::RecordBatch;
use larder_core::TransformationLimits;

use crate::input_size::input_bytes;
use crate::ticker::TICK;
use crate::{BrokenContract, CallError};

/// Rows of the longest call that is tried.
const ROWS: usize = 1_024;
/// Bytes of the largest input that is tried.
const INPUT_BYTES: usize = 64 << 10;
/// Bytes of output with which a short call may end.
const OUTPUT_BYTES: usize = 256 << 10;
/// A call that took longer was not short, though it ended in time.
const SHORT: Duration = Duration::from_micros(500);
/// Calls that are not tried after the first overrun, and the most that are not.
const FIRST_PENALTY: u32 = 16;
const LAST_PENALTY: u32 = 1 << 16;

/// What is known of a function's calls.
#[derive(Debug, Default)]
pub(crate) struct QuickCalls {
    /// Calls that are not tried from now on.
    skipped: AtomicU32,
    penalty: AtomicU32,
}

impl QuickCalls {
    /// Whether a call of `input` is tried on the caller's thread. Asked once a call.
    pub(crate) fn suits(&self, input: &RecordBatch) -> bool {
        let one_less = |left: u32| left.checked_sub(1);
        input.num_rows() <= ROWS
            && self.skipped.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_err()
            && input_bytes(input) <= INPUT_BYTES
    }

    /// The limits of a short call of a view with these limits.
    pub(crate) fn limits(limits: TransformationLimits) -> TransformationLimits {
        TransformationLimits {
            wall_time: limits.wall_time.min(TICK),
            output_bytes: limits.output_bytes.min(OUTPUT_BYTES),
            message_bytes: limits.message_bytes.min(OUTPUT_BYTES),
            ..limits
        }
    }

    /// Notes how a short call went, and tells whether its answer is the view's: not if it met a limit that
    /// the view does not have.
    pub(crate) fn is_final(
        &self,
        limits: TransformationLimits,
        took: Duration,
        error: Option<&CallError>,
    ) -> bool {
        let output_is_cut = limits.output_bytes > OUTPUT_BYTES || limits.message_bytes > OUTPUT_BYTES;
        let is_cut = match error {
            Some(CallError::Time { .. }) => limits.wall_time > TICK,
            Some(CallError::Output { .. }) => output_is_cut,
            Some(CallError::Contract { source }) => {
                output_is_cut && matches!(**source, BrokenContract::TooLarge { .. })
            }
            _ => false,
        };
        let penalty = self.penalty.load(Ordering::Relaxed);
        if !is_cut && took <= SHORT {
            // A busy machine makes a short call long now and then; that is forgiven.
            if penalty > 0 {
                self.penalty.store(penalty / 2, Ordering::Relaxed);
            }
        } else {
            let penalty = penalty.saturating_mul(2).clamp(FIRST_PENALTY, LAST_PENALTY);
            self.penalty.store(penalty, Ordering::Relaxed);
            self.skipped.store(penalty, Ordering::Relaxed);
        }
        !is_cut
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array};

    use super::*;

    fn rows(count: usize) -> RecordBatch {
        let values: ArrayRef = Arc::new(Int64Array::from(vec![0; count]));
        RecordBatch::try_from_iter([("a", values)]).unwrap()
    }

    fn tries(quick: &QuickCalls) -> u32 {
        (0..=LAST_PENALTY).find(|_| quick.suits(&rows(1))).unwrap()
    }

    #[test]
    fn who_overruns_is_tried_ever_more_seldom() {
        let (quick, limits) = (QuickCalls::default(), TransformationLimits::default());
        assert_eq!(tries(&quick), 0);
        let late = CallError::Time { limit: TICK };
        let mut waits = Vec::new();
        for _ in 0..4 {
            assert!(!quick.is_final(limits, Duration::ZERO, Some(&late)));
            waits.push(tries(&quick));
        }
        assert_eq!(waits, [16, 32, 64, 128]);
        assert!(quick.is_final(limits, SHORT * 2, None), "an answer that came late is an answer");
        assert_eq!(tries(&quick), 256);
        for _ in 0..8 {
            assert!(quick.is_final(limits, Duration::ZERO, None));
        }
        assert!(quick.is_final(limits, SHORT * 2, None));
        assert_eq!(tries(&quick), 16, "short calls make up for long ones");
    }

    #[test]
    fn long_batches_are_not_tried() {
        let quick = QuickCalls::default();
        assert!(quick.suits(&rows(ROWS)));
        assert!(!quick.suits(&rows(ROWS + 1)));
    }

    #[test]
    fn a_limit_of_the_view_itself_is_final() {
        let quick = QuickCalls::default();
        let limits =
            TransformationLimits { wall_time: TICK, output_bytes: 10, ..TransformationLimits::default() };
        assert_eq!(QuickCalls::limits(limits), limits);
        for error in [CallError::Time { limit: TICK }, CallError::Output { limit_bytes: 10 }] {
            assert!(quick.is_final(limits, Duration::ZERO, Some(&error)));
        }
    }
}
