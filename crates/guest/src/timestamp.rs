//! Points in time, and what a calendar says about them.

use std::fmt;

/// A point in time: microseconds since 1970-01-01T00:00:00Z. The calendar is that of UTC.
///
/// There is no "now" here: a transformation that needs it takes it as an input.
///
/// ```
/// use larder_guest::Timestamp;
///
/// let lunch = Timestamp::from_seconds(1_706_702_400); // Wednesday, 2024-01-31T12:00:00Z
/// assert_eq!((lunch.year(), lunch.month(), lunch.day()), (2024, 1, 31));
/// assert_eq!((lunch.hour(), lunch.weekday()), (12, 3));
/// assert_eq!(lunch.to_string(), "2024-01-31T12:00:00.000000Z");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

impl Timestamp {
    /// The point `micros` microseconds after the epoch.
    pub fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// The point `seconds` seconds after the epoch; the last or first there is, where it is further.
    pub fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(MICROS_PER_SECOND))
    }

    /// Microseconds since the epoch.
    pub fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(MICROS_PER_SECOND)
    }

    /// Seconds from `earlier` to this point, with their fraction; negative if this is the earlier one.
    pub fn seconds_since(self, earlier: Self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "exact for spans of 285 years")]
        let micros = self.0.wrapping_sub(earlier.0) as f64;
        micros / 1e6
    }

    /// Whole days since 1970-01-01, rounded down.
    pub fn days(self) -> i64 {
        self.0.div_euclid(MICROS_PER_DAY)
    }

    /// The hour of the day, from 0 to 23.
    pub fn hour(self) -> i32 {
        self.of_day(3_600, 24)
    }

    /// The minute of the hour, from 0 to 59.
    pub fn minute(self) -> i32 {
        self.of_day(60, 60)
    }

    /// The second of the minute, from 0 to 59.
    pub fn second(self) -> i32 {
        self.of_day(1, 60)
    }

    /// The day of the week: 1 is Monday, 7 is Sunday.
    pub fn weekday(self) -> i32 {
        // 1970-01-01 was a Thursday.
        small((self.days() + 3).rem_euclid(7) + 1)
    }

    /// The year.
    pub fn year(self) -> i32 {
        self.date().0
    }

    /// The month of the year, from 1 to 12.
    pub fn month(self) -> i32 {
        self.date().1
    }

    /// The day of the month, from 1 to 31.
    pub fn day(self) -> i32 {
        self.date().2
    }

    fn of_day(self, unit_seconds: i64, modulus: i64) -> i32 {
        small(self.seconds().rem_euclid(86_400) / unit_seconds % modulus)
    }

    /// Year, month and day, by counting in years that begin in March, so that a leap day comes last.
    fn date(self) -> (i32, i32, i32) {
        const DAYS_PER_ERA: i64 = 146_097;
        let days = self.days() + 719_468;
        let era = days.div_euclid(DAYS_PER_ERA);
        let day_of_era = days.rem_euclid(DAYS_PER_ERA);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = era * 400 + year_of_era + i64::from(month <= 2);
        (small(year), small(month), small(day))
    }
}

/// Parts of dates fit: an `i64` of microseconds spans 292,000 years either way.
fn small(value: i64) -> i32 {
    i32::try_from(value).unwrap_or_default()
}

impl From<i64> for Timestamp {
    /// From microseconds.
    fn from(micros: i64) -> Self {
        Self(micros)
    }
}

impl From<Timestamp> for i64 {
    /// To microseconds.
    fn from(timestamp: Timestamp) -> Self {
        timestamp.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.date();
        let (hour, minute, second) = (self.hour(), self.minute(), self.second());
        let micros = self.0.rem_euclid(MICROS_PER_SECOND);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calendar_knows_leap_days_and_times_before_the_epoch() {
        for (seconds, text, weekday) in [
            (0, "1970-01-01T00:00:00.000000Z", 4),
            (-1, "1969-12-31T23:59:59.000000Z", 3),
            (951_782_400, "2000-02-29T00:00:00.000000Z", 2),
            (951_868_800, "2000-03-01T00:00:00.000000Z", 3),
            (4_107_542_399, "2100-02-28T23:59:59.000000Z", 7),
            (4_107_542_400, "2100-03-01T00:00:00.000000Z", 1),
            (-2_208_988_800, "1900-01-01T00:00:00.000000Z", 1),
        ] {
            let timestamp = Timestamp::from_seconds(seconds);
            assert_eq!(timestamp.to_string(), text);
            assert_eq!(timestamp.weekday(), weekday, "{text}");
        }
    }

    #[test]
    fn differences_keep_their_fraction_and_sign() {
        let (a, b) = (Timestamp::from_micros(1_500_000), Timestamp::from_micros(-500_000));
        assert!((a.seconds_since(b) - 2.0).abs() < f64::EPSILON);
        assert!((b.seconds_since(a) + 2.0).abs() < f64::EPSILON);
        assert_eq!(b.seconds(), -1);
    }
}
