//! From which event time an incremental run starts, and what is recorded.

use std::time::Duration;

use larder_core::{MaterializationInterval, Timestamp};

/// How far back a first incremental run looks where no ttl says so: Feast's 52 weeks.
const NO_TTL_LOOK_BACK: Duration = Duration::from_secs(52 * 7 * 86_400);

/// The start of an incremental run of a feature view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// Where the recorded intervals end, or one ttl ago.
    At(Timestamp),
    /// 52 weeks ago, for want of a ttl.
    NoTtl(Timestamp),
}

/// `lookback` before the latest recorded end, of any interval; without one, a ttl before `now`.
pub(crate) fn incremental_start(
    recorded: &[MaterializationInterval],
    lookback: Duration,
    ttl: Duration,
    now: Timestamp,
) -> Start {
    match recorded.iter().map(|interval| interval.end).max() {
        Some(end) => Start::At(end.saturating_sub(lookback)),
        None if ttl.is_zero() => Start::NoTtl(now.saturating_sub(NO_TTL_LOOK_BACK)),
        None => Start::At(now.saturating_sub(ttl)),
    }
}

/// The start of an incremental run of an on-demand view, which has no record: the longest ttl of its
/// sources before `end`.
pub(crate) fn on_demand_start(source_ttls: impl Iterator<Item = Duration>, end: Timestamp) -> Timestamp {
    let longest = source_ttls.max().unwrap_or_default();
    end.saturating_sub(if longest.is_zero() { NO_TTL_LOOK_BACK } else { longest })
}

/// What may be recorded of a finished interval: the part up to `now`. Rows after `now` were taken, but
/// more of them may come. `None` if all of it lies in the future.
pub(crate) fn recordable(
    interval: MaterializationInterval,
    now: Timestamp,
) -> Option<MaterializationInterval> {
    (interval.start <= now)
        .then_some(MaterializationInterval { start: interval.start, end: interval.end.min(now) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::EPOCH.saturating_add(Duration::from_secs(seconds))
    }

    fn interval(start: u64, end: u64) -> MaterializationInterval {
        MaterializationInterval { start: at(start), end: at(end) }
    }

    #[test]
    fn an_incremental_run_starts_at_the_latest_recorded_end_of_any_interval() {
        let recorded = [interval(0, 10), interval(20, 90), interval(5, 30)];
        let start = |lookback| {
            incremental_start(&recorded, Duration::from_secs(lookback), Duration::from_secs(1), at(1_000))
        };
        assert_eq!(start(0), Start::At(at(90)));
        assert_eq!(start(25), Start::At(at(65)));
    }

    #[test]
    fn a_first_run_starts_a_ttl_ago_and_without_ttl_52_weeks_ago() {
        let start =
            |ttl| incremental_start(&[], Duration::from_secs(9), Duration::from_secs(ttl), at(100_000_000));
        assert_eq!(start(60), Start::At(at(99_999_940)));
        assert_eq!(start(0), Start::NoTtl(at(100_000_000 - 31_449_600)));
    }

    #[test]
    fn an_on_demand_view_starts_the_longest_ttl_of_its_sources_before_the_end() {
        let ttls = [Duration::from_secs(5), Duration::ZERO, Duration::from_secs(60)];
        assert_eq!(on_demand_start(ttls.into_iter(), at(100)), at(40));
        assert_eq!(
            on_demand_start([Duration::ZERO].into_iter(), at(40_000_000)),
            at(40_000_000 - 31_449_600)
        );
    }

    #[test]
    fn nothing_later_than_now_is_recorded() {
        assert_eq!(recordable(interval(10, 20), at(15)), Some(interval(10, 15)));
        assert_eq!(recordable(interval(10, 20), at(25)), Some(interval(10, 20)));
        assert_eq!(recordable(interval(10, 20), at(9)), None);
    }
}
