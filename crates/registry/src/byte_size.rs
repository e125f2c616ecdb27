//! Numbers of bytes, as people write them.

/// A text that is no number of bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a number of bytes; write it as in `64MiB`, `512KiB`, `1GiB`, `32MB` or `4096`")]
pub(crate) struct InvalidByteSize {
    text: String,
}

const UNITS: [(&str, usize); 8] = [
    ("", 1),
    ("B", 1),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// Reads `64MiB`, `32MB`, `4096`.
pub(crate) fn parse_byte_size(text: &str) -> Result<usize, InvalidByteSize> {
    let invalid = || InvalidByteSize { text: text.to_owned() };
    let trimmed = text.trim();
    let digits = trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(digits);
    let unit = unit.trim_start();
    let (_, size) = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).ok_or_else(invalid)?;
    let number: usize = number.parse().map_err(|_| invalid())?;
    number.checked_mul(*size).ok_or_else(invalid)
}

/// Writes a number of bytes in the form that [`parse_byte_size`] reads, exactly.
pub(crate) fn format_byte_size(bytes: usize) -> String {
    let unit = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]
        .into_iter()
        .find(|(_, size)| bytes >= *size && bytes.is_multiple_of(*size));
    match unit {
        Some((name, size)) => format!("{}{name}", bytes / size),
        None => bytes.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_back() {
        for bytes in [0, 1, 1023, 1 << 10, 64 << 20, 3 << 30, 1_000_000] {
            assert_eq!(parse_byte_size(&format_byte_size(bytes)), Ok(bytes));
        }
        assert_eq!(parse_byte_size("32 MB"), Ok(32_000_000));
        for text in ["", "MiB", "-1", "1.5MiB", "1TiB", "99999999999999999999"] {
            assert!(parse_byte_size(text).is_err(), "{text}");
        }
    }
}
