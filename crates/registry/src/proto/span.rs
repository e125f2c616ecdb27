//! Spans of time.

use std::time::Duration;

pub(crate) fn span_to_proto(span: Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: i64::try_from(span.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(span.subsec_nanos()).expect("less than a second of nanoseconds fits"),
    }
}

/// A negative span, which Feast would not write, counts as none.
pub(crate) fn span_from_proto(span: &prost_types::Duration) -> Duration {
    let nanos = u32::try_from(span.nanos).unwrap_or_default().min(999_999_999);
    Duration::new(u64::try_from(span.seconds).unwrap_or_default(), nanos)
}
