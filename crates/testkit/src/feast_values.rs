//! What is left of values that went through `feast.types.Value`.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BinaryArray, BooleanArray, ListArray, PrimitiveArray,
    StringArray,
};
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use larder_core::Timestamp;

/// The column as it comes back from Feast's layouts: times cut to seconds, null items of lists as 0, false
/// or empty text, except times, for which Feast has a number that means null.
pub fn as_feast_value(column: &ArrayRef) -> ArrayRef {
    match column.data_type() {
        DataType::Timestamp(_, _) => cut(column),
        DataType::List(item) => {
            let list = column.as_list::<i32>();
            let items = filled(&as_feast_value(list.values()));
            let (item, offsets, nulls) = (Arc::clone(item), list.offsets().clone(), list.nulls().cloned());
            Arc::new(ListArray::new(item, offsets, items, nulls))
        }
        _ => Arc::clone(column),
    }
}

fn cut(column: &ArrayRef) -> ArrayRef {
    let cut = |micros| Timestamp::from_micros(micros).seconds().saturating_mul(1_000_000);
    Arc::new(
        column
            .as_primitive::<TimestampMicrosecondType>()
            .unary::<_, TimestampMicrosecondType>(cut)
            .with_data_type(column.data_type().clone()),
    )
}

/// The items of lists without nulls.
fn filled(items: &ArrayRef) -> ArrayRef {
    fn zeros<T: ArrowPrimitiveType>(items: &ArrayRef) -> ArrayRef {
        let values = items.as_primitive::<T>().iter().map(Option::unwrap_or_default);
        Arc::new(PrimitiveArray::<T>::from_iter_values(values))
    }
    match items.data_type() {
        DataType::Int32 => zeros::<Int32Type>(items),
        DataType::Int64 => zeros::<Int64Type>(items),
        DataType::Float32 => zeros::<Float32Type>(items),
        DataType::Float64 => zeros::<Float64Type>(items),
        DataType::Boolean => Arc::new(
            items.as_boolean().iter().map(|item| Some(item.unwrap_or_default())).collect::<BooleanArray>(),
        ),
        DataType::Utf8 => {
            let texts = items.as_string::<i32>().iter().map(Option::unwrap_or_default);
            Arc::new(StringArray::from_iter_values(texts))
        }
        DataType::Binary => {
            let values = items.as_binary::<i32>().iter().map(Option::unwrap_or_default);
            Arc::new(BinaryArray::from_iter_values(values))
        }
        _ => Arc::clone(items),
    }
}
