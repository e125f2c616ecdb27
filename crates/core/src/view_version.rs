//! Versions of views.

use std::fmt;
use std::str::FromStr;

/// Which version of a view is in use.
///
/// Every change of a view's schema or function makes a version, counted from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ViewVersion {
    /// The newest.
    #[default]
    Latest,
    /// A certain one.
    Pinned(u32),
}

/// Text that names no version; displays as Feast's message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid version string '{text}'. Expected 'latest', 'vN', or 'versionN' (e.g. 'v2', 'version3').")]
pub struct InvalidVersion {
    text: String,
}

impl ViewVersion {
    /// The number, if it is pinned.
    pub fn number(self) -> Option<u32> {
        match self {
            Self::Latest => None,
            Self::Pinned(number) => Some(number),
        }
    }
}

impl FromStr for ViewVersion {
    type Err = InvalidVersion;

    /// Reads `latest`, `vN` and `versionN`, in any case; no text is `latest`.
    fn from_str(text: &str) -> Result<Self, InvalidVersion> {
        let lower = text.to_ascii_lowercase();
        if lower.is_empty() || lower == "latest" {
            return Ok(Self::Latest);
        }
        let digits = lower.strip_prefix("version").or_else(|| lower.strip_prefix('v'));
        digits
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|digits| digits.parse().ok())
            // Feast keeps the number in 32 bits with a sign.
            .filter(|number| i32::try_from(*number).is_ok())
            .map(Self::Pinned)
            .ok_or_else(|| InvalidVersion { text: text.to_owned() })
    }
}

impl fmt::Display for ViewVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str("latest"),
            Self::Pinned(number) => write!(f, "v{number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_read_as_in_feast() {
        for (text, version) in [
            ("", ViewVersion::Latest),
            ("LATEST", ViewVersion::Latest),
            ("v2", ViewVersion::Pinned(2)),
            ("Version3", ViewVersion::Pinned(3)),
            ("v0", ViewVersion::Pinned(0)),
        ] {
            assert_eq!(text.parse(), Ok(version), "{text}");
        }
        for text in ["2", "v", "v-1", "v+1", "v2.1", "version", "v99999999999"] {
            let error = text.parse::<ViewVersion>().unwrap_err();
            assert!(error.to_string().starts_with(&format!("Invalid version string '{text}'.")), "{error}");
        }
    }
}
