//! What is left of values that went through `feast.types.Value`.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BinaryArray, BooleanArray, ListArray, PrimitiveArray,
    StringArray, StructArray, UInt32Array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{nullif, take};
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use larder_core::{Layout, ScalarType, Timestamp, ValueType};

/// The column as it comes back from Feast's layouts: times cut to seconds; null items of lists of scalars as
/// 0, false or empty text, except times, for which Feast has a number that means null; null members of sets
/// gone; null structs in lists as structs of nulls; a zoned timestamp without instant as null.
pub fn as_feast_value(value_type: &ValueType, column: &ArrayRef) -> ArrayRef {
    match value_type.layout() {
        Layout::List(item) => {
            let list = column.as_list::<i32>();
            let items = as_feast_value(item, list.values());
            match (value_type, item.layout()) {
                (_, Layout::List(_)) => with_items(list, list.offsets().clone(), items),
                (ValueType::Set(_), _) => without_null_items(list, &items),
                _ => with_items(list, list.offsets().clone(), filled(item, &items)),
            }
        }
        Layout::Struct(fields) => {
            let array = column.as_struct();
            let parts = fields.iter().zip(array.columns());
            let parts: Vec<ArrayRef> =
                parts.map(|(field, part)| as_feast_value(&field.value_type, part)).collect();
            let mut nulls = array.nulls().cloned();
            if matches!(value_type, ValueType::Scalar(ScalarType::ZonedTimestamp)) {
                nulls = NullBuffer::union(nulls.as_ref(), array.column(0).nulls());
                let hidden = nulls.as_ref().map(|nulls| BooleanArray::new(!nulls.inner(), None));
                let hide = |part: &ArrayRef| match &hidden {
                    Some(hidden) => nullif(part, hidden).expect("one length"),
                    None => Arc::clone(part),
                };
                // Protobuf does not tell an empty zone from none.
                let [times, zones] = parts.as_slice() else { unreachable!("an instant and a zone") };
                let zones = zones.as_string::<i32>().iter().map(|zone| Some(zone.unwrap_or_default()));
                let zones: ArrayRef = Arc::new(zones.collect::<StringArray>());
                let parts = vec![hide(times), hide(&zones)];
                return Arc::new(StructArray::new(array.fields().clone(), parts, nulls));
            }
            Arc::new(StructArray::new(array.fields().clone(), parts, nulls))
        }
        Layout::Flat(_) => match column.data_type() {
            DataType::Timestamp(_, _) => cut(column),
            _ => Arc::clone(column),
        },
    }
}

fn cut(column: &ArrayRef) -> ArrayRef {
    let cut = |micros| Timestamp::from_micros(micros).seconds().saturating_mul(1_000_000);
    let times = column.as_primitive::<TimestampMicrosecondType>();
    let times: PrimitiveArray<TimestampMicrosecondType> = times.unary(cut);
    Arc::new(times.with_data_type(column.data_type().clone()))
}

fn with_items(list: &ListArray, offsets: OffsetBuffer<i32>, items: ArrayRef) -> ArrayRef {
    let DataType::List(item) = list.data_type() else { unreachable!("lists are lists") };
    Arc::new(ListArray::new(Arc::clone(item), offsets, items, list.nulls().cloned()))
}

fn without_null_items(list: &ListArray, items: &ArrayRef) -> ArrayRef {
    let bounds = |offset: &i32| u32::try_from(*offset).expect("offsets are not negative");
    let ends: Vec<u32> = list.offsets().iter().map(bounds).collect();
    let mut kept: Vec<u32> = Vec::new();
    let lengths: Vec<usize> = ends
        .iter()
        .zip(ends.iter().skip(1))
        .map(|(start, end)| {
            let before = kept.len();
            kept.extend((*start..*end).filter(|item| items.is_valid(*item as usize)));
            kept.len() - before
        })
        .collect();
    let items = take(items, &UInt32Array::from(kept), None).expect("the items are there");
    with_items(list, OffsetBuffer::from_lengths(lengths), items)
}

/// The items of lists, null ones as Feast writes them.
fn filled(item: &ValueType, items: &ArrayRef) -> ArrayRef {
    fn zeros<T: ArrowPrimitiveType>(items: &ArrayRef) -> ArrayRef {
        let values = items.as_primitive::<T>().iter().map(Option::unwrap_or_default);
        Arc::new(PrimitiveArray::<T>::from_iter_values(values))
    }
    match items.data_type() {
        DataType::Int32 => zeros::<Int32Type>(items),
        DataType::Int64 => zeros::<Int64Type>(items),
        DataType::Float32 => zeros::<Float32Type>(items),
        DataType::Float64 => zeros::<Float64Type>(items),
        DataType::Boolean => {
            let values = items.as_boolean().iter().map(|item| Some(item.unwrap_or_default()));
            Arc::new(values.collect::<BooleanArray>())
        }
        DataType::Utf8 => {
            let null = match item {
                ValueType::Scalar(ScalarType::Map) => "{}",
                ValueType::Scalar(ScalarType::Json) => "null",
                _ => "",
            };
            let texts = items.as_string::<i32>().iter().map(|item| item.unwrap_or(null));
            Arc::new(StringArray::from_iter_values(texts))
        }
        DataType::Binary => {
            let values = items.as_binary::<i32>().iter().map(Option::unwrap_or_default);
            Arc::new(BinaryArray::from_iter_values(values))
        }
        // All parts of a null struct are null.
        DataType::Struct(fields) => {
            let parts = items.as_struct().columns().to_vec();
            Arc::new(StructArray::new(fields.clone(), parts, None))
        }
        _ => Arc::clone(items),
    }
}
