//! Arrow columns of any type to Arrow columns of a declared type.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, BooleanBufferBuilder, ListArray, StringArray, StringBuilder,
    StructArray, TimestampMicrosecondArray, new_null_array,
};
use arrow::buffer::{BooleanBuffer, OffsetBuffer};
use arrow::compute::{CastOptions, cast_with_options, nullif};
use arrow::datatypes::{DataType, Field as ArrowField, TimeUnit, TimestampMicrosecondType};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::column_from_json;
use super::distinct::distinct_items;
use super::forms::{check_text, micros_of_text, text_of_json};
use super::from_json::cut;
use super::to_json::{json_pairs, json_value};
use crate::value_type::{arrow_fields, timestamp_data_type};
use crate::{FlatType, Layout, RequestError, ScalarType, StructField, ValueType};

/// Casts a column to `value_type` by the table of [`column`](super). Free when it already is.
///
/// # Errors
///
/// [`RequestError::InvalidValue`] names the first value that does not fit,
/// [`RequestError::InvalidColumn`] a type that never does.
pub fn cast_column(column: &str, array: &ArrayRef, value_type: &ValueType) -> Result<ArrayRef, RequestError> {
    if !value_type.says_more_than_arrow() && array.data_type() == &value_type.data_type() {
        return Ok(Arc::clone(array));
    }
    match (value_type, value_type.layout()) {
        (_, _) if array.data_type().is_null() => Ok(new_null_array(&value_type.data_type(), array.len())),
        (_, Layout::Flat(FlatType::TimestampMicros)) => {
            to_timestamps(column, array).map(|times| Arc::new(times) as ArrayRef)
        }
        (ValueType::Scalar(ScalarType::ZonedTimestamp), Layout::Struct(fields)) => {
            to_zoned_timestamps(column, array, fields)
        }
        (ValueType::Scalar(scalar), _) if scalar.is_text_of_a_form() => to_form(column, array, *scalar),
        (_, Layout::Flat(flat)) => to_flat(column, array, flat, value_type),
        (_, Layout::List(item)) => {
            let lists = to_lists(column, array, item, value_type)?;
            let is_set = matches!(value_type, ValueType::Set(_));
            Ok(Arc::new(if is_set { distinct_items(&lists) } else { lists }))
        }
        (_, Layout::Struct(fields)) => to_structs(column, array, fields, value_type),
    }
}

fn impossible(column: &str, array: &ArrayRef, expected: &ValueType) -> RequestError {
    RequestError::InvalidColumn {
        column: column.to_owned(),
        found: array.data_type().to_string(),
        expected: expected.to_string(),
    }
}

fn to_flat(
    column: &str,
    array: &ArrayRef,
    flat: FlatType,
    value_type: &ValueType,
) -> Result<ArrayRef, RequestError> {
    if is_temporal(array.data_type()) {
        // Arrow would hand out raw counts of some unit; Feast has no such conversion.
        return Err(impossible(column, array, value_type));
    }
    // A safe cast gives null for what does not fit, which tells the row.
    let cast = cast_with_options(array, &flat.data_type(), &CastOptions::default())
        .map_err(|_| impossible(column, array, value_type))?;
    match first_lost(array, &cast) {
        None => Ok(cast),
        Some(row) => Err(invalid(column, array, row, value_type)),
    }
}

/// Texts of a certain form: texts that have it, and other values written in it.
fn to_form(column: &str, array: &ArrayRef, scalar: ScalarType) -> Result<ArrayRef, RequestError> {
    let value_type = ValueType::Scalar(scalar);
    let text = match array.data_type() {
        DataType::FixedSizeBinary(16) if matches!(scalar, ScalarType::Uuid | ScalarType::TimeUuid) => {
            let bytes = array.as_fixed_size_binary();
            return Ok(Arc::new(bytes.iter().map(|bytes| bytes.map(hyphenated)).collect::<StringArray>()));
        }
        found if is_text(found) || matches!(found, DataType::Binary | DataType::LargeBinary) => {
            to_flat(column, array, FlatType::Utf8, &value_type)?
        }
        found if scalar == ScalarType::Decimal && found.is_numeric() => {
            to_flat(column, array, FlatType::Utf8, &value_type)?
        }
        _ => return to_form_by_json(column, array, scalar),
    };
    let text = text.as_string::<i32>();
    let mut builder: Option<StringBuilder> = None;
    for row in 0..text.len() {
        if text.is_null(row) {
            if let Some(builder) = &mut builder {
                builder.append_null();
            }
            continue;
        }
        let given = text.value(row);
        let formed = check_text(scalar, given).ok_or_else(|| invalid(column, array, row, &value_type))?;
        if builder.is_none() && formed != given {
            // The first one that is not as it was given: what came before is copied.
            let mut started = StringBuilder::with_capacity(text.len(), text.value_data().len());
            text.iter().take(row).for_each(|text| started.append_option(text));
            builder = Some(started);
        }
        if let Some(builder) = &mut builder {
            builder.append_value(formed);
        }
    }
    Ok(match builder {
        None => Arc::new(text.clone()),
        Some(mut builder) => Arc::new(builder.finish()),
    })
}

fn to_form_by_json(column: &str, array: &ArrayRef, scalar: ScalarType) -> Result<ArrayRef, RequestError> {
    let value_type = ValueType::Scalar(scalar);
    let value = |row| match scalar {
        ScalarType::ScalarMap => json_pairs(array, row),
        _ => json_value(array, row),
    };
    let texts = (0..array.len()).map(|row| match value(row) {
        serde_json::Value::Null => Ok(None),
        value => match text_of_json(scalar, &value) {
            Some(text) => Ok(Some(text.into_owned())),
            None => Err(invalid(column, array, row, &value_type)),
        },
    });
    let texts = texts.collect::<Result<StringArray, _>>()?;
    Ok(Arc::new(texts))
}

fn hyphenated(uuid: &[u8]) -> String {
    let mut text = String::with_capacity(36);
    for (at, byte) in uuid.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

/// Casts by way of JSON, for forms that Arrow's kernels do not know.
fn by_json(column: &str, array: &ArrayRef, value_type: &ValueType) -> Result<ArrayRef, RequestError> {
    let values: Vec<_> = (0..array.len()).map(|row| json_value(array, row)).collect();
    column_from_json(column, value_type, &values)
}

fn to_lists(
    column: &str,
    array: &ArrayRef,
    item: &ValueType,
    value_type: &ValueType,
) -> Result<ListArray, RequestError> {
    let lists = match array.data_type() {
        DataType::List(_) => array.as_list::<i32>().clone(),
        DataType::LargeList(found) | DataType::FixedSizeList(found, _) => {
            let target = DataType::List(Arc::clone(found));
            let lists = cast_with_options(array, &target, &CastOptions::default());
            lists.map_err(|_| impossible(column, array, value_type))?.as_list::<i32>().clone()
        }
        found if is_text(found) => return Ok(by_json(column, array, value_type)?.as_list::<i32>().clone()),
        _ => return Err(impossible(column, array, value_type)),
    };
    let offsets = lists.offsets();
    let (first, last) = (offsets.first().copied().unwrap_or(0), offsets.last().copied().unwrap_or(0));
    let (from, length) = (index(first), index(last - first));
    let items = in_valid_lists(&lists, lists.values().slice(from, length));
    let items = cast_column(column, &items, item).map_err(|error| {
        // The position of an item is no row; the row is that of its list.
        in_rows(error, value_type, |item| {
            let starts = offsets.iter().map(|offset| index(*offset - first));
            starts.take(lists.len()).filter(|start| *start <= item).count().saturating_sub(1)
        })
    })?;
    let starts: Vec<i32> = offsets.iter().map(|offset| offset - first).collect();
    let field = Arc::new(ArrowField::new("item", items.data_type().clone(), true));
    Ok(ListArray::new(field, OffsetBuffer::new(starts.into()), items, lists.nulls().cloned()))
}

/// The items of lists, null where the list is: what lies there has no meaning.
fn in_valid_lists(lists: &ListArray, items: ArrayRef) -> ArrayRef {
    let Some(nulls) = lists.nulls() else { return items };
    let mut is_under_null = BooleanBufferBuilder::new(items.len());
    for (is_valid, bounds) in nulls.iter().zip(lists.offsets().windows(2)) {
        if let &[start, end] = bounds {
            is_under_null.append_n(index(end - start), !is_valid);
        }
    }
    without(&items, is_under_null.finish())
}

/// An array with nulls in the places that are set.
fn without(array: &ArrayRef, places: BooleanBuffer) -> ArrayRef {
    if places.count_set_bits() == 0 {
        return Arc::clone(array);
    }
    nullif(array, &BooleanArray::new(places, None)).expect("there is a bit for each value")
}

fn index(offset: i32) -> usize {
    usize::try_from(offset).expect("the offsets of a list are not negative and do not fall")
}

fn to_structs(
    column: &str,
    array: &ArrayRef,
    fields: &[StructField],
    value_type: &ValueType,
) -> Result<ArrayRef, RequestError> {
    let structs = match array.data_type() {
        DataType::Struct(found) => {
            let is_declared = |name: &str| fields.iter().any(|field| field.name == name);
            if !found.iter().all(|found| is_declared(found.name())) {
                return Err(impossible(column, array, value_type));
            }
            array.as_struct()
        }
        DataType::Map(_, _) => return by_json(column, array, value_type),
        found if is_text(found) => return by_json(column, array, value_type),
        _ => return Err(impossible(column, array, value_type)),
    };
    let columns = fields.iter().map(|field| match structs.column_by_name(&field.name) {
        Some(found) => {
            // What lies under the null of a struct has no meaning.
            let found = match structs.nulls() {
                Some(nulls) => &without(found, !nulls.inner()),
                None => found,
            };
            cast_column(column, found, &field.value_type)
                .map_err(|error| in_rows(error, value_type, |row| row))
        }
        None => Ok(new_null_array(&field.value_type.data_type(), structs.len())),
    });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let (fields, nulls) = (arrow_fields(fields), structs.nulls().cloned());
    let structs = StructArray::try_new_with_length(fields, columns, nulls, structs.len());
    Ok(Arc::new(structs.expect("the columns were cast to these fields, row by row")))
}

fn to_zoned_timestamps(
    column: &str,
    array: &ArrayRef,
    fields: &[StructField],
) -> Result<ArrayRef, RequestError> {
    let value_type = ValueType::Scalar(ScalarType::ZonedTimestamp);
    let zone = match array.data_type() {
        DataType::Timestamp(_, zone) => zone.clone().unwrap_or_default(),
        DataType::Struct(_) => return to_structs(column, array, fields, &value_type),
        found if is_text(found) => {
            let text = to_flat(column, array, FlatType::Utf8, &ValueType::STRING)?;
            return by_json(column, &text, &value_type);
        }
        _ => return Err(impossible(column, array, &value_type)),
    };
    // Arrow writes `+05:30` where Python writes `UTC+05:30`.
    let zone = if zone.starts_with(['+', '-']) { format!("UTC{zone}") } else { zone.to_string() };
    let times = to_timestamps(column, array)?;
    let nulls = times.nulls().cloned();
    let zones = StringArray::from_iter_values(std::iter::repeat_n(zone, times.len()));
    let columns: Vec<ArrayRef> = vec![Arc::new(times), Arc::new(zones)];
    Ok(Arc::new(StructArray::new(arrow_fields(fields), columns, nulls)))
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

/// An error of a part as an error of the whole column.
fn in_rows(error: RequestError, expected: &ValueType, row_of: impl Fn(usize) -> usize) -> RequestError {
    match error {
        RequestError::InvalidValue { column, row, value, .. } => {
            RequestError::InvalidValue { column, row: row_of(row), value, expected: expected.to_string() }
        }
        RequestError::InvalidColumn { column, found, .. } => {
            RequestError::InvalidColumn { column, found, expected: expected.to_string() }
        }
        other => other,
    }
}

/// Reads any Arrow timestamp, date, RFC 3339 text or whole seconds, perhaps as text, as microseconds in UTC. A time
/// without zone is UTC; a zone only says how to print, and is dropped.
///
/// # Errors
///
/// As [`cast_column`].
pub fn to_timestamps(column: &str, array: &ArrayRef) -> Result<TimestampMicrosecondArray, RequestError> {
    let impossible = || impossible(column, array, &ValueType::UNIX_TIMESTAMP);
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
                    let micros = micros_of_text(text.value(row));
                    micros.map(Some).ok_or_else(|| invalid(column, array, row, &ValueType::UNIX_TIMESTAMP))
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
        return Err(invalid(column, array, row, &ValueType::UNIX_TIMESTAMP));
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

/// The first row that is null in `cast` and not in `array`.
fn first_lost(array: &ArrayRef, cast: &ArrayRef) -> Option<usize> {
    if cast.null_count() == array.logical_null_count() {
        return None;
    }
    let before = array.logical_nulls();
    let was_null = |row| before.as_ref().is_some_and(|nulls| nulls.is_null(row));
    (0..cast.len()).find(|row| cast.is_null(*row) && !was_null(*row))
}

fn invalid(column: &str, array: &ArrayRef, row: usize, expected: &ValueType) -> RequestError {
    let value = ArrayFormatter::try_new(array, &FormatOptions::default())
        .map(|formatter| formatter.value(row).to_string())
        .unwrap_or_default();
    let value = cut(value);
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
        let columns: [ArrayRef; 7] = [
            Arc::new(TimestampMillisecondArray::from(vec![instant / 1000])),
            Arc::new(TimestampMillisecondArray::from(vec![instant / 1000]).with_timezone("+05:30")),
            Arc::new(TimestampNanosecondArray::from(vec![instant * 1000]).with_timezone("UTC")),
            Arc::new(StringArray::from(vec!["2024-01-31T17:30:00+05:30"])),
            Arc::new(LargeStringArray::from(vec!["2024-01-31 12:00:00"])),
            Arc::new(Int64Array::from(vec![instant / 1_000_000])),
            Arc::new(StringArray::from(vec!["1706702400"])),
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
        let error = cast_column("c", &big, &ValueType::INT32).unwrap_err();
        assert_eq!(
            error.to_string(),
            "column `c`, row 2: 1099511627776 is not a valid Int32; send a value of that type or null"
        );
        let text: ArrayRef = Arc::new(StringArray::from(vec!["x"]));
        assert!(cast_column("c", &text, &ValueType::INT64).is_err());
        assert!(to_timestamps("c", &text).is_err());
        let flags: ArrayRef = Arc::new(BooleanArray::from(vec![true]));
        assert!(to_timestamps("c", &flags).is_err());
        let lists: ArrayRef =
            Arc::new(arrow::array::ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1)])]));
        assert!(cast_column("c", &lists, &ValueType::INT64).is_err());
    }

    #[test]
    fn numbers_cross_between_widths_and_floats_are_cut() {
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![Some(1001.7), None]));
        let whole = cast_column("c", &floats, &ValueType::INT64).unwrap();
        assert_eq!(
            whole.as_primitive::<arrow::datatypes::Int64Type>().iter().collect::<Vec<_>>(),
            [Some(1001), None]
        );
        let narrow: ArrayRef = Arc::new(Int32Array::from(vec![7]));
        assert!(cast_column("c", &narrow, &ValueType::INT64).is_ok());
    }

    #[test]
    fn list_items_are_cast_one_by_one() {
        let lists: ArrayRef = Arc::new(arrow::array::ListArray::from_iter_primitive::<Int32Type, _, _>([
            Some(vec![Some(1), None]),
            None,
        ]));
        let value_type = ValueType::array(ValueType::INT64).unwrap();
        let cast = cast_column("c", &lists, &value_type).unwrap();
        assert_eq!(cast.data_type(), &value_type.data_type());
        assert_eq!(cast.null_count(), 1);
    }
}
