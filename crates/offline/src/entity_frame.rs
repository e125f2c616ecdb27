//! Entity tables: which column says when, and the time of each row.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use larder_core::{EntityFrame, RequestError, Timestamp, column, timestamp_data_type};

use crate::error::OfflineError;

/// The column that is the event timestamp wherever it exists.
pub const EVENT_TIMESTAMP: &str = "event_timestamp";

/// An entity table whose time column is known.
#[derive(Clone, Debug)]
pub struct TimedFrame {
    /// The rows. The time column is of microseconds in UTC; the others are the caller's.
    pub frame: EntityFrame,
    /// The time column.
    pub timestamp_column: String,
    /// Whether the column was chosen because it is the only one of a timestamp type. Feast then says
    /// ``Using {column} as the event timestamp. To specify a column explicitly, please name it
    /// event_timestamp.``
    pub is_inferred: bool,
}

/// Finds the time column: `event_timestamp`, in any form that is a time, or else the only column of a
/// timestamp type. Times without zone are UTC, and mixed zones become UTC.
///
/// # Errors
///
/// [`RequestError`] if no column or more than one could be it, or if a value is no time.
pub fn from_batch(rows: RecordBatch) -> Result<TimedFrame, OfflineError> {
    let schema = rows.schema();
    let (position, is_inferred) = match schema.index_of(EVENT_TIMESTAMP) {
        Ok(position) => (position, false),
        Err(_) => (only_timestamp(&schema)?, true),
    };
    let timestamp_column = schema.field(position).name().clone();
    let times = column::to_timestamps(&timestamp_column, rows.column(position))?;
    let event_timestamps: Arc<[Option<Timestamp>]> =
        times.iter().map(|time| time.map(Timestamp::from_micros)).collect();

    let (_, mut columns, _) = rows.into_parts();
    let mut fields = schema.fields().to_vec();
    if let (Some(field), Some(column)) = (fields.get_mut(position), columns.get_mut(position)) {
        *field = Arc::new(Field::new(&timestamp_column, timestamp_data_type(), true));
        *column = Arc::new(times) as ArrayRef;
    }
    let schema = Schema::new_with_metadata(fields, schema.metadata().clone());
    let rows = RecordBatch::try_new(Arc::new(schema), columns)
        .map_err(OfflineError::arrow("set the time column of the entity table"))?;
    Ok(TimedFrame { frame: EntityFrame { rows, event_timestamps }, timestamp_column, is_inferred })
}

fn only_timestamp(schema: &Schema) -> Result<usize, RequestError> {
    let columns = schema.fields().iter().enumerate();
    let is_time = |field: &Field| matches!(field.data_type(), DataType::Timestamp(_, _));
    let candidates: Vec<(usize, &str)> = columns
        .filter(|(_, field)| is_time(field))
        .map(|(place, field)| (place, field.name().as_str()))
        .collect();
    match candidates.as_slice() {
        [(position, _)] => Ok(*position),
        [] => Err(RequestError::other(format!(
            "the entity table has no column `{EVENT_TIMESTAMP}` and none that holds timestamps; add one"
        ))),
        several => {
            let names: Vec<String> = several.iter().map(|(_, name)| format!("`{name}`")).collect();
            Err(RequestError::other(format!(
                "the entity table has no column `{EVENT_TIMESTAMP}`, and {} all hold timestamps; \
                 name one of them `{EVENT_TIMESTAMP}`",
                names.join(", ")
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray, Int64Array, StringArray, TimestampSecondArray};
    use arrow::datatypes::TimestampMicrosecondType;

    use super::*;

    fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
        RecordBatch::try_from_iter(columns).unwrap()
    }

    fn text(values: &[&str]) -> ArrayRef {
        Arc::new(StringArray::from(values.to_vec()))
    }

    #[test]
    fn event_timestamp_is_taken_in_any_form_and_zones_are_normalised() {
        let rows = batch(vec![
            ("event_timestamp", text(&["2024-01-31T17:30:00+05:30", "2024-01-31 12:00:00"])),
            ("other", Arc::new(TimestampSecondArray::from(vec![1, 2]))),
        ]);
        let timed = from_batch(rows).unwrap();
        assert_eq!((timed.timestamp_column.as_str(), timed.is_inferred), ("event_timestamp", false));
        let noon = Timestamp::parse("2024-01-31T12:00:00Z").unwrap();
        assert_eq!(timed.frame.event_timestamps.as_ref(), [Some(noon), Some(noon)]);
        let column = timed.frame.rows.column(0);
        assert_eq!(column.data_type(), &timestamp_data_type());
        assert_eq!(column.as_primitive::<TimestampMicrosecondType>().value(1), noon.micros());
        assert_eq!(
            timed.frame.rows.column(1).data_type(),
            &DataType::Timestamp(arrow::datatypes::TimeUnit::Second, None)
        );
    }

    #[test]
    fn the_only_timestamp_column_stands_in_and_is_reported() {
        let rows = batch(vec![
            ("driver_id", Arc::new(Int64Array::from(vec![1]))),
            ("when", Arc::new(TimestampSecondArray::from(vec![Some(60)]))),
        ]);
        let timed = from_batch(rows).unwrap();
        assert_eq!((timed.timestamp_column.as_str(), timed.is_inferred), ("when", true));
        assert_eq!(timed.frame.event_timestamps.as_ref(), [Some(Timestamp::from_micros(60_000_000))]);
    }

    #[test]
    fn none_or_several_candidates_are_an_error_that_names_them() {
        let none = from_batch(batch(vec![("when", text(&["2024-01-31"]))])).unwrap_err();
        assert!(none.to_string().contains("none that holds timestamps"), "{none}");
        let time = || -> ArrayRef { Arc::new(TimestampSecondArray::from(vec![1])) };
        let two = from_batch(batch(vec![("a", time()), ("b", time())])).unwrap_err();
        assert_eq!(
            two.to_string(),
            "the entity table has no column `event_timestamp`, and `a`, `b` all hold timestamps; \
             name one of them `event_timestamp`"
        );
    }

    #[test]
    fn a_value_that_is_no_time_names_its_row() {
        let error = from_batch(batch(vec![("event_timestamp", text(&["2024-01-31", "soon"]))])).unwrap_err();
        assert!(error.to_string().contains("row 1"), "{error}");
    }
}
