//! Columns of values as JSON lists.

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::datatypes::{Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use larder_core::json::{push_float, push_integer, push_string};
use larder_core::{FlatType, Layout, ScalarType, Timestamp, ValueType, zoned_iso_format};

/// What stands for a null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Null {
    /// `null`, for a value.
    Null,
    /// The zero of its type, for an item of a list: Feast's lists hold no nulls.
    Zero,
}

/// Writes the values of a column of this type, separated by commas, without brackets.
///
/// Texts of a certain form are shown as texts, a map as the object it is, a zoned timestamp in its zone. A
/// scalar map is null, since Feast's JSON has no form for it.
pub(crate) fn push_values(out: &mut Vec<u8>, value_type: &ValueType, array: &ArrayRef) {
    push_array(out, value_type, array, Null::Null);
}

fn push_array(out: &mut Vec<u8>, value_type: &ValueType, array: &ArrayRef, null: Null) {
    match (value_type, value_type.layout()) {
        (ValueType::Scalar(ScalarType::Map), _) => {
            let objects = array.as_string::<i32>();
            push_each(out, objects, null, b"{}", |out, row| {
                out.extend_from_slice(objects.value(row).as_bytes());
            });
        }
        (ValueType::Scalar(ScalarType::ScalarMap), _) => {
            push_each(out, array, null, b"null", |out, _| out.extend_from_slice(b"null"));
        }
        (ValueType::Scalar(ScalarType::ZonedTimestamp), _) => push_zoned_timestamps(out, array, null),
        (_, Layout::Flat(flat)) => push_flat(out, flat, array, null),
        (_, Layout::List(item)) => {
            let lists = array.as_list::<i32>();
            let inner = match item.layout() {
                Layout::Flat(FlatType::TimestampMicros) | Layout::List(_) | Layout::Struct(_) => Null::Null,
                Layout::Flat(_) => Null::Zero,
            };
            let is_nested = matches!(item.layout(), Layout::List(_));
            push_each(out, lists, null, b"[]", |out, row| {
                out.push(b'[');
                let items = lists.value(row);
                if is_nested {
                    push_lists_in_list(out, item, &items);
                } else {
                    push_array(out, item, &items, inner);
                }
                out.push(b']');
            });
        }
        (_, Layout::Struct(fields)) => {
            let structs = array.as_struct();
            push_each(out, structs, null, b"null", |out, row| {
                out.push(b'{');
                for (at, (field, column)) in fields.iter().zip(structs.columns()).enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    push_string(out, &field.name);
                    out.push(b':');
                    push_array(out, &field.value_type, &column.slice(row, 1), Null::Null);
                }
                out.push(b'}');
            });
        }
    }
}

/// Writes lists inside a list; an empty one is null, as it is in Feast's `RepeatedValue`.
fn push_lists_in_list(out: &mut Vec<u8>, item: &ValueType, lists: &ArrayRef) {
    let lengths = lists.as_list::<i32>();
    for row in 0..lists.len() {
        if row > 0 {
            out.push(b',');
        }
        if lists.is_null(row) || lengths.value_length(row) == 0 {
            out.extend_from_slice(b"null");
        } else {
            push_array(out, item, &lists.slice(row, 1), Null::Null);
        }
    }
}

fn push_zoned_timestamps(out: &mut Vec<u8>, array: &ArrayRef, null: Null) {
    let parts = array.as_struct();
    let times = parts.column(0).as_primitive::<TimestampMicrosecondType>();
    let zones = parts.column(1).as_string::<i32>();
    push_each(out, parts, null, b"null", |out, row| {
        let zone = if zones.is_null(row) { "" } else { zones.value(row) };
        let time = times.is_valid(row).then(|| Timestamp::from_micros(times.value(row)));
        match time.and_then(|time| zoned_iso_format(time, zone)) {
            Some(text) => push_string(out, &text),
            None => out.extend_from_slice(b"null"),
        }
    });
}

fn push_flat(out: &mut Vec<u8>, flat: FlatType, array: &ArrayRef, null: Null) {
    match flat {
        FlatType::Int32 => {
            push_primitive::<Int32Type>(out, array, null, |out, value| push_integer(out, i64::from(value)));
        }
        FlatType::Int64 => push_primitive::<Int64Type>(out, array, null, push_integer),
        // A float of Feast's is widened before it is written.
        FlatType::Float32 => {
            push_primitive::<Float32Type>(out, array, null, |out, value| push_float(out, f64::from(value)));
        }
        FlatType::Float64 => push_primitive::<Float64Type>(out, array, null, push_float),
        FlatType::TimestampMicros => {
            push_primitive::<TimestampMicrosecondType>(out, array, null, |out, micros| {
                push_integer(out, Timestamp::from_micros(micros).seconds());
            });
        }
        FlatType::Boolean => {
            let values = array.as_boolean();
            push_each(out, values, null, b"false", |out, row| {
                out.extend_from_slice(if values.value(row) { b"true" } else { b"false" });
            });
        }
        FlatType::Utf8 => {
            let values = array.as_string::<i32>();
            push_each(out, values, null, b"\"\"", |out, row| push_string(out, values.value(row)));
        }
        FlatType::Binary => {
            let values = array.as_binary::<i32>();
            push_each(out, values, null, b"\"\"", |out, row| push_base64(out, values.value(row)));
        }
    }
}

fn push_primitive<T: ArrowPrimitiveType>(
    out: &mut Vec<u8>,
    array: &ArrayRef,
    null: Null,
    push: impl Fn(&mut Vec<u8>, T::Native),
) where
    T::Native: Default,
{
    let array: &PrimitiveArray<T> = array.as_primitive();
    if array.null_count() == 0 {
        for (row, value) in array.values().iter().enumerate() {
            if row > 0 {
                out.push(b',');
            }
            push(out, *value);
        }
        return;
    }
    for (row, value) in array.iter().enumerate() {
        if row > 0 {
            out.push(b',');
        }
        match (value, null) {
            (Some(value), _) => push(out, value),
            (None, Null::Null) => out.extend_from_slice(b"null"),
            (None, Null::Zero) => push(out, T::Native::default()),
        }
    }
}

fn push_each(
    out: &mut Vec<u8>,
    array: &dyn Array,
    null: Null,
    zero: &[u8],
    push: impl Fn(&mut Vec<u8>, usize),
) {
    for row in 0..array.len() {
        if row > 0 {
            out.push(b',');
        }
        if array.is_valid(row) {
            push(out, row);
        } else {
            out.extend_from_slice(if null == Null::Null { b"null" } else { zero });
        }
    }
}

fn push_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    let start = out.len();
    let length =
        base64::encoded_len(bytes.len(), true).expect("the bytes fit in memory, and so does their text");
    out.resize(start + length, 0);
    let written = out.get_mut(start..).map(|target| BASE64.encode_slice(bytes, target));
    debug_assert_eq!(written, Some(Ok(length)), "the target has exactly the length of the text");
    out.push(b'"');
}
