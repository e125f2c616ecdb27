//! Columns of values as JSON lists.

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::datatypes::{
    DataType, Float32Type, Float64Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use larder_core::Timestamp;

use super::number::{push_float, push_integer};
use super::text::push_string;

/// What stands for a null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Null {
    /// `null`, for a value.
    Null,
    /// The zero of its type, for an item of a list: Feast's lists hold no nulls.
    Zero,
}

/// Writes the values of a column, separated by commas, without brackets. The column has an Arrow type
/// that a [`ValueType`](larder_core::ValueType) names.
pub(crate) fn push_values(out: &mut Vec<u8>, array: &ArrayRef) {
    push_array(out, array, Null::Null);
}

fn push_array(out: &mut Vec<u8>, array: &ArrayRef, null: Null) {
    match array.data_type() {
        DataType::Int32 => {
            push_primitive::<Int32Type>(out, array, null, |out, value| push_integer(out, i64::from(value)));
        }
        DataType::Int64 => push_primitive::<Int64Type>(out, array, null, push_integer),
        // A float of Feast's is widened before it is written.
        DataType::Float32 => {
            push_primitive::<Float32Type>(out, array, null, |out, value| push_float(out, f64::from(value)));
        }
        DataType::Float64 => push_primitive::<Float64Type>(out, array, null, push_float),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            push_primitive::<TimestampMicrosecondType>(out, array, null, |out, micros| {
                push_integer(out, Timestamp::from_micros(micros).seconds());
            });
        }
        DataType::Boolean => {
            let values = array.as_boolean();
            push_each(out, values, null, b"false", |out, row| {
                out.extend_from_slice(if values.value(row) { b"true" } else { b"false" });
            });
        }
        DataType::Utf8 => {
            let values = array.as_string::<i32>();
            push_each(out, values, null, b"\"\"", |out, row| push_string(out, values.value(row)));
        }
        DataType::Binary => {
            let values = array.as_binary::<i32>();
            push_each(out, values, null, b"\"\"", |out, row| push_base64(out, values.value(row)));
        }
        DataType::List(_) => {
            let lists = array.as_list::<i32>();
            push_each(out, lists, null, b"[]", |out, row| {
                out.push(b'[');
                push_array(out, &lists.value(row), Null::Zero);
                out.push(b']');
            });
        }
        other => unreachable!("{other} is not the type of a feature"),
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
