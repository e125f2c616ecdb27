//! Arrow columns of any type to Arrow columns of a declared type.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, TimestampMicrosecondArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::value_type::timestamp_data_type;
use crate::{RequestError, ScalarType, Timestamp, ValueType};

/// Casts a column to `value_type` by the table of [`column`](super). Free when it already is.
///
/// # Errors
///
/// [`RequestError::InvalidValue`] names the first value that does not fit,
/// [`RequestError::InvalidColumn`] a type that never does.
pub fn cast_column(column: &str, array: &ArrayRef, value_type: ValueType) -> Result<ArrayRef, RequestError> {
    let target = value_type.data_type();
    if array.data_type() == &target {
        return Ok(Arc::clone(array));
    }
    let impossible = || RequestError::InvalidColumn {
        column: column.to_owned(),
        found: array.data_type().to_string(),
        expected: value_type.to_string(),
    };
    if matches!(value_type, ValueType::Scalar(ScalarType::UnixTimestamp)) {
        return to_timestamps(column, array).map(|times| Arc::new(times) as ArrayRef);
    }
    if is_temporal(array.data_type()) && !array.data_type().is_null() {
        // Arrow would hand out raw counts of some unit; Feast has no such conversion.
        return Err(impossible());
    }
    // A safe cast gives null for what does not fit, which tells the row.
    let cast = cast_with_options(array, &target, &CastOptions::default()).map_err(|_| impossible())?;
    match first_lost(array, &cast) {
        None => Ok(cast),
        Some(row) => Err(invalid(column, array, row, value_type)),
    }
}

/// Reads any Arrow timestamp, date, RFC 3339 text or whole seconds as microseconds in UTC. A time
/// without zone is UTC; a zone only says how to print, and is dropped.
///
/// # Errors
///
/// As [`cast_column`].
pub fn to_timestamps(column: &str, array: &ArrayRef) -> Result<TimestampMicrosecondArray, RequestError> {
    let impossible = || RequestError::InvalidColumn {
        column: column.to_owned(),
        found: array.data_type().to_string(),
        expected: ValueType::UNIX_TIMESTAMP.to_string(),
    };
    let cast = |array: &ArrayRef, to: &DataType| {
        cast_with_options(array, to, &CastOptions::default()).map_err(|_| impossible())
    };
    let micros: ArrayRef = match array.data_type() {
        DataType::Timestamp(unit, _) => {
            // Dropping the zone first keeps the instant: the stored number already is UTC.
            let bare = cast(&without_zone(array, *unit), &DataType::Timestamp(TimeUnit::Microsecond, None))?;
            cast(&bare, &DataType::Int64)?
        }
        DataType::Date32 | DataType::Date64 => {
            let bare = cast(array, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
            cast(&bare, &DataType::Int64)?
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(_, _) => {
            let text = cast(array, &DataType::Utf8)?;
            let text = text.as_string::<i32>();
            let times: Vec<Option<i64>> = (0..text.len())
                .map(|row| {
                    if text.is_null(row) {
                        return Ok(None);
                    }
                    let time = Timestamp::parse(text.value(row));
                    time.map(|time| Some(time.micros()))
                        .map_err(|_| invalid(column, array, row, ValueType::UNIX_TIMESTAMP))
                })
                .collect::<Result<_, _>>()?;
            return Ok(TimestampMicrosecondArray::from(times).with_data_type(timestamp_data_type()));
        }
        data_type if data_type.is_integer() => {
            let seconds = cast(array, &DataType::Int64)?;
            cast(&seconds, &DataType::Timestamp(TimeUnit::Second, None))
                .and_then(|seconds| cast(&seconds, &DataType::Timestamp(TimeUnit::Microsecond, None)))
                .and_then(|micros| cast(&micros, &DataType::Int64))?
        }
        DataType::Null => cast(array, &DataType::Int64)?,
        _ => return Err(impossible()),
    };
    if let Some(row) = first_lost(array, &micros) {
        return Err(invalid(column, array, row, ValueType::UNIX_TIMESTAMP));
    }
    let times = cast(&micros, &timestamp_data_type())?;
    Ok(times.as_primitive::<TimestampMicrosecondType>().clone())
}

fn without_zone(array: &ArrayRef, unit: TimeUnit) -> ArrayRef {
    let data = array.to_data().into_builder().data_type(DataType::Timestamp(unit, None));
    arrow::array::make_array(data.build().expect("a zone does not change the layout"))
}

fn is_temporal(data_type: &DataType) -> bool {
    data_type.is_temporal()
}

/// The first row that is null in `cast` and not in `array`, also inside lists.
fn first_lost(array: &ArrayRef, cast: &ArrayRef) -> Option<usize> {
    if cast.null_count() != array.logical_null_count() {
        let before = array.logical_nulls();
        let was_null = |row| before.as_ref().is_some_and(|nulls| nulls.is_null(row));
        return (0..cast.len()).find(|row| cast.is_null(*row) && !was_null(*row));
    }
    let (before, after) = match (array.data_type(), cast.data_type()) {
        (DataType::List(_), DataType::List(_)) => {
            (list_item_nulls::<i32>(array), list_item_nulls::<i32>(cast))
        }
        (DataType::LargeList(_), DataType::List(_)) => {
            (list_item_nulls::<i64>(array), list_item_nulls::<i32>(cast))
        }
        (DataType::FixedSizeList(_, _), DataType::List(_)) => {
            let lists = array.as_fixed_size_list();
            let nulls = (0..lists.len()).map(|row| lists.value(row).logical_null_count()).collect();
            (nulls, list_item_nulls::<i32>(cast))
        }
        _ => return None,
    };
    (0..cast.len()).find(|row| !cast.is_null(*row) && before.get(*row) != after.get(*row))
}

fn list_item_nulls<O: arrow::array::OffsetSizeTrait>(array: &ArrayRef) -> Vec<usize> {
    let lists = array.as_list::<O>();
    (0..lists.len()).map(|row| lists.value(row).logical_null_count()).collect()
}

fn invalid(column: &str, array: &ArrayRef, row: usize, expected: ValueType) -> RequestError {
    let value = ArrayFormatter::try_new(array, &FormatOptions::default())
        .map(|formatter| formatter.value(row).to_string())
        .unwrap_or_default();
    RequestError::InvalidValue { column: column.to_owned(), row, value, expected: expected.to_string() }
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        BooleanArray, Date32Array, Float64Array, Int32Array, Int64Array, LargeStringArray, StringArray,
        TimestampMillisecondArray, TimestampNanosecondArray,
    };
    use arrow::datatypes::Int32Type;

    use super::*;

    #[test]
    fn every_form_of_one_instant_becomes_the_same_microseconds() {
        let instant = 1_706_702_400_000_000_i64;
        let columns: [ArrayRef; 6] = [
            Arc::new(TimestampMillisecondArray::from(vec![instant / 1000])),
            Arc::new(TimestampMillisecondArray::from(vec![instant / 1000]).with_timezone("+05:30")),
            Arc::new(TimestampNanosecondArray::from(vec![instant * 1000]).with_timezone("UTC")),
            Arc::new(StringArray::from(vec!["2024-01-31T17:30:00+05:30"])),
            Arc::new(LargeStringArray::from(vec!["2024-01-31 12:00:00"])),
            Arc::new(Int64Array::from(vec![instant / 1_000_000])),
        ];
        for column in columns {
            let times = to_timestamps("t", &column).unwrap();
            assert_eq!(times.value(0), instant, "{:?}", column.data_type());
            assert_eq!(times.data_type(), &timestamp_data_type());
        }
        let dates: ArrayRef = Arc::new(Date32Array::from(vec![1]));
        assert_eq!(to_timestamps("t", &dates).unwrap().value(0), 86_400_000_000);
    }

    #[test]
    fn what_does_not_fit_is_an_error_and_never_a_null() {
        let big: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(1 << 40)]));
        let error = cast_column("c", &big, ValueType::INT32).unwrap_err();
        assert_eq!(
            error.to_string(),
            "column `c`, row 2: 1099511627776 is not a valid Int32; send a value of that type or null"
        );
        let text: ArrayRef = Arc::new(StringArray::from(vec!["x"]));
        assert!(cast_column("c", &text, ValueType::INT64).is_err());
        assert!(to_timestamps("c", &text).is_err());
        let flags: ArrayRef = Arc::new(BooleanArray::from(vec![true]));
        assert!(to_timestamps("c", &flags).is_err());
        let lists: ArrayRef =
            Arc::new(arrow::array::ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1)])]));
        assert!(cast_column("c", &lists, ValueType::INT64).is_err());
    }

    #[test]
    fn numbers_cross_between_widths_and_floats_are_cut() {
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![Some(1001.7), None]));
        let whole = cast_column("c", &floats, ValueType::INT64).unwrap();
        assert_eq!(
            whole.as_primitive::<arrow::datatypes::Int64Type>().iter().collect::<Vec<_>>(),
            [Some(1001), None]
        );
        let narrow: ArrayRef = Arc::new(Int32Array::from(vec![7]));
        assert!(cast_column("c", &narrow, ValueType::INT64).is_ok());
    }

    #[test]
    fn list_items_are_cast_one_by_one() {
        let lists: ArrayRef = Arc::new(arrow::array::ListArray::from_iter_primitive::<Int32Type, _, _>([
            Some(vec![Some(1), None]),
            None,
        ]));
        let value_type = ValueType::Array(ScalarType::Int64);
        let cast = cast_column("c", &lists, value_type).unwrap();
        assert_eq!(cast.data_type(), &value_type.data_type());
        assert_eq!(cast.null_count(), 1);
    }
}
