//! Numbers as Python's `repr` writes them, which is what Feast's JSON shows.

/// Writes a whole number.
pub fn push_integer(out: &mut Vec<u8>, number: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Writes a float: the shortest digits that read back, always with a point or an exponent. What JSON has
/// no number for is the text that protobuf's JSON has: `"NaN"`, `"Infinity"`, `"-Infinity"`.
pub fn push_float(out: &mut Vec<u8>, number: f64) {
    if !number.is_finite() {
        let text: &[u8] = if number.is_nan() {
            b"\"NaN\""
        } else if number > 0.0 {
            b"\"Infinity\""
        } else {
            b"\"-Infinity\""
        };
        out.extend_from_slice(text);
        return;
    }
    let mut buffer = zmij::Buffer::new();
    push_as_python(out, buffer.format_finite(number).as_bytes());
}

/// Rust and Python choose the same digits and differ in the form of very small and large numbers:
///
/// | Rust | Python |
/// |---|---|
/// | `1e16`, `1.5e300` | `1e+16`, `1.5e+300` |
/// | `1e-7` | `1e-07` |
/// | `0.000012` | `1.2e-05` |
fn push_as_python(out: &mut Vec<u8>, text: &[u8]) {
    if let Some(at) = text.iter().position(|byte| *byte == b'e') {
        let (mantissa, exponent) = text.split_at(at);
        let exponent = exponent.get(1..).unwrap_or_default();
        let (sign, digits) = match exponent.split_first() {
            Some((b'-', digits)) => (b'-', digits),
            Some((b'+', digits)) => (b'+', digits),
            _ => (b'+', exponent),
        };
        out.extend_from_slice(mantissa);
        out.extend_from_slice(&[b'e', sign]);
        if digits.len() < 2 {
            out.push(b'0');
        }
        out.extend_from_slice(digits);
        return;
    }
    let unsigned = text.strip_prefix(b"-").unwrap_or(text);
    if let Some(digits) = unsigned.strip_prefix(b"0.0000")
        && let Some((first, rest)) = digits.split_first()
    {
        if unsigned.len() < text.len() {
            out.push(b'-');
        }
        out.push(*first);
        if !rest.is_empty() {
            out.push(b'.');
            out.extend_from_slice(rest);
        }
        out.extend_from_slice(b"e-05");
        return;
    }
    out.extend_from_slice(text);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(number: f64) -> String {
        let mut out = Vec::new();
        push_float(&mut out, number);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn floats_are_written_as_python_writes_them() {
        // Each line was printed by Python 3.11 as `repr(float)`.
        for (number, python) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (100.0, "100.0"),
            (0.1, "0.1"),
            (-1.5, "-1.5"),
            (0.000_1, "0.0001"),
            (0.000_123, "0.000123"),
            (0.000_099_999, "9.9999e-05"),
            (0.000_01, "1e-05"),
            (-0.000_012_5, "-1.25e-05"),
            (0.000_001, "1e-06"),
            (1e-7, "1e-07"),
            (1.5e-10, "1.5e-10"),
            (123_456_789_012_345.0, "123456789012345.0"),
            (1e15, "1000000000000000.0"),
            (9_007_199_254_740_993.0, "9007199254740992.0"),
            (9_999_999_999_999_998.0, "9999999999999998.0"),
            (1e16, "1e+16"),
            (1.234_567_890_123_456_7e16, "1.2345678901234568e+16"),
            (1e22, "1e+22"),
            (1e100, "1e+100"),
            (1e300, "1e+300"),
            (-1.5e-300, "-1.5e-300"),
            (5e-324, "5e-324"),
            (1.797_693_134_862_315_7e308, "1.7976931348623157e+308"),
            (f64::from(0.61_f32), "0.6100000143051147"),
            (f64::from(0.1_f32), "0.10000000149011612"),
            (f64::from(1e-5_f32), "9.999999747378752e-06"),
            (f64::from(16_777_216.0_f32), "16777216.0"),
        ] {
            assert_eq!(encoded(number), python, "{number:e}");
        }
    }

    #[test]
    fn what_is_no_number_in_json_is_text() {
        assert_eq!(encoded(f64::NAN), "\"NaN\"");
        assert_eq!(encoded(f64::INFINITY), "\"Infinity\"");
        assert_eq!(encoded(f64::NEG_INFINITY), "\"-Infinity\"");
    }

    proptest! {
        #[test]
        fn every_float_reads_back_and_has_pythons_form(bits in any::<u64>()) {
            let number = f64::from_bits(bits);
            prop_assume!(number.is_finite());
            let text = encoded(number);
            prop_assert_eq!(text.parse::<f64>().unwrap().to_bits(), number.to_bits());
            let magnitude = number.abs();
            let plain = magnitude == 0.0 || (1e-4..1e16).contains(&magnitude);
            prop_assert_eq!(text.contains('e'), !plain, "{}", text);
            prop_assert!(text.contains('.') || text.contains('e'));
            if let Some((_, exponent)) = text.split_once('e') {
                prop_assert!(exponent.starts_with(['+', '-']) && exponent.len() >= 3, "{}", text);
            }
        }

        #[test]
        fn small_and_middling_floats_have_rusts_shortest_digits(number in -1e6_f64..1e6) {
            let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
            let rust = digits(format!("{number:e}").split('e').next().unwrap());
            let ours = encoded(number);
            let mantissa = digits(ours.split('e').next().unwrap());
            prop_assert_eq!(mantissa.trim_matches('0'), rust.trim_matches('0'));
        }
    }
}
