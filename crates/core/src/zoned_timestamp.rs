//! Points in time with the zone they were said in.

use std::borrow::Cow;

use chrono::{DateTime, FixedOffset, Offset as _, TimeZone as _, Utc};
use chrono_tz::Tz;

use crate::Timestamp;

/// A point in time and the zone it was said in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZonedTimestamp<'a> {
    /// The instant.
    pub time: Timestamp,
    /// A name of the IANA database (`America/New_York`), an offset as Python writes it (`UTC-07:00`),
    /// or empty for UTC.
    pub zone: Cow<'a, str>,
}

impl<'a> ZonedTimestamp<'a> {
    /// Reads `2024-01-31T12:00:00-05:00`, perhaps with a zone behind it in brackets
    /// (`[America/New_York]`), which then counts and not the offset.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (moment, zone) = match text.trim().strip_suffix(']') {
            Some(text) => {
                let (moment, zone) = text.split_once('[')?;
                zone_from_name(zone)?;
                (moment, Some(zone))
            }
            None => (text.trim(), None),
        };
        let time = Timestamp::parse(moment).ok()?;
        let zone = match zone {
            Some(zone) => Cow::Borrowed(zone),
            None => offset_name(moment),
        };
        Some(Self { time, zone })
    }
}

/// The zone of a moment, as Python names the offset: empty without one, `UTC`, or `UTC-07:00`.
fn offset_name(moment: &str) -> Cow<'static, str> {
    let Ok(moment) = DateTime::parse_from_rfc3339(&moment.replacen(' ', "T", 1)) else {
        return Cow::Borrowed("");
    };
    match moment.offset().fix().local_minus_utc() {
        0 => Cow::Borrowed("UTC"),
        _ => Cow::Owned(format!("UTC{}", moment.offset())),
    }
}

const FORM: &str = "%Y-%m-%dT%H:%M:%S%:z";

/// The text that Python's `isoformat` gives for the moment in its zone, cut to whole seconds as on
/// Feast's wire. An unknown zone is UTC, as in Feast. `None` for a time outside the calendar.
pub fn zoned_iso_format(time: Timestamp, zone: &str) -> Option<String> {
    let moment = Utc.timestamp_opt(time.seconds(), 0).single()?;
    Some(match zone_from_name(zone) {
        Some(Zone::Named(zone)) => moment.with_timezone(&zone).format(FORM).to_string(),
        Some(Zone::Offset(offset)) => moment.with_timezone(&offset).format(FORM).to_string(),
        None => moment.format(FORM).to_string(),
    })
}

enum Zone {
    Named(Tz),
    Offset(FixedOffset),
}

/// The zone of a name; `None` if there is none of that name.
fn zone_from_name(name: &str) -> Option<Zone> {
    if let Ok(zone) = name.parse::<Tz>() {
        return Some(Zone::Named(zone));
    }
    let rest = name.strip_prefix("UTC").or_else(|| name.strip_prefix("GMT")).unwrap_or(name);
    let (sign, digits) = match rest.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let digits: String = digits.replacen(':', "", 1);
    if digits.len() != 4 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes) = digits.split_at(2);
    let seconds = hours.parse::<i32>().ok()? * 3600 + minutes.parse::<i32>().ok()? * 60;
    FixedOffset::east_opt(sign * seconds).map(Zone::Offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_shown_in_its_zone() {
        let time = Timestamp::parse("2024-07-01T12:00:00.250Z").unwrap();
        for (zone, expected) in [
            ("America/New_York", "2024-07-01T08:00:00-04:00"),
            ("UTC-07:00", "2024-07-01T05:00:00-07:00"),
            ("+0530", "2024-07-01T17:30:00+05:30"),
            ("", "2024-07-01T12:00:00+00:00"),
            ("Mars/Olympus", "2024-07-01T12:00:00+00:00"),
        ] {
            assert_eq!(zoned_iso_format(time, zone).as_deref(), Some(expected), "{zone}");
        }
    }

    #[test]
    fn the_zone_is_read_from_the_offset_or_from_brackets() {
        let parse =
            |text| ZonedTimestamp::parse(text).map(|zoned| (zoned.time.seconds(), zoned.zone.into_owned()));
        let noon = 1_706_702_400;
        assert_eq!(parse("2024-01-31T12:00:00"), Some((noon, String::new())));
        assert_eq!(parse("2024-01-31T12:00:00Z"), Some((noon, "UTC".to_owned())));
        assert_eq!(parse("2024-01-31 17:30:00+05:30"), Some((noon, "UTC+05:30".to_owned())));
        assert_eq!(
            parse("2024-01-31T13:00:00+01:00[Europe/Berlin]"),
            Some((noon, "Europe/Berlin".to_owned()))
        );
        assert_eq!(parse("2024-01-31T13:00:00+01:00[Nowhere]"), None);
        assert_eq!(parse("noon"), None);
    }
}
