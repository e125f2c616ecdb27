//! `str()` of Python's numbers, which Feast stores beside values.

use std::fmt::Write as _;

/// Writes a float as Python does: the shortest digits that read back, with an exponent below 1e-4 and
/// from 1e16 on.
pub(super) fn push_float(out: &mut String, value: f64) {
    if !value.is_finite() {
        let sign = if value.is_sign_negative() && value.is_infinite() { "-" } else { "" };
        out.push_str(sign);
        out.push_str(if value.is_nan() { "nan" } else { "inf" });
        return;
    }
    let magnitude = value.abs();
    let written = if magnitude == 0.0 || (1e-4..1e16).contains(&magnitude) {
        // Debug writes `1.0` where Display writes `1`, and no exponent in this range.
        write!(out, "{value:?}")
    } else {
        let digits = format!("{value:e}");
        let (digits, exponent) = digits.split_once('e').unwrap_or((&digits, "0"));
        let (sign, exponent) = match exponent.strip_prefix('-') {
            Some(exponent) => ('-', exponent),
            None => ('+', exponent),
        };
        write!(out, "{digits}e{sign}{exponent:0>2}")
    };
    written.expect("a string takes everything");
}

/// Writes a truth value as Python does.
pub(super) fn push_bool(out: &mut String, value: bool) {
    out.push_str(if value { "True" } else { "False" });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_python_writes_them() {
        // Each is what CPython 3.11 answers to `str(float("…"))`.
        for text in [
            "0.0",
            "-0.0",
            "1.0",
            "0.1",
            "0.10000000149011612",
            "-1.5",
            "123456789.125",
            "0.0001",
            "1e-05",
            "1.5e-300",
            "9999999999999998.0",
            "1e+16",
            "1.2345e+16",
            "1.7976931348623157e+308",
            "5e-324",
            "inf",
            "-inf",
            "nan",
        ] {
            let mut out = String::new();
            push_float(&mut out, text.parse().unwrap());
            assert_eq!(out, text);
        }
    }
}
