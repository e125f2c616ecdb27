//! How much of the log is shown.

use tracing_subscriber::EnvFilter;

/// A level by its name here or in Feast, or directives by module such as `warn,larder_udf=debug`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogLevel(String);

/// Reads a level, in any case.
pub(crate) fn parse(text: &str) -> Result<LogLevel, String> {
    let level = match text.to_ascii_lowercase().as_str() {
        "critical" | "fatal" | "error" => "error",
        "warning" | "warn" => "warn",
        "info" => "info",
        "debug" => "debug",
        "trace" | "notset" => "trace",
        "off" => "off",
        // A word alone would be taken for the name of a module, and show nothing.
        _ if text.contains('=') && EnvFilter::try_new(text).is_ok() => text,
        _ => return Err("write error, warning, info, debug or trace".to_owned()),
    };
    Ok(LogLevel(level.to_owned()))
}

impl LogLevel {
    pub(crate) fn filter(&self) -> EnvFilter {
        EnvFilter::new(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_have_feasts_names_too() {
        for (text, expected) in [
            ("WARNING", "warn"),
            ("critical", "error"),
            ("Info", "info"),
            ("warn,larder_udf=debug", "warn,larder_udf=debug"),
        ] {
            assert_eq!(parse(text), Ok(LogLevel(expected.to_owned())));
        }
        assert!(parse("loud").is_err());
    }
}
