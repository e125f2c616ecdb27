//! Names that nobody else has.

use std::io;

use crate::{Error, ErrorKind, Result};

/// 32 hexadecimal digits.
///
/// # Errors
///
/// [`ErrorKind::Unavailable`] if the machine has no randomness to give.
pub fn hexadecimal() -> Result<String> {
    Ok(hexadecimal_of(&random()?))
}

/// A random UUID, version 4.
///
/// # Errors
///
/// As [`hexadecimal`].
pub fn uuid() -> Result<String> {
    let mut bytes = random()?;
    let [.., version, _, variant, _, _, _, _, _, _, _] = &mut bytes;
    *version = *version & 0x0f | 0x40;
    *variant = *variant & 0x3f | 0x80;
    let digits = hexadecimal_of(&bytes);
    let parts =
        [digits.get(..8), digits.get(8..12), digits.get(12..16), digits.get(16..20), digits.get(20..)];
    Ok(parts.map(Option::unwrap_or_default).join("-"))
}

fn random() -> Result<[u8; 16]> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|source| Error::new(ErrorKind::Unavailable, io::Error::other(source)))?;
    Ok(bytes)
}

fn hexadecimal_of(bytes: &[u8; 16]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_says_its_version_and_variant() {
        let id = uuid().unwrap();
        let lengths: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12], "{id}");
        assert_eq!(id.chars().nth(14), Some('4'), "{id}");
        assert!("89ab".contains(id.chars().nth(19).unwrap()), "{id}");
        assert_ne!(id, uuid().unwrap());
        assert_eq!(hexadecimal().unwrap().len(), 32);
    }
}
