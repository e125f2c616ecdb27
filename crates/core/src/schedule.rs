//! When a job is due: cron texts, in UTC.

use std::fmt;

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, Timelike, Utc};

use crate::Timestamp;

/// The times at which a job is due, by the rules of `crontab`; all times are UTC.
///
/// Five fields: minute, hour, day of month, month, day of week. A field is `*`, or a list of numbers, names
/// (`JAN`, `MON`) and ranges, each perhaps with a step: `*/15`, `1-5`, `MON,WED`. Sunday is 0 and 7. Where both
/// days are restricted, either makes a day. `@hourly`, `@daily`, `@weekly`, `@monthly` and `@yearly` stand for
/// what they say.
///
/// ```
/// use larder_core::{Schedule, Timestamp};
///
/// let nightly = Schedule::parse("30 2 * * *")?;
/// let evening = Timestamp::parse("2024-01-31T22:00:00Z").unwrap();
/// assert_eq!(nightly.next_after(evening).unwrap().to_string(), "2024-02-01T02:30:00Z");
/// # Ok::<(), larder_core::InvalidSchedule>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    text: String,
    minutes: Values,
    hours: Values,
    days_of_month: Values,
    months: Values,
    days_of_week: Values,
}

/// The numbers that a field allows, as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Values {
    bits: u64,
    /// Whether the field begins with `*`, which leaves the choice of the day to the other field.
    is_any: bool,
}

/// What a field may say.
struct FieldRules {
    name: &'static str,
    first: u32,
    last: u32,
    /// Names of the numbers, from `first` on.
    names: &'static [&'static str],
}

const FIELDS: [FieldRules; 5] = [
    FieldRules { name: "minute", first: 0, last: 59, names: &[] },
    FieldRules { name: "hour", first: 0, last: 23, names: &[] },
    FieldRules { name: "day of month", first: 1, last: 31, names: &[] },
    FieldRules {
        name: "month",
        first: 1,
        last: 12,
        names: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
    },
    FieldRules {
        name: "day of week",
        first: 0,
        last: 7,
        names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"],
    },
];

const NAMED: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

impl Schedule {
    /// Reads a cron text.
    ///
    /// # Errors
    ///
    /// [`InvalidSchedule`] says what is wrong with it: also that it is never due.
    pub fn parse(text: &str) -> Result<Self, InvalidSchedule> {
        let invalid = |reason: String| InvalidSchedule { text: text.to_owned(), reason };
        let plain = NAMED.into_iter().find(|(name, _)| *name == text).map_or(text, |(_, fields)| fields);
        let parts: Vec<&str> = plain.split_ascii_whitespace().collect();
        if parts.len() != FIELDS.len() {
            return Err(invalid(format!("it has {} fields", parts.len())));
        }
        let values = FIELDS.iter().zip(parts).map(|(rules, part)| rules.values(part));
        let values = values.collect::<Result<Vec<_>, _>>().map_err(invalid)?;
        let [minutes, hours, days_of_month, months, mut days_of_week] =
            values.try_into().expect("five fields");
        // Sunday has two numbers.
        days_of_week.bits |= days_of_week.bits >> 7 & 1;
        let schedule = Self { text: text.to_owned(), minutes, hours, days_of_month, months, days_of_week };
        if schedule.next_after(Timestamp::EPOCH).is_none() {
            return Err(invalid("no such day ever comes".to_owned()));
        }
        Ok(schedule)
    }

    /// The first time after `time` that is due; `None` if there is none that a calendar can say.
    pub fn next_after(&self, time: Timestamp) -> Option<Timestamp> {
        /// The 29th of February comes once in eight years at the least.
        const DAYS_AHEAD: u64 = 8 * 366 + 1;
        let after = DateTime::<Utc>::from_timestamp_micros(time.micros())?.naive_utc();
        (0..=DAYS_AHEAD).find_map(|ahead| {
            let day = after.date().checked_add_days(Days::new(ahead))?;
            if !self.has_day(day) {
                return None;
            }
            // On the first day only what is later than `time`.
            let from = if ahead == 0 { after.hour() * 60 + after.minute() + 1 } else { 0 };
            let minute = (from..24 * 60).find(|at| self.hours.has(at / 60) && self.minutes.has(at % 60))?;
            let due = day.and_time(NaiveTime::from_hms_opt(minute / 60, minute % 60, 0)?).and_utc();
            Some(Timestamp::from_micros(due.timestamp_micros()))
        })
    }

    fn has_day(&self, day: NaiveDate) -> bool {
        let of_month = self.days_of_month.has(day.day());
        let of_week = self.days_of_week.has(day.weekday().num_days_from_sunday());
        // The rule of crontab: two restrictions are alternatives.
        let is_day = if self.days_of_month.is_any || self.days_of_week.is_any {
            of_month && of_week
        } else {
            of_month || of_week
        };
        is_day && self.months.has(day.month())
    }

    /// The text, as it was given.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl Values {
    fn has(self, number: u32) -> bool {
        self.bits >> number & 1 == 1
    }
}

impl FieldRules {
    fn values(&self, text: &str) -> Result<Values, String> {
        let mut bits = 0;
        for part in text.split(',') {
            let (range, step) = match part.split_once('/') {
                Some((range, step)) => {
                    let step = step.parse::<usize>().ok().filter(|step| *step > 0);
                    (range, Some(step.ok_or_else(|| self.wrong(part))?))
                }
                None => (part, None),
            };
            let (first, last) = match range.split_once('-') {
                _ if range == "*" => (self.first, self.last),
                Some((first, last)) => (self.number(first, part)?, self.number(last, part)?),
                None => {
                    let first = self.number(range, part)?;
                    // `5/15` is every 15th from 5 on.
                    (first, if step.is_some() { self.last } else { first })
                }
            };
            if first > last {
                return Err(self.wrong(part));
            }
            (first..=last).step_by(step.unwrap_or(1)).for_each(|number| bits |= 1 << number);
        }
        Ok(Values { bits, is_any: text.starts_with('*') })
    }

    fn number(&self, text: &str, part: &str) -> Result<u32, String> {
        let named = self.names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let number = match named.and_then(|at| u32::try_from(at).ok()) {
            Some(at) => Some(at + self.first),
            // A sign is no part of a number here.
            None if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
            None => None,
        };
        number.filter(|number| (self.first..=self.last).contains(number)).ok_or_else(|| self.wrong(part))
    }

    fn wrong(&self, part: &str) -> String {
        format!("`{part}` is no {} from {} to {}", self.name, self.first, self.last)
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A text that is no schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no schedule: {reason}; write five fields, minute, hour, day of month, month and day of week, like \
     `0 2 * * *`, in UTC"
)]
pub struct InvalidSchedule {
    /// The text.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn fields_mean_what_they_mean_in_crontab() {
        for (text, next) in [
            ("*/15 * * * *", "2024-01-31T12:15:00Z"),
            ("7/20 * * * *", "2024-01-31T12:07:00Z"),
            ("0 2 * * *", "2024-02-01T02:00:00Z"),
            ("5,35 9-17/4 * * *", "2024-01-31T13:05:00Z"),
            ("0 0 29 2 *", "2024-02-29T00:00:00Z"),
            ("0 0 1 jan,Mar *", "2024-03-01T00:00:00Z"),
            // Sunday has two numbers.
            ("0 0 * * 0", "2024-02-04T00:00:00Z"),
            ("0 0 * * 7", "2024-02-04T00:00:00Z"),
            ("0 0 * * FRI-7", "2024-02-02T00:00:00Z"),
            ("0 0 * * MON", "2024-02-05T00:00:00Z"),
            // Of two restrictions of the day either counts, but a star restricts nothing.
            ("0 0 13 * FRI", "2024-02-02T00:00:00Z"),
            ("0 0 */2 * FRI", "2024-02-09T00:00:00Z"),
            ("@daily", "2024-02-01T00:00:00Z"),
            ("@hourly", "2024-01-31T13:00:00Z"),
        ] {
            let schedule = Schedule::parse(text).unwrap();
            assert_eq!(schedule.next_after(at("2024-01-31T12:00:00Z")), Some(at(next)), "{text}");
        }
    }

    #[test]
    fn a_due_time_is_not_after_itself() {
        let hourly = Schedule::parse("0 * * * *").unwrap();
        assert_eq!(hourly.next_after(at("2024-01-31T12:00:00Z")), Some(at("2024-01-31T13:00:00Z")));
        assert_eq!(hourly.next_after(at("2024-01-31T11:59:59.999999Z")), Some(at("2024-01-31T12:00:00Z")));
        let leap = Schedule::parse("0 0 29 2 *").unwrap();
        assert_eq!(leap.next_after(at("1896-03-01T00:00:00Z")), Some(at("1904-02-29T00:00:00Z")));
    }

    #[test]
    fn what_is_no_schedule_is_refused_with_a_reason_and_an_example() {
        for (text, reason) in [
            ("", "it has 0 fields"),
            ("daily", "it has 1 fields"),
            ("@sometimes", "it has 1 fields"),
            ("0 0 2 * * *", "it has 6 fields"),
            ("61 * * * *", "`61` is no minute from 0 to 59"),
            ("+1 * * * *", "`+1` is no minute from 0 to 59"),
            ("* 5-2 * * *", "`5-2` is no hour from 0 to 23"),
            ("*/0 * * * *", "`*/0` is no minute from 0 to 59"),
            ("1, * * * *", "`` is no minute from 0 to 59"),
            ("0 0 * * FUN", "`FUN` is no day of week from 0 to 7"),
            ("0 0 30 2 *", "no such day ever comes"),
        ] {
            let error = Schedule::parse(text).unwrap_err();
            assert_eq!(error.reason, reason, "{text}");
            assert!(error.to_string().contains("like `0 2 * * *`, in UTC"), "{error}");
        }
    }

    proptest! {
        /// Against the plain way: minute after minute.
        #[test]
        fn the_next_time_is_the_first_minute_that_fits(
            minute in 0_u32..60, step in 1_u32..24, day in prop::option::of(1_u32..=28),
            weekday in prop::option::of(0_u32..7), start in 0_i64..4_000_000_000,
        ) {
            let field = |number: Option<u32>| number.map_or("*".to_owned(), |number| number.to_string());
            let text = format!("{minute} */{step} {} * {}", field(day), field(weekday));
            let start = Timestamp::from_micros(start * 1_000_000);
            let fits = |time: &DateTime<Utc>| {
                let of_month = day.is_none_or(|day| time.day() == day);
                let of_week = weekday.is_none_or(|weekday| time.weekday().num_days_from_sunday() == weekday);
                let both = day.is_none() || weekday.is_none();
                time.minute() == minute
                    && time.hour().is_multiple_of(step)
                    && (if both { of_month && of_week } else { of_month || of_week })
            };
            let first = start.micros().div_euclid(60_000_000) + 1;
            let naive = (first..first + 60 * 24 * 366).map(|minute| DateTime::from_timestamp(minute * 60, 0).unwrap()).find(fits).unwrap();
            let found = Schedule::parse(&text).unwrap().next_after(start);
            prop_assert_eq!(found, Some(Timestamp::from_micros(naive.timestamp_micros())), "{}", text);
        }
    }
}
