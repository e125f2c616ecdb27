//! Event times as RFC 3339 in UTC, with 0, 3 or 6 fraction digits, as few as are exact.

use larder_core::Timestamp;

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// Writes a time, without quotes.
pub(crate) fn push_event_time(out: &mut Vec<u8>, time: Timestamp) {
    let micros = time.micros();
    let seconds = micros.div_euclid(MICROS_PER_SECOND);
    let fraction = micros.rem_euclid(MICROS_PER_SECOND);
    let (year, month, day) = civil_from_days(seconds.div_euclid(SECONDS_PER_DAY));
    if !(0..=9999).contains(&year) {
        // Years with a sign or more digits are rare enough to go the long way.
        out.extend_from_slice(time.to_string().as_bytes());
        return;
    }
    let second_of_day = seconds.rem_euclid(SECONDS_PER_DAY);
    push_pair(out, year / 100);
    push_pair(out, year % 100);
    out.push(b'-');
    push_pair(out, month);
    out.push(b'-');
    push_pair(out, day);
    out.push(b'T');
    push_pair(out, second_of_day / 3600);
    out.push(b':');
    push_pair(out, second_of_day / 60 % 60);
    out.push(b':');
    push_pair(out, second_of_day % 60);
    if fraction != 0 {
        out.push(b'.');
        push_digit(out, fraction / 100_000);
        push_pair(out, fraction / 1_000 % 100);
        if fraction % 1_000 != 0 {
            push_digit(out, fraction / 100 % 10);
            push_pair(out, fraction % 100);
        }
    }
    out.push(b'Z');
}

/// Year, month and day of a number of days since 1970-01-01, in the proleptic Gregorian calendar.
/// Years are counted from March, so that the leap day is the last of its year.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    const DAYS_PER_ERA: i64 = 146_097;
    let days = days + 719_468;
    let era = days.div_euclid(DAYS_PER_ERA);
    let day_of_era = days.rem_euclid(DAYS_PER_ERA);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

fn push_pair(out: &mut Vec<u8>, number: i64) {
    push_digit(out, number / 10);
    push_digit(out, number % 10);
}

fn push_digit(out: &mut Vec<u8>, digit: i64) {
    const DIGITS: &[u8; 10] = b"0123456789";
    let digit = usize::try_from(digit).ok().and_then(|at| DIGITS.get(at));
    out.push(*digit.expect("callers take remainders of numbers that are not negative"));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(time: Timestamp) -> String {
        let mut out = Vec::new();
        push_event_time(&mut out, time);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn fractions_have_as_few_digits_as_are_exact() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (500_000, "1970-01-01T00:00:00.500Z"),
            (1, "1970-01-01T00:00:00.000001Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
            (1_709_164_800_000_000, "2024-02-29T00:00:00Z"),
            (-62_167_219_200_000_000, "0000-01-01T00:00:00Z"),
        ] {
            assert_eq!(encoded(Timestamp::from_micros(micros)), text);
        }
    }

    proptest! {
        #[test]
        fn any_time_is_written_as_it_displays(micros in any::<i64>()) {
            let time = Timestamp::from_micros(micros);
            prop_assert_eq!(encoded(time), time.to_string());
        }

        #[test]
        fn times_of_our_days_are_written_as_they_display(micros in -5_000_000_000_000_000_i64..5_000_000_000_000_000) {
            let time = Timestamp::from_micros(micros);
            prop_assert_eq!(encoded(time), time.to_string());
        }
    }
}
