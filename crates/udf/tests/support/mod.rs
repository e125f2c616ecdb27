//! What the tests of the host share: one runtime, and random tables of every type.

#![allow(dead_code, reason = "every test file uses its own part")]

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use arrow::array::{
    Array, ArrayData, ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array,
    Int64Array, ListArray, RecordBatch, StringArray, StructArray, TimestampMicrosecondArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{Field as ArrowField, Schema};
use larder_core::column::cast_column;
use larder_core::{
    Field, FlatType, Layout, Result, ScalarType, Transformation, TransformationLimits, UdfRuntime, ValueType,
    arrow_fields,
};
use larder_udf::{SandboxLimits, WasmRuntime, WasmRuntimeOptions};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use tokio::runtime::Runtime;

/// Threads for the async parts of all tests of a file.
pub(crate) static TOKIO: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// A runtime with the limits of the product.
pub(crate) static RUNTIME: LazyLock<WasmRuntime> =
    LazyLock::new(|| WasmRuntime::try_new(WasmRuntimeOptions::default()).unwrap());

/// A runtime with other limits.
pub(crate) fn runtime_with(sandbox: SandboxLimits) -> WasmRuntime {
    WasmRuntime::try_new(WasmRuntimeOptions { sandbox, ..WasmRuntimeOptions::default() }).unwrap()
}

/// A function of a guest, with so much time that a busy machine is no reason to fail.
pub(crate) fn load(runtime: &WasmRuntime, guest: &[u8], function: &str) -> Arc<dyn Transformation> {
    let limits =
        TransformationLimits { wall_time: Duration::from_secs(60), ..TransformationLimits::default() };
    TOKIO.block_on(runtime.load("view", guest.into(), function, limits)).unwrap()
}

/// Calls a function and waits for it.
pub(crate) fn call(function: &Arc<dyn Transformation>, input: &RecordBatch) -> Result<RecordBatch> {
    TOKIO.block_on(function.transform(input.clone()))
}

/// A table of the given columns.
pub(crate) fn table(fields: &[Field], arrays: Vec<ArrayRef>) -> RecordBatch {
    let schema = Schema::new(fields.iter().map(Field::to_arrow).collect::<Vec<_>>());
    RecordBatch::try_new(Arc::new(schema), arrays).unwrap()
}

/// Tables of `fields` with up to `rows` rows, which are slices from somewhere within larger tables.
pub(crate) fn tables(fields: Vec<Field>, rows: usize) -> impl Strategy<Value = RecordBatch> {
    (0..=rows, 0_usize..20, 0_usize..20).prop_flat_map(move |(rows, before, after)| {
        let arrays: Vec<_> =
            fields.iter().map(|field| array(&field.value_type, before + rows + after)).collect();
        let fields = fields.clone();
        arrays.prop_map(move |arrays| table(&fields, arrays).slice(before, rows))
    })
}

/// Arrays of a type, with nulls and with something under the nulls.
pub(crate) fn array(value_type: &ValueType, len: usize) -> BoxedStrategy<ArrayRef> {
    let value_type = value_type.clone();
    // The cast takes repetitions out of sets.
    any_array(&value_type, len)
        .prop_map(move |array| cast_column("generated", &array, &value_type).unwrap())
        .boxed()
}

fn any_array(value_type: &ValueType, len: usize) -> BoxedStrategy<ArrayRef> {
    match (value_type, value_type.layout()) {
        (ValueType::Scalar(scalar), Layout::Flat(FlatType::Utf8)) => texts(*scalar, len),
        (_, Layout::Flat(flat)) => flats(flat, len),
        (_, Layout::List(item)) => {
            let item = item.clone();
            (vec(0_usize..4, len), nulls(len))
                .prop_flat_map(move |(lengths, nulls)| {
                    any_array(&item, lengths.iter().sum()).prop_map(move |items| {
                        let field = Arc::new(ArrowField::new("item", items.data_type().clone(), true));
                        let offsets = OffsetBuffer::from_lengths(lengths.iter().copied());
                        Arc::new(ListArray::new(field, offsets, items, nulls.clone())) as ArrayRef
                    })
                })
                .boxed()
        }
        (value_type, Layout::Struct(fields)) => {
            // A zoned timestamp is all there or not at all.
            let is_zoned = *value_type == ScalarType::ZonedTimestamp.into();
            let parts: Vec<_> = fields.iter().map(|field| any_array(&field.value_type, len)).collect();
            let fields = arrow_fields(fields);
            (parts, nulls(len))
                .prop_map(move |(parts, nulls)| {
                    let parts = if is_zoned { without_nulls(&parts) } else { parts };
                    Arc::new(StructArray::new(fields.clone(), parts, nulls)) as ArrayRef
                })
                .boxed()
        }
    }
}

fn without_nulls(arrays: &[ArrayRef]) -> Vec<ArrayRef> {
    let bare = |array: &ArrayRef| array.to_data().into_builder().nulls(None).build().unwrap();
    arrays.iter().map(|array| arrow::array::make_array(bare(array))).collect()
}

/// Texts of the form that the type asks for.
fn texts(scalar: ScalarType, len: usize) -> BoxedStrategy<ArrayRef> {
    let known: &[&str] = match scalar {
        ScalarType::Json => &["null", "[1, 2.5]", "{\"b\": 1, \"a\": \"\u{1f980}\"}", "\"\"", "-0"],
        ScalarType::Map => &["{}", "{\"a\":1,\"b\":[null]}"],
        ScalarType::ScalarMap => &["[]", "[[1,\"a\"],[true,null]]"],
        ScalarType::Uuid | ScalarType::TimeUuid => {
            &["123e4567-e89b-12d3-a456-426614174000", "123E4567E89B12D3A456426614174001"]
        }
        ScalarType::Decimal => &["0", "-1.50", "1e-400", "NaN"],
        _ => return flats(FlatType::Utf8, len),
    };
    (vec(prop::sample::select(known), len), nulls(len))
        .prop_map(|(texts, nulls)| {
            let texts = StringArray::from(texts).to_data().into_builder().nulls(nulls).build().unwrap();
            arrow::array::make_array(texts)
        })
        .boxed()
}

fn flats(flat: FlatType, len: usize) -> BoxedStrategy<ArrayRef> {
    fn arrays<T, A>(value: impl Strategy<Value = T> + 'static, len: usize) -> BoxedStrategy<ArrayRef>
    where
        T: std::fmt::Debug + 'static,
        A: Array + From<Vec<T>> + Clone + 'static,
    {
        vec(value, len).prop_map(|values| Arc::new(A::from(values)) as ArrayRef).boxed()
    }
    let values = match flat {
        FlatType::Binary => vec(vec(any::<u8>(), 0..5), len)
            .prop_map(|values| Arc::new(BinaryArray::from_iter_values(values)) as ArrayRef)
            .boxed(),
        FlatType::Utf8 => arrays::<String, StringArray>("[a-zà-ž🦀]{0,4}", len),
        FlatType::Int32 => arrays::<_, Int32Array>(any::<i32>(), len),
        FlatType::Int64 => arrays::<_, Int64Array>(any::<i64>(), len),
        // All bit patterns: every NaN must come back as it went in.
        FlatType::Float64 => arrays::<_, Float64Array>(any::<u64>().prop_map(f64::from_bits), len),
        FlatType::Float32 => arrays::<_, Float32Array>(any::<u32>().prop_map(f32::from_bits), len),
        FlatType::Boolean => arrays::<_, BooleanArray>(any::<bool>(), len),
        FlatType::TimestampMicros => vec(any::<i64>(), len)
            .prop_map(|values| {
                Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC")) as ArrayRef
            })
            .boxed(),
    };
    (values, nulls(len))
        .prop_map(|(values, nulls)| {
            let data = values.to_data().into_builder().nulls(nulls).build().unwrap();
            arrow::array::make_array(data)
        })
        .boxed()
}

fn nulls(len: usize) -> impl Strategy<Value = Option<NullBuffer>> {
    option::of(vec(any::<bool>(), len)).prop_map(|valid| valid.map(NullBuffer::from))
}

/// The raw bytes of all buffers that values are made of. Equal tables may differ in them.
pub(crate) fn bytes(batch: &RecordBatch) -> Vec<Vec<u8>> {
    fn collect(data: &ArrayData, bytes: &mut Vec<Vec<u8>>) {
        bytes.extend(data.nulls().map(|nulls| nulls.buffer().to_vec()));
        bytes.extend(data.buffers().iter().map(|buffer| buffer.to_vec()));
        data.child_data().iter().for_each(|child| collect(child, bytes));
    }
    let mut all = Vec::new();
    batch.columns().iter().for_each(|column| collect(&column.to_data(), &mut all));
    all
}
