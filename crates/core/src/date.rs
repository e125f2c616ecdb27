//! Days.

use std::fmt;

use chrono::{DateTime, Days, NaiveDate};

use crate::Timestamp;

/// A day in UTC.
///
/// Displays as `2024-01-31`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Date(NaiveDate);

/// A text that is no day, in Python's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid isoformat string: '{text}'; write a date as in `2024-01-31`")]
pub struct InvalidDate {
    /// The text as given.
    pub text: String,
}

impl Date {
    /// Reads `2024-01-31`.
    ///
    /// # Errors
    ///
    /// [`InvalidDate`] names the text and the form that is read.
    pub fn parse(text: &str) -> Result<Self, InvalidDate> {
        let is_of_length = text.len() == "2024-01-31".len();
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| is_of_length);
        date.map(Self).ok_or_else(|| InvalidDate { text: text.to_owned() })
    }

    /// The day of a point in time; the last day there is, of one beyond the years that have days.
    pub fn of(time: Timestamp) -> Self {
        let time = DateTime::from_timestamp_micros(time.micros());
        Self(time.map_or(NaiveDate::MAX, |time| time.date_naive()))
    }

    /// The day so many days after 1970-01-01, if there is one.
    pub fn from_days(days: i32) -> Option<Self> {
        NaiveDate::from_epoch_days(days).map(Self)
    }

    /// Days since 1970-01-01.
    pub fn days(self) -> i32 {
        self.0.to_epoch_days()
    }

    /// The day before; of the first day there is, itself.
    #[must_use]
    pub fn before(self) -> Self {
        Self(self.0.checked_sub_days(Days::new(1)).unwrap_or(self.0))
    }

    /// Its first microsecond.
    pub fn start(self) -> Timestamp {
        Timestamp::from_micros(i64::from(self.days()).saturating_mul(MICROS))
    }

    /// Its last microsecond.
    pub fn end(self) -> Timestamp {
        Timestamp::from_micros(self.start().micros().saturating_add(MICROS - 1))
    }
}

const MICROS: i64 = 86_400_000_000;

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_read_and_shown_and_has_a_start_and_an_end() {
        let day = Date::parse("2024-02-29").unwrap();
        assert_eq!(day.to_string(), "2024-02-29");
        assert_eq!(day.start().to_string(), "2024-02-29T00:00:00Z");
        assert_eq!(day.end().to_string(), "2024-02-29T23:59:59.999999Z");
        assert_eq!((Date::of(day.end()), Date::of(day.start())), (day, day));
        assert_eq!(day.before().to_string(), "2024-02-28");
        assert_eq!(Date::from_days(day.days()), Some(day));
        assert_eq!(Date::of(Timestamp::from_micros(-1)).to_string(), "1969-12-31");
        for text in ["", "2024-2-1", "2024-02-30", "2024-02-01T00:00:00", " 2024-02-01", "yesterday"] {
            assert_eq!(Date::parse(text), Err(InvalidDate { text: text.to_owned() }), "{text}");
        }
    }
}
