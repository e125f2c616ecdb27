//! Single cells of Feast's tables, of which anybody may have written any.

use larder_core::Timestamp;
use rusqlite::types::{Type, ValueRef};

use larder_feast_value::ValueFault;

/// Why a cell of a table cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CellFault {
    /// The bytes are not the value of a feature.
    #[error(transparent)]
    Value(#[from] ValueFault),
    /// The cell holds another SQLite type than Feast writes.
    #[error("column `{column}` holds {found}")]
    Type {
        /// The column.
        column: &'static str,
        /// The type.
        found: Type,
    },
    /// The cell holds no time.
    #[error("column `{column}` holds `{text}`, which is no time")]
    Time {
        /// The column.
        column: &'static str,
        /// What it holds.
        text: String,
    },
}

/// The bytes of a value.
pub(super) fn value(cell: ValueRef<'_>) -> Result<&[u8], CellFault> {
    match cell {
        ValueRef::Blob(bytes) => Ok(bytes),
        ValueRef::Null => Ok(&[]),
        other => Err(CellFault::Type { column: "value", found: other.data_type() }),
    }
}

/// The time of a row: seconds since the epoch as Feast writes them, or one of the texts that Python's
/// `sqlite3` writes by itself, in UTC.
pub(super) fn time(cell: ValueRef<'_>, column: &'static str) -> Result<Option<Timestamp>, CellFault> {
    let no_time = |text: String| CellFault::Time { column, text };
    match cell {
        ValueRef::Null => Ok(None),
        ValueRef::Integer(seconds) if in_range(seconds) => {
            Ok(Some(Timestamp::from_micros(seconds.saturating_mul(1_000_000))))
        }
        ValueRef::Integer(seconds) => Err(no_time(seconds.to_string())),
        ValueRef::Text(text) => match std::str::from_utf8(text).ok().map(Timestamp::parse) {
            Some(Ok(time)) => Ok(Some(time)),
            _ => Err(no_time(String::from_utf8_lossy(text).into_owned())),
        },
        other => Err(CellFault::Type { column, found: other.data_type() }),
    }
}

/// The same for a row that must have one.
pub(super) fn event_time(cell: ValueRef<'_>) -> Result<Timestamp, CellFault> {
    let column = "event_ts";
    time(cell, column)?.ok_or(CellFault::Type { column, found: Type::Null })
}

fn in_range(seconds: i64) -> bool {
    (Timestamp::MIN.seconds()..=Timestamp::MAX.seconds()).contains(&seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(cell: ValueRef<'_>) -> Result<i64, String> {
        event_time(cell).map(Timestamp::micros).map_err(|fault| fault.to_string())
    }

    #[test]
    fn times_are_read_as_numbers_and_as_the_texts_of_pythons_adapters() {
        let noon = Ok(1_706_702_400_000_000);
        assert_eq!(micros(ValueRef::Integer(1_706_702_400)), noon);
        for text in ["2024-01-31 12:00:00", "2024-01-31T12:00:00", "2024-01-31 12:00:00+00:00"] {
            assert_eq!(micros(ValueRef::Text(text.as_bytes())), noon, "{text}");
        }
        assert_eq!(micros(ValueRef::Text(b"2024-01-31 12:00:00.25")), Ok(1_706_702_400_250_000));
    }

    #[test]
    fn what_is_no_time_is_named() {
        assert_eq!(micros(ValueRef::Null), Err("column `event_ts` holds Null".into()));
        assert_eq!(micros(ValueRef::Blob(b"x")), Err("column `event_ts` holds Blob".into()));
        let no_time = |text: &str| Err(format!("column `event_ts` holds `{text}`, which is no time"));
        assert_eq!(micros(ValueRef::Text(b"noon")), no_time("noon"));
        assert_eq!(micros(ValueRef::Text(b"\xff")), no_time("\u{fffd}"));
        assert_eq!(micros(ValueRef::Integer(i64::MAX)), no_time("9223372036854775807"));
    }
}
