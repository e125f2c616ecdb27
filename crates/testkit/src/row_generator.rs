//! Random feature rows of every value type, for property tests.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, ListArray,
    RecordBatch, RecordBatchOptions, StringArray, StructArray, TimestampMicrosecondArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::nullif;
use arrow::datatypes::{Field as ArrowField, Schema};
use larder_core::column::cast_column;
use larder_core::{Field, FlatType, Layout, ScalarType, ValueType, arrow_fields, timestamp_data_type};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Types of every kind: all that a number tells, and some of each that nests.
pub fn every_type() -> Vec<ValueType> {
    let nested = [
        "Struct({lat: Float64, name: String, n: Int32})",
        "Struct({inner: Struct({flag: Bool, tags: Array(String)}), at: ZonedTimestamp})",
        "Array(Struct({a: Int64, b: Set(Int32)}))",
        "Array(Array(Float32))",
        "Array(Set(String))",
        "Set(Array(Bool))",
        "Set(Set(Int64))",
        "Array(Array(Array(Struct({m: Map}))))",
    ];
    let nested = nested.iter().map(|name| name.parse().expect("the names are those of types"));
    ValueType::simple().chain(nested).collect()
}

/// One feature of every type, named after its type.
pub fn features_of_every_type() -> Vec<Field> {
    let types = every_type().into_iter();
    types.map(|value_type| Field::new(format!("f_{value_type}"), value_type)).collect()
}

/// Up to `most` features of any types, with distinct names.
pub fn features(most: usize) -> impl Strategy<Value = Vec<Field>> {
    vec(select(every_type()), 0..=most).prop_map(|types| {
        let named = types.into_iter().enumerate();
        named.map(|(position, value_type)| Field::new(format!("f{position}"), value_type)).collect()
    })
}

/// A batch `[rows × features]` with nulls, empty and odd values and, in lists, null items.
pub fn batch(features: &[Field], rows: usize) -> impl Strategy<Value = RecordBatch> + use<> {
    let fields: Vec<_> = features.iter().map(Field::to_arrow).collect();
    let schema = Arc::new(Schema::new(fields));
    let columns: Vec<_> = features.iter().map(|feature| column(feature.value_type.clone(), rows)).collect();
    columns.prop_map(move |columns| {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options)
            .expect("the columns have the types of the features")
    })
}

/// A column of `rows` values, a quarter of them null.
pub fn column(value_type: ValueType, rows: usize) -> BoxedStrategy<ArrayRef> {
    let column = parts(&value_type, rows);
    // Sets without repetitions, texts of their form: what no cast would change.
    column
        .prop_map(move |column| cast_column("c", &column, &value_type).expect("the values have the type"))
        .boxed()
}

fn parts(value_type: &ValueType, rows: usize) -> BoxedStrategy<ArrayRef> {
    if let ValueType::Scalar(scalar) = value_type
        && let Some(texts) = texts(*scalar, rows)
    {
        return texts;
    }
    match value_type.layout() {
        Layout::Flat(flat) => flats(flat, rows),
        Layout::List(item) => {
            let item = item.clone();
            vec(prop::option::weighted(0.75, 0..5_usize), rows)
                .prop_flat_map(move |lengths| {
                    let items = lengths.iter().flatten().sum();
                    (Just(lengths), parts(&item, items))
                })
                .prop_map(|(lengths, items)| {
                    let offsets =
                        OffsetBuffer::from_lengths(lengths.iter().map(|length| length.unwrap_or(0)));
                    let nulls: NullBuffer = lengths.iter().map(Option::is_some).collect();
                    let item = Arc::new(ArrowField::new("item", items.data_type().clone(), true));
                    Arc::new(ListArray::new(item, offsets, items, Some(nulls))) as ArrayRef
                })
                .boxed()
        }
        Layout::Struct(fields) => {
            let arrow = arrow_fields(fields);
            let columns: Vec<_> = fields.iter().map(|field| parts(&field.value_type, rows)).collect();
            (columns, vec(prop::bool::weighted(0.75), rows))
                .prop_map(move |(columns, present)| {
                    // What lies under a null struct is null: it could not come back.
                    let nulls = NullBuffer::from(present);
                    let hidden = BooleanArray::new(!nulls.inner(), None);
                    let columns = columns.iter().map(|column| nullif(column, &hidden).expect("one length"));
                    let columns = columns.collect();
                    Arc::new(StructArray::new(arrow.clone(), columns, Some(nulls))) as ArrayRef
                })
                .boxed()
        }
    }
}

/// Texts of a certain form.
fn texts(scalar: ScalarType, rows: usize) -> Option<BoxedStrategy<ArrayRef>> {
    let form = match scalar {
        ScalarType::Map => r#"\{("k":(1|-2[.]5|null|"v"|\[\]))?\}"#,
        ScalarType::Json => r#"([0-9]|"[a-z]{0,3}"|\[1, 2\]|\{"a": null\})"#,
        ScalarType::Uuid | ScalarType::TimeUuid => {
            "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
        }
        ScalarType::Decimal => "-?[0-9]{1,30}(\\.[0-9]{1,12})?(E-?[0-9])?",
        ScalarType::ScalarMap => r#"\[(\[[0-9],"[a-z]"\])?\]"#,
        _ => return None,
    };
    let column = optional(form, rows).prop_map(|values| Arc::new(StringArray::from(values)) as ArrayRef);
    Some(column.boxed())
}

fn flats(flat: FlatType, rows: usize) -> BoxedStrategy<ArrayRef> {
    match flat {
        FlatType::Binary => optional(prop::collection::vec(any::<u8>(), 0..9), rows)
            .prop_map(|values| Arc::new(BinaryArray::from_iter(values)) as ArrayRef)
            .boxed(),
        FlatType::Utf8 => optional("[a-zß日🚕\\x00]{0,6}", rows)
            .prop_map(|values| Arc::new(StringArray::from(values)) as ArrayRef)
            .boxed(),
        FlatType::Int32 => optional(any::<i32>(), rows)
            .prop_map(|values| Arc::new(Int32Array::from(values)) as ArrayRef)
            .boxed(),
        FlatType::Int64 => optional(any::<i64>(), rows)
            .prop_map(|values| Arc::new(Int64Array::from(values)) as ArrayRef)
            .boxed(),
        FlatType::Float64 => optional(any::<f64>(), rows)
            .prop_map(|values| Arc::new(Float64Array::from(values)) as ArrayRef)
            .boxed(),
        FlatType::Float32 => optional(any::<f32>(), rows)
            .prop_map(|values| Arc::new(Float32Array::from(values)) as ArrayRef)
            .boxed(),
        FlatType::Boolean => optional(any::<bool>(), rows)
            .prop_map(|values| Arc::new(BooleanArray::from(values)) as ArrayRef)
            .boxed(),
        FlatType::TimestampMicros => optional(any::<i64>(), rows)
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
