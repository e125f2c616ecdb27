//! Arrow arrays on their way into a guest: buffers as the contract wants them, borrowed where they
//! already are. The one copy is wasmtime's, into the guest's memory.

use arrow::array::{Array, ArrayRef, AsArray, GenericByteArray, RecordBatch};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowPrimitiveType, ByteArrayType, Float32Type, Float64Type, Int32Type, Int64Type,
    TimestampMicrosecondType,
};
use larder_core::{Field, FlatType, Layout, ValueType};

use crate::bindings::larder::udf::arrow::{ColumnParam, ValuesParam, VarLenParam};

/// The columns of a batch, nested ones flattened, with everything that had to be shifted or rebased
/// because the arrays are slices.
#[derive(Debug)]
pub(crate) struct Lowered {
    columns: Vec<Column>,
}

#[derive(Debug)]
struct Column {
    validity: Option<Buffer>,
    values: Values,
}

#[derive(Debug)]
enum Values {
    Boolean(Buffer),
    Int32(ScalarBuffer<i32>),
    Int64(ScalarBuffer<i64>),
    Float32(ScalarBuffer<f32>),
    Float64(ScalarBuffer<f64>),
    TimestampMicros(ScalarBuffer<i64>),
    Utf8(ScalarBuffer<i32>, Buffer),
    Binary(ScalarBuffer<i32>, Buffer),
    Offsets(ScalarBuffer<i32>),
    Parent,
}

impl Lowered {
    /// Lowers the columns of `batch`, which are of the Arrow types of `fields`.
    pub(crate) fn new(batch: &RecordBatch, fields: &[Field]) -> Self {
        let mut columns = Vec::with_capacity(batch.num_columns());
        for (array, field) in batch.columns().iter().zip(fields) {
            lower(array, &field.value_type, &mut columns);
        }
        Self { columns }
    }

    /// The columns as wasmtime takes them.
    pub(crate) fn as_params(&self) -> Vec<ColumnParam<'_>> {
        self.columns.iter().map(Column::as_param).collect()
    }
}

/// Adds the column of `array`, and those of its parts behind it.
fn lower(array: &ArrayRef, value_type: &ValueType, columns: &mut Vec<Column>) {
    match value_type.layout() {
        Layout::Flat(flat) => columns.push(flat_column(array, flat)),
        Layout::List(item) => {
            let list = array.as_list::<i32>();
            let (offsets, start, end) = rebased(list.offsets());
            columns.push(Column { validity: validity(list), values: Values::Offsets(offsets) });
            lower(&list.values().slice(start, end - start), item, columns);
        }
        Layout::Struct(fields) => {
            columns.push(Column { validity: validity(array), values: Values::Parent });
            for (part, field) in array.as_struct().columns().iter().zip(fields) {
                lower(part, &field.value_type, columns);
            }
        }
    }
}

fn flat_column(array: &ArrayRef, flat: FlatType) -> Column {
    let values = match flat {
        FlatType::Boolean => Values::Boolean(array.as_boolean().values().sliced()),
        FlatType::Int32 => Values::Int32(primitive::<Int32Type>(array)),
        FlatType::Int64 => Values::Int64(primitive::<Int64Type>(array)),
        FlatType::Float32 => Values::Float32(primitive::<Float32Type>(array)),
        FlatType::Float64 => Values::Float64(primitive::<Float64Type>(array)),
        FlatType::TimestampMicros => Values::TimestampMicros(primitive::<TimestampMicrosecondType>(array)),
        FlatType::Utf8 => {
            let (offsets, data) = var_len(array.as_string::<i32>());
            Values::Utf8(offsets, data)
        }
        FlatType::Binary => {
            let (offsets, data) = var_len(array.as_binary::<i32>());
            Values::Binary(offsets, data)
        }
    };
    Column { validity: validity(array.as_ref()), values }
}

fn primitive<T: ArrowPrimitiveType>(array: &ArrayRef) -> ScalarBuffer<T::Native> {
    array.as_primitive::<T>().values().clone()
}

/// The validity bits from bit 0; shared unless the array is a slice from within a byte.
fn validity(array: &dyn Array) -> Option<Buffer> {
    array.nulls().filter(|nulls| nulls.null_count() > 0).map(|nulls| nulls.inner().sliced())
}

fn var_len<T: ByteArrayType<Offset = i32>>(array: &GenericByteArray<T>) -> (ScalarBuffer<i32>, Buffer) {
    let (offsets, start, end) = rebased(array.offsets());
    (offsets, array.values().slice_with_length(start, end - start))
}

/// Offsets from 0, shared unless the array is a slice, with the first and the last as they were.
fn rebased(offsets: &OffsetBuffer<i32>) -> (ScalarBuffer<i32>, usize, usize) {
    let index = |offset: i32| usize::try_from(offset).expect("Arrow's offsets are not negative");
    match (offsets.first(), offsets.last()) {
        (Some(0), Some(end)) => (offsets.inner().clone(), 0, index(*end)),
        (Some(start), Some(end)) => {
            let rebased = offsets.iter().map(|offset| offset - start).collect();
            (rebased, index(*start), index(*end))
        }
        _ => unreachable!("Arrow has one offset more than it has values"),
    }
}

impl Column {
    fn as_param(&self) -> ColumnParam<'_> {
        let values = match &self.values {
            Values::Boolean(bits) => ValuesParam::Boolean(bits),
            Values::Int32(values) => ValuesParam::Int32(values),
            Values::Int64(values) => ValuesParam::Int64(values),
            Values::Float32(values) => ValuesParam::Float32(values),
            Values::Float64(values) => ValuesParam::Float64(values),
            Values::TimestampMicros(values) => ValuesParam::TimestampMicros(values),
            Values::Utf8(offsets, data) => ValuesParam::Utf8(VarLenParam { offsets, data }),
            Values::Binary(offsets, data) => ValuesParam::Binary(VarLenParam { offsets, data }),
            Values::Offsets(offsets) => ValuesParam::Offsets(offsets),
            Values::Parent => ValuesParam::Parent,
        };
        ColumnParam { validity: self.validity.as_deref(), values }
    }
}
