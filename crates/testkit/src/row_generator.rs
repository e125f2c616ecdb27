//! Random feature rows of every value type, for property tests.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, ListArray,
    RecordBatch, RecordBatchOptions, StringArray, TimestampMicrosecondArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Schema};
use larder_core::{Field, ScalarType, ValueType, timestamp_data_type};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// One feature of every type, named after its type.
pub fn features_of_every_type() -> Vec<Field> {
    ValueType::all().map(|value_type| Field::new(format!("f_{value_type}"), value_type)).collect()
}

/// Up to `most` features of any types, with distinct names.
pub fn features(most: usize) -> impl Strategy<Value = Vec<Field>> {
    let types: Vec<ValueType> = ValueType::all().collect();
    vec(select(types), 0..=most).prop_map(|types| {
        let named = types.into_iter().enumerate();
        named.map(|(position, value_type)| Field::new(format!("f{position}"), value_type)).collect()
    })
}

/// A batch `[rows × features]` with nulls, empty and odd values and, in lists, null items.
pub fn batch(features: &[Field], rows: usize) -> impl Strategy<Value = RecordBatch> + use<> {
    let fields: Vec<_> = features.iter().map(Field::to_arrow).collect();
    let schema = Arc::new(Schema::new(fields));
    let columns: Vec<_> = features.iter().map(|feature| column(feature.value_type, rows)).collect();
    columns.prop_map(move |columns| {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options)
            .expect("the columns have the types of the features")
    })
}

/// A column of `rows` values, a quarter of them null.
pub fn column(value_type: ValueType, rows: usize) -> BoxedStrategy<ArrayRef> {
    match value_type {
        ValueType::Scalar(scalar) => scalars(scalar, rows),
        ValueType::Array(item) => vec(prop::option::weighted(0.75, 0..5_usize), rows)
            .prop_flat_map(move |lengths| {
                let items = lengths.iter().flatten().sum();
                (Just(lengths), scalars(item, items))
            })
            .prop_map(move |(lengths, items)| {
                let offsets = OffsetBuffer::from_lengths(lengths.iter().map(|length| length.unwrap_or(0)));
                let nulls: NullBuffer = lengths.iter().map(Option::is_some).collect();
                let DataType::List(item) = ValueType::Array(item).data_type() else {
                    unreachable!("lists are lists");
                };
                Arc::new(ListArray::new(item, offsets, items, Some(nulls))) as ArrayRef
            })
            .boxed(),
        _ => unreachable!("every type of `ValueType` is a scalar or an array of one"),
    }
}

fn scalars(scalar: ScalarType, rows: usize) -> BoxedStrategy<ArrayRef> {
    match scalar {
        ScalarType::Bytes => optional(prop::collection::vec(any::<u8>(), 0..9), rows)
            .prop_map(|values| Arc::new(BinaryArray::from_iter(values)) as ArrayRef)
            .boxed(),
        ScalarType::String => optional("[a-zß日🚕\\x00]{0,6}", rows)
            .prop_map(|values| Arc::new(StringArray::from(values)) as ArrayRef)
            .boxed(),
        ScalarType::Int32 => optional(any::<i32>(), rows)
            .prop_map(|values| Arc::new(Int32Array::from(values)) as ArrayRef)
            .boxed(),
        ScalarType::Int64 => optional(any::<i64>(), rows)
            .prop_map(|values| Arc::new(Int64Array::from(values)) as ArrayRef)
            .boxed(),
        ScalarType::Float64 => optional(any::<f64>(), rows)
            .prop_map(|values| Arc::new(Float64Array::from(values)) as ArrayRef)
            .boxed(),
        ScalarType::Float32 => optional(any::<f32>(), rows)
            .prop_map(|values| Arc::new(Float32Array::from(values)) as ArrayRef)
            .boxed(),
        ScalarType::Bool => optional(any::<bool>(), rows)
            .prop_map(|values| Arc::new(BooleanArray::from(values)) as ArrayRef)
            .boxed(),
        ScalarType::UnixTimestamp => optional(any::<i64>(), rows)
            .prop_map(|values| {
                let times = TimestampMicrosecondArray::from(values).with_data_type(timestamp_data_type());
                Arc::new(times) as ArrayRef
            })
            .boxed(),
    }
}

fn optional<S: Strategy + Clone>(value: S, rows: usize) -> impl Strategy<Value = Vec<Option<S::Value>>> {
    vec(prop::option::weighted(0.75, value), rows)
}
