//! Entity rows in words: keys, times and columns of one value, as somebody types them into a form.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{Field as ArrowField, Schema};
use larder_core::column::cast_column;
use larder_core::{Field, RequestError, Timestamp, ValueType};
use larder_offline::entity_frame::EVENT_TIMESTAMP;

/// The rows of some keys, with their times.
///
/// Values get the types that `declared` has for their columns. A column that it does not have holds numbers if all of
/// its values are such, as in Feast.
///
/// # Errors
///
/// What does not fit, with its place.
pub(crate) fn entity_rows(
    keys: &[String],
    values: &str,
    (start, end): (&str, &str),
    declared: &[Field],
    now: Timestamp,
) -> Result<RecordBatch, RequestError> {
    let rows = rows_of(keys, values)?;
    let mut table = Table::default();
    for (at, key) in keys.iter().enumerate() {
        let column: StringArray = rows.iter().map(|row| row.get(at).copied().flatten()).collect();
        table.add(key, typed(key, column, declared)?);
    }
    let times = TimestampMicrosecondArray::from(times(rows.len(), start, end, now)?).with_timezone("UTC");
    table.add(EVENT_TIMESTAMP, Arc::new(times));
    table.finish()
}

/// Adds columns of one value to rows: `name=value` lines. One that is there already is replaced, as in Feast.
///
/// # Errors
///
/// A line of another form, and what does not fit the declared type.
pub(crate) fn with_extra_columns(
    rows: &RecordBatch,
    lines: &str,
    declared: &[Field],
) -> Result<RecordBatch, RequestError> {
    let mut table = Table::default();
    for (field, column) in rows.schema_ref().fields().iter().zip(rows.columns()) {
        table.add(field.name(), Arc::clone(column));
    }
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let name_and_value = line.split_once('=').map(|(name, value)| (name.trim(), value.trim()));
        let (name, value) = name_and_value.filter(|(name, _)| !name.is_empty()).ok_or_else(|| {
            RequestError::other(format!("extra column `{line}` has another form than `name=value`"))
        })?;
        let column: StringArray = (0..rows.num_rows()).map(|_| Some(value)).collect();
        table.add(name, typed(name, column, declared)?);
    }
    table.finish()
}

/// Of one key all values between commas and line ends; of several a row a line. What is empty is null.
fn rows_of<'v>(keys: &[String], values: &'v str) -> Result<Vec<Vec<Option<&'v str>>>, RequestError> {
    let full = |text: &'v str| Some(text.trim()).filter(|text| !text.is_empty());
    let rows: Vec<Vec<Option<&str>>> = if keys.len() == 1 {
        values.split([',', '\n']).filter_map(full).map(|value| vec![Some(value)]).collect()
    } else {
        let lines = values.lines().filter_map(full);
        lines.map(|line| line.split(',').map(full).collect()).collect()
    };
    if rows.is_empty() {
        return Err(RequestError::other("No entity values could be parsed from the input."));
    }
    if let Some((at, row)) = rows.iter().enumerate().find(|(_, row)| row.len() > keys.len()) {
        return Err(RequestError::other(format!(
            "row {} of the entity values has {} values for the {} keys {}",
            at + 1,
            row.len(),
            keys.len(),
            keys.join(", ")
        )));
    }
    Ok(rows)
}

/// Evenly from `start` to `end`, both included; the end for all without a start; now without an end.
fn times(rows: usize, start: &str, end: &str, now: Timestamp) -> Result<Vec<i64>, RequestError> {
    let parse = |name: &str, text: &str| {
        let invalid = |error| RequestError::other(format!("`{name}`: {error}"));
        let full = Some(text.trim()).filter(|text| !text.is_empty());
        full.map(Timestamp::parse).transpose().map_err(invalid)
    };
    let (start, end) = (parse("start_date", start)?, parse("end_date", end)?);
    let Some(end) = end else { return Ok(vec![now.micros(); rows]) };
    let steps = i128::try_from(rows.saturating_sub(1)).unwrap_or(i128::MAX);
    let Some(start) = start.filter(|_| steps > 0) else { return Ok(vec![end.micros(); rows]) };
    let span = i128::from(end.micros()) - i128::from(start.micros());
    let at = |step: i128| i128::from(start.micros()) + span * step / steps;
    Ok((0..=steps).map(|step| i64::try_from(at(step)).unwrap_or(end.micros())).collect())
}

fn typed(name: &str, column: StringArray, declared: &[Field]) -> Result<ArrayRef, RequestError> {
    if let Some(field) = declared.iter().find(|field| field.name == name) {
        return cast_column(name, &(Arc::new(column) as ArrayRef), &field.value_type);
    }
    let all_are = |is: fn(&str) -> bool| column.iter().flatten().all(is);
    let found = if all_are(|text| text.parse::<i64>().is_ok()) {
        ValueType::INT64
    } else if all_are(|text| text.parse::<f64>().is_ok()) {
        ValueType::FLOAT64
    } else {
        ValueType::STRING
    };
    cast_column(name, &(Arc::new(column) as ArrayRef), &found)
}

/// Columns by name, in the order in which they came.
#[derive(Debug, Default)]
struct Table {
    columns: Vec<(String, ArrayRef)>,
}

impl Table {
    fn add(&mut self, name: &str, column: ArrayRef) {
        match self.columns.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = column,
            None => self.columns.push((name.to_owned(), column)),
        }
    }

    fn finish(self) -> Result<RecordBatch, RequestError> {
        let (fields, columns): (Vec<_>, Vec<_>) = self
            .columns
            .into_iter()
            .map(|(name, column)| (ArrowField::new(name, column.data_type().clone(), true), column))
            .unzip();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
            .map_err(|error| RequestError::other(format!("the entity rows are no table: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray as _;
    use arrow::datatypes::{DataType, TimestampMicrosecondType};
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000);

    fn rows(keys: &[&str], values: &str, declared: &[Field]) -> Result<RecordBatch, RequestError> {
        let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
        entity_rows(&keys, values, ("", ""), declared, NOW)
    }

    fn texts(column: &ArrayRef) -> Vec<Option<String>> {
        let text = cast_column("c", column, &ValueType::STRING).unwrap();
        text.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect()
    }

    fn of(values: &[&str]) -> Vec<Option<String>> {
        values.iter().map(|value| Some((*value).to_owned())).collect()
    }

    #[test]
    fn values_of_one_key_stand_between_commas_and_on_lines() {
        let table = rows(&["id"], " 1, 2\n3,,\n", &[]).unwrap();
        assert_eq!(table.schema().field(0).data_type(), &DataType::Int64);
        assert_eq!(texts(table.column(0)), of(&["1", "2", "3"]));
        assert_eq!(table.schema().field(1).name(), "event_timestamp");
        assert_eq!(table.column(1).as_primitive::<TimestampMicrosecondType>().values(), &[1_000_000; 3]);
    }

    #[test]
    fn of_several_keys_a_line_is_a_row_and_what_it_lacks_is_null() {
        let table = rows(&["a", "b"], "1, x\n\n2\n3, y\n", &[]).unwrap();
        assert_eq!(texts(table.column(0)), of(&["1", "2", "3"]));
        assert_eq!(texts(table.column(1)), [Some("x".to_owned()), None, Some("y".to_owned())]);
        let refused = rows(&["a", "b"], "1,2\n1,2,3", &[]).unwrap_err();
        assert_eq!(refused.to_string(), "row 2 of the entity values has 3 values for the 2 keys a, b");
    }

    #[test]
    fn a_column_gets_its_declared_type_or_that_of_its_values() {
        let declared = [Field::new("id", ValueType::STRING)];
        assert_eq!(texts(rows(&["id"], "007", &declared).unwrap().column(0)), of(&["007"]));
        let refused = rows(&["id"], "7,x", &[Field::new("id", ValueType::INT64)]).unwrap_err().to_string();
        assert!(refused.contains("id") && refused.contains('x'), "{refused}");
        for (values, found) in
            [("1,2", DataType::Int64), ("1,2.5", DataType::Float64), ("1,b", DataType::Utf8)]
        {
            assert_eq!(rows(&["id"], values, &[]).unwrap().column(0).data_type(), &found, "{values}");
        }
        assert_eq!(
            rows(&["id"], " ,\n", &[]).unwrap_err().to_string(),
            "No entity values could be parsed from the input."
        );
    }

    #[test]
    fn extra_columns_have_one_value_and_take_the_place_of_what_is_there() {
        let table = rows(&["id"], "1,2", &[]).unwrap();
        let declared = [Field::new("val", ValueType::FLOAT64)];
        let extra = with_extra_columns(&table, "val = 3\n\nid=9\nnote=a=b", &declared).unwrap();
        let names: Vec<_> = extra.schema().fields().iter().map(|field| field.name().clone()).collect();
        assert_eq!(names, ["id", "event_timestamp", "val", "note"]);
        assert_eq!(extra.column(2).data_type(), &DataType::Float64);
        assert_eq!((texts(extra.column(0)), texts(extra.column(3))), (of(&["9", "9"]), of(&["a=b", "a=b"])));
        for line in ["val", "=3"] {
            let refused = with_extra_columns(&table, line, &[]).unwrap_err().to_string();
            assert!(refused.contains(line), "{refused}");
        }
    }

    #[test]
    fn a_time_that_is_none_is_named() {
        let refused = times(2, "2024-01-01", "noon", NOW).unwrap_err().to_string();
        assert!(refused.contains("end_date") && refused.contains("noon"), "{refused}");
        let end = Timestamp::parse("2024-01-02").unwrap().micros();
        assert_eq!(times(1, "2024-01-01", "2024-01-02", NOW).unwrap(), [end], "one row is of the end");
        assert_eq!(times(2, "", "2024-01-02", NOW).unwrap(), [end; 2]);
        assert_eq!(times(2, "2024-01-01", "", NOW).unwrap(), [NOW.micros(); 2], "as in Feast");
    }

    proptest! {
        #[test]
        fn times_go_evenly_from_the_start_to_the_end(
            rows in 2..50_usize,
            start in 0..4_000_000_000_i64,
            end in 0..4_000_000_000_i64,
        ) {
            let text = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000).to_string();
            let times = times(rows, &text(start), &text(end), NOW).unwrap();
            prop_assert_eq!(times.len(), rows);
            prop_assert_eq!((times[0], times[rows - 1]), (start * 1_000_000, end * 1_000_000));
            let steps: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
            prop_assert!(steps.iter().max().unwrap() - steps.iter().min().unwrap() <= 1);
        }
    }
}
