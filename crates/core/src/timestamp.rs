//! Points in time and spans of time.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat, Utc};

/// A point in time: microseconds since 1970-01-01T00:00:00Z.
///
/// Displays as RFC 3339 in UTC with 0, 3 or 6 fraction digits, as few as are exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

/// A text that is no point in time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a time; write RFC 3339 as in `2024-01-31T12:00:00Z`, or `2024-01-31` (no zone means UTC)"
)]
pub struct InvalidTimestamp {
    /// The text as given.
    pub text: String,
}

impl Timestamp {
    /// 1970-01-01T00:00:00Z, which Feast's answers show where there is no event time.
    pub const EPOCH: Self = Self(0);
    /// The earliest point in time.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest point in time.
    pub const MAX: Self = Self(i64::MAX);

    /// The point `micros` microseconds after the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// The point `span` before this one, or the earliest one there is.
    pub fn saturating_sub(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(span_micros(span)))
    }

    /// The point `span` after this one, or the latest one there is.
    pub fn saturating_add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span_micros(span)))
    }

    /// Reads RFC 3339, `2024-01-31 12:00:00[.123456]` with `T` or a space and an optional offset, or a
    /// date. No offset means UTC. Digits beyond microseconds are cut.
    ///
    /// # Errors
    ///
    /// [`InvalidTimestamp`] names the text and the forms that are read.
    pub fn parse(text: &str) -> Result<Self, InvalidTimestamp> {
        let trimmed = text.trim();
        let with_offset = ["%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f %#z"];
        let without = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
        if let Ok(time) = DateTime::parse_from_rfc3339(trimmed) {
            return Ok(Self(time.timestamp_micros()));
        }
        for form in with_offset {
            if let Ok(time) = DateTime::parse_from_str(trimmed, form) {
                return Ok(Self(time.timestamp_micros()));
            }
        }
        for form in without {
            if let Ok(time) = NaiveDateTime::parse_from_str(trimmed, form) {
                return Ok(Self(time.and_utc().timestamp_micros()));
            }
        }
        NaiveDate::parse_from_str(trimmed, "%Y-%m-%d")
            .ok()
            .and_then(|date| date.and_hms_opt(0, 0, 0))
            .map(|time| Self(time.and_utc().timestamp_micros()))
            .ok_or_else(|| InvalidTimestamp { text: text.to_owned() })
    }

    /// With three digits of a second, cut: `2024-01-31T12:00:00.123Z`.
    pub fn to_rfc3339_millis(self) -> String {
        match DateTime::<Utc>::from_timestamp_micros(self.0) {
            Some(time) => time.to_rfc3339_opts(SecondsFormat::Millis, true),
            None => self.to_string(),
        }
    }

    /// As Python's `isoformat` writes an aware `datetime` in UTC: `2024-01-31T12:00:00+00:00`, with six digits after the
    /// second where there is a fraction.
    pub fn to_isoformat(self) -> String {
        let form =
            if self.0 % 1_000_000 == 0 { "%Y-%m-%dT%H:%M:%S+00:00" } else { "%Y-%m-%dT%H:%M:%S.%6f+00:00" };
        match DateTime::<Utc>::from_timestamp_micros(self.0) {
            Some(time) => time.format(form).to_string(),
            None => self.to_string(),
        }
    }

    /// As Python prints an aware `datetime` in UTC without microseconds: `2024-01-31 12:00:00+00:00`.
    pub fn to_python_seconds(self) -> String {
        match DateTime::<Utc>::from_timestamp_micros(self.0) {
            Some(time) => time.format("%Y-%m-%d %H:%M:%S+00:00").to_string(),
            None => self.to_string(),
        }
    }
}

fn span_micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = if self.0 % 1_000_000 == 0 {
            SecondsFormat::Secs
        } else if self.0 % 1_000 == 0 {
            SecondsFormat::Millis
        } else {
            SecondsFormat::Micros
        };
        match DateTime::<Utc>::from_timestamp_micros(self.0) {
            Some(time) => f.write_str(&time.to_rfc3339_opts(format, true)),
            // Beyond the years that chrono can spell.
            None => write!(f, "{}µs", self.0),
        }
    }
}

/// A text that is no span of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a span of time; write numbers with units as in `1d`, `2h30m`, `90s`, `250ms` or `0`"
)]
pub struct InvalidSpan {
    /// The text as given.
    pub text: String,
}

const UNITS: [(&str, u128); 7] = [
    ("w", 7 * 86_400_000_000),
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
];

/// Reads a span such as `1d`, `2h30m`, `90s`, `250ms` or `0`. Units: `w d h m s ms us`.
///
/// # Errors
///
/// [`InvalidSpan`] names the text and the form that is read.
pub fn parse_span(text: &str) -> Result<Duration, InvalidSpan> {
    let invalid = || InvalidSpan { text: text.to_owned() };
    let mut rest = text.trim();
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut micros: u128 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(invalid)?;
        let (number, after) = rest.split_at(digits);
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let number: u64 = number.parse().map_err(|_| invalid())?;
        let (_, size) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(invalid)?;
        micros = micros.checked_add(u128::from(number) * size).ok_or_else(invalid)?;
        rest = after;
    }
    u64::try_from(micros).map(Duration::from_micros).map_err(|_| invalid())
}

/// Writes a span in the form that [`parse_span`] reads, with the largest units first.
pub fn format_span(span: Duration) -> String {
    let mut rest = span.as_micros();
    if rest == 0 {
        return "0".to_owned();
    }
    let mut text = String::new();
    for (name, size) in UNITS.into_iter().filter(|(name, _)| *name != "w") {
        if rest >= size {
            text.push_str(&format!("{}{name}", rest / size));
            rest %= size;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_spelled_as_python_spells_it() {
        let time = Timestamp::parse("2024-01-31T12:00:00Z").unwrap();
        assert_eq!(time.to_isoformat(), "2024-01-31T12:00:00+00:00");
        let later = time.saturating_add(Duration::from_micros(50));
        assert_eq!(later.to_isoformat(), "2024-01-31T12:00:00.000050+00:00");
    }

    #[test]
    fn every_written_form_of_one_instant_is_that_instant() {
        let expected = Timestamp::from_micros(1_706_702_400_000_000);
        for text in [
            "2024-01-31T12:00:00Z",
            "2024-01-31T12:00:00",
            "2024-01-31 12:00:00",
            "2024-01-31 12:00",
            "2024-01-31T12:00:00.000000+00:00",
            "2024-01-31 17:30:00+05:30",
            "2024-01-31 17:30:00+0530",
        ] {
            assert_eq!(Timestamp::parse(text), Ok(expected), "{text}");
        }
        assert_eq!(Timestamp::parse("2024-01-31"), Ok(expected.saturating_sub(parse_span("12h").unwrap())));
        assert!(Timestamp::parse("yesterday").is_err());
    }

    #[test]
    fn display_has_as_few_digits_as_are_exact() {
        assert_eq!(Timestamp::from_micros(0).to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(Timestamp::from_micros(250_000).to_string(), "1970-01-01T00:00:00.250Z");
        assert_eq!(Timestamp::from_micros(-1).to_string(), "1969-12-31T23:59:59.999999Z");
    }

    #[test]
    fn spans_read_back() {
        for text in ["0", "1d", "2h30m", "90s", "1ms500us"] {
            let span = parse_span(text).unwrap();
            assert_eq!(parse_span(&format_span(span)), Ok(span), "{text}");
        }
        for text in ["", "1", "d", "1y", "-1d", "99999999999999999999d"] {
            assert!(parse_span(text).is_err(), "{text}");
        }
    }
}
