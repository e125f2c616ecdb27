//! Points in time.

use larder_core::Timestamp;

pub(crate) fn time_to_proto(time: Timestamp) -> prost_types::Timestamp {
    let micros = time.micros().rem_euclid(1_000_000);
    let nanos = i32::try_from(micros * 1_000).expect("less than a second of nanoseconds fits");
    prost_types::Timestamp { seconds: time.seconds(), nanos }
}

/// Nanoseconds are cut to microseconds. An absent time is the epoch, as Feast reads it.
pub(crate) fn time_from_proto(time: Option<&prost_types::Timestamp>) -> Timestamp {
    let Some(time) = time else { return Timestamp::EPOCH };
    let micros = i64::from(time.nanos) / 1_000;
    Timestamp::from_micros(time.seconds.saturating_mul(1_000_000).saturating_add(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_back_before_and_after_the_epoch() {
        for micros in [0, 1, -1, 1_706_702_400_123_456, -62_135_596_800_000_000] {
            let time = Timestamp::from_micros(micros);
            assert_eq!(time_from_proto(Some(&time_to_proto(time))), time);
        }
    }
}
