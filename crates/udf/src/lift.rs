//! What a guest returned, on its way to Arrow arrays. Every length, offset, bitmap and byte of text
//! is checked; buffers are taken over without a copy.

use std::sync::Arc;
use std::vec::IntoIter;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, ListArray, PrimitiveArray, RecordBatch, RecordBatchOptions,
    StringArray, StructArray,
};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Field as ArrowField, Float32Type, Float64Type, Int32Type, Int64Type,
    SchemaRef, TimestampMicrosecondType,
};
use larder_core::column::cast_column;
use larder_core::{Field, FlatType, Layout, RequestError, StructField, ValueType, arrow_fields};

use crate::bindings::larder::udf::arrow::{BatchResult, ColumnResult, ValuesResult};
use crate::signature::AgreedSignature;
use crate::{BrokenContract, OffsetsProblem};

/// Checks `output` against the signature, the rows of the input and the limit of output.
pub(crate) fn lift(
    output: BatchResult,
    agreed: &AgreedSignature,
    rows: usize,
    limit_bytes: usize,
) -> Result<RecordBatch, BrokenContract> {
    if usize::try_from(output.row_count) != Ok(rows) {
        return Err(BrokenContract::RowCount { actual: output.row_count, expected: rows });
    }
    let (fields, schema) = (&agreed.signature.outputs, &agreed.output_schema);
    lift_rows(output, fields, schema, agreed.output_nodes, limit_bytes)
}

/// Checks that `output` has the columns `fields`, which are those of `schema` and take up `nodes` columns of the
/// contract.
pub(crate) fn lift_rows(
    output: BatchResult,
    fields: &[Field],
    schema: &SchemaRef,
    nodes: usize,
    limit_bytes: usize,
) -> Result<RecordBatch, BrokenContract> {
    let rows = usize::try_from(output.row_count).unwrap_or(usize::MAX);
    if output.columns.len() != nodes {
        let (actual, expected) = (output.columns.len(), nodes);
        return Err(BrokenContract::ColumnCount { actual, expected });
    }
    let actual_bytes = output.columns.iter().map(buffer_bytes).sum();
    if actual_bytes > limit_bytes {
        return Err(BrokenContract::TooLarge { actual_bytes, limit_bytes });
    }
    let mut columns = output.columns.into_iter();
    let mut arrays = Vec::with_capacity(fields.len());
    for field in fields {
        let array = array(&mut columns, &field.value_type, &field.name, rows)?;
        arrays.push(formed(&array, field)?);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let batch = RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options);
    Ok(batch.expect("types and lengths of all columns were checked"))
}

fn next(columns: &mut IntoIter<ColumnResult>) -> ColumnResult {
    columns.next().expect("the columns were counted")
}

/// Applies what Arrow cannot say: that a text is JSON, that a set holds each item once. These are the
/// rules of all data from outside; free for types that say no more than Arrow.
fn formed(array: &ArrayRef, field: &Field) -> Result<ArrayRef, BrokenContract> {
    let (column, expected) = (field.name.clone(), field.value_type.clone());
    cast_column(&field.name, array, &field.value_type).map_err(|error| match error {
        RequestError::InvalidValue { row, value, .. } => {
            BrokenContract::Value { column, row, value, expected }
        }
        other => unreachable!("the array is of the type's layout: {other}"),
    })
}

/// The next column, of `length` values, with its parts.
fn array(
    columns: &mut IntoIter<ColumnResult>,
    value_type: &ValueType,
    name: &str,
    length: usize,
) -> Result<ArrayRef, BrokenContract> {
    match value_type.layout() {
        Layout::Flat(flat) => flat_array(next(columns), flat, name, length),
        Layout::List(item) => list(columns, item, name, length),
        Layout::Struct(fields) => structure(columns, fields, name, length),
    }
}

fn list(
    columns: &mut IntoIter<ColumnResult>,
    item: &ValueType,
    name: &str,
    length: usize,
) -> Result<ArrayRef, BrokenContract> {
    let ColumnResult { validity, values } = next(columns);
    let ValuesResult::Offsets(offsets) = values else {
        return Err(BrokenContract::ColumnType {
            column: name.to_owned(),
            actual: layout(&values),
            expected: "offsets",
        });
    };
    let nulls = nulls(validity, name, length)?;
    let items = items(&offsets, name, length)?;
    let values = array(columns, item, name, items)?;
    let field = Arc::new(ArrowField::new("item", item.data_type(), true));
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    Ok(Arc::new(ListArray::try_new(field, offsets, values, nulls).expect("the parts were checked")))
}

fn structure(
    columns: &mut IntoIter<ColumnResult>,
    fields: &[StructField],
    name: &str,
    length: usize,
) -> Result<ArrayRef, BrokenContract> {
    let ColumnResult { validity, values } = next(columns);
    if !matches!(values, ValuesResult::Parent) {
        let (actual, expected) = (layout(&values), "parent");
        return Err(BrokenContract::ColumnType { column: name.to_owned(), actual, expected });
    }
    let nulls = nulls(validity, name, length)?;
    let parts = fields.iter().map(|field| array(columns, &field.value_type, name, length));
    let parts = parts.collect::<Result<Vec<_>, _>>()?;
    let structs = StructArray::try_new_with_length(arrow_fields(fields), parts, nulls, length);
    Ok(Arc::new(structs.expect("the parts were checked")))
}

fn flat_array(
    column: ColumnResult,
    flat: FlatType,
    name: &str,
    length: usize,
) -> Result<ArrayRef, BrokenContract> {
    let nulls = nulls(column.validity, name, length)?;
    Ok(match (flat, column.values) {
        (FlatType::Boolean, ValuesResult::Boolean(bits)) => {
            Arc::new(BooleanArray::new(bitmap(bits, "value", name, length)?, nulls))
        }
        (FlatType::Int32, ValuesResult::Int32(values)) => {
            primitive::<Int32Type>(values, nulls, name, length, DataType::Int32)?
        }
        (FlatType::Int64, ValuesResult::Int64(values)) => {
            primitive::<Int64Type>(values, nulls, name, length, DataType::Int64)?
        }
        (FlatType::Float32, ValuesResult::Float32(values)) => {
            primitive::<Float32Type>(values, nulls, name, length, DataType::Float32)?
        }
        (FlatType::Float64, ValuesResult::Float64(values)) => {
            primitive::<Float64Type>(values, nulls, name, length, DataType::Float64)?
        }
        (FlatType::TimestampMicros, ValuesResult::TimestampMicros(values)) => {
            primitive::<TimestampMicrosecondType>(values, nulls, name, length, flat.data_type())?
        }
        (FlatType::Utf8, ValuesResult::Utf8(text)) => {
            let offsets = byte_offsets(text.offsets, name, length, text.data.len())?;
            let array = StringArray::try_new(offsets, Buffer::from_vec(text.data), nulls);
            // Lengths and offsets are checked, so what is left to refuse is the text.
            Arc::new(array.map_err(|_| BrokenContract::NotUtf8 { column: name.to_owned() })?)
        }
        (FlatType::Binary, ValuesResult::Binary(bytes)) => {
            let offsets = byte_offsets(bytes.offsets, name, length, bytes.data.len())?;
            Arc::new(BinaryArray::new(offsets, Buffer::from_vec(bytes.data), nulls))
        }
        (flat, values) => {
            let (actual, expected) = (layout(&values), expected_layout(flat));
            return Err(BrokenContract::ColumnType { column: name.to_owned(), actual, expected });
        }
    })
}

fn primitive<T: ArrowPrimitiveType>(
    values: Vec<T::Native>,
    nulls: Option<NullBuffer>,
    name: &str,
    length: usize,
    data_type: DataType,
) -> Result<ArrayRef, BrokenContract> {
    if values.len() != length {
        let column = name.to_owned();
        return Err(BrokenContract::Length { column, actual: values.len(), expected: length });
    }
    Ok(Arc::new(PrimitiveArray::<T>::new(values.into(), nulls).with_data_type(data_type)))
}

/// The validity of a column, `None` where nothing is null.
fn nulls(validity: Option<Vec<u8>>, name: &str, length: usize) -> Result<Option<NullBuffer>, BrokenContract> {
    let Some(bits) = validity else { return Ok(None) };
    let nulls = NullBuffer::new(bitmap(bits, "validity", name, length)?);
    Ok(Some(nulls).filter(|nulls| nulls.null_count() > 0))
}

fn bitmap(
    bits: Vec<u8>,
    bitmap: &'static str,
    name: &str,
    length: usize,
) -> Result<BooleanBuffer, BrokenContract> {
    let expected = length.div_ceil(8);
    if bits.len() != expected {
        let column = name.to_owned();
        return Err(BrokenContract::BitmapLength { column, bitmap, actual: bits.len(), expected });
    }
    Ok(BooleanBuffer::new(Buffer::from_vec(bits), 0, length))
}

fn byte_offsets(
    offsets: Vec<i32>,
    name: &str,
    length: usize,
    available: usize,
) -> Result<OffsetBuffer<i32>, BrokenContract> {
    let last = items(&offsets, name, length)?;
    if last != available {
        let last = offsets.last().copied().unwrap_or_default();
        let problem = OffsetsProblem::End { last, available };
        return Err(BrokenContract::Offsets { column: name.to_owned(), problem });
    }
    Ok(OffsetBuffer::new(ScalarBuffer::from(offsets)))
}

/// Checks that offsets are those of `length` values, and returns the last: the length of what they
/// point into.
fn items(offsets: &[i32], name: &str, length: usize) -> Result<usize, BrokenContract> {
    let column = || name.to_owned();
    let (Some(first), Some(last)) = (offsets.first(), offsets.last()) else {
        return Err(BrokenContract::Length { column: column(), actual: 0, expected: length });
    };
    if offsets.len() - 1 != length {
        let actual = offsets.len() - 1;
        return Err(BrokenContract::Length { column: column(), actual, expected: length });
    }
    if *first != 0 {
        let problem = OffsetsProblem::Start { first: *first };
        return Err(BrokenContract::Offsets { column: column(), problem });
    }
    let falling = offsets.iter().zip(offsets.iter().skip(1)).position(|(before, after)| after < before);
    if let Some(row) = falling {
        let at = |index: usize| offsets.get(index).copied().unwrap_or_default();
        let problem = OffsetsProblem::Falling { row, before: at(row), after: at(row + 1) };
        return Err(BrokenContract::Offsets { column: column(), problem });
    }
    Ok(usize::try_from(*last).expect("offsets that start at 0 and do not fall are not negative"))
}

fn buffer_bytes(column: &ColumnResult) -> usize {
    let values = match &column.values {
        ValuesResult::Boolean(bits) => bits.len(),
        ValuesResult::Int32(values) | ValuesResult::Offsets(values) => size_of_val(values.as_slice()),
        ValuesResult::Int64(values) | ValuesResult::TimestampMicros(values) => size_of_val(values.as_slice()),
        ValuesResult::Float32(values) => size_of_val(values.as_slice()),
        ValuesResult::Float64(values) => size_of_val(values.as_slice()),
        ValuesResult::Utf8(bytes) | ValuesResult::Binary(bytes) => {
            size_of_val(bytes.offsets.as_slice()) + bytes.data.len()
        }
        ValuesResult::Parent => 0,
    };
    values + column.validity.as_ref().map_or(0, Vec::len)
}

fn layout(values: &ValuesResult) -> &'static str {
    match values {
        ValuesResult::Boolean(_) => "boolean",
        ValuesResult::Int32(_) => "int32",
        ValuesResult::Int64(_) => "int64",
        ValuesResult::Float32(_) => "float32",
        ValuesResult::Float64(_) => "float64",
        ValuesResult::TimestampMicros(_) => "timestamp-micros",
        ValuesResult::Utf8(_) => "utf8",
        ValuesResult::Binary(_) => "binary",
        ValuesResult::Offsets(_) => "offsets",
        ValuesResult::Parent => "parent",
    }
}

fn expected_layout(flat: FlatType) -> &'static str {
    match flat {
        FlatType::Boolean => "boolean",
        FlatType::Int32 => "int32",
        FlatType::Int64 => "int64",
        FlatType::Float32 => "float32",
        FlatType::Float64 => "float64",
        FlatType::TimestampMicros => "timestamp-micros",
        FlatType::Utf8 => "utf8",
        FlatType::Binary => "binary",
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::Array;
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;

    use super::*;
    use crate::bindings::exports::larder::udf::transformation::Signature;
    use crate::bindings::larder::udf::arrow::{Field as WitField, TypeNode, VarLenResult};

    /// A signature with the outputs `a: Int32`, `b: String`, `c: Array(Bool)`.
    fn agreed() -> Arc<AgreedSignature> {
        let field =
            |name: &str, nodes: &[TypeNode]| WitField { name: name.to_owned(), nodes: nodes.to_vec() };
        let outputs = vec![
            field("a", &[TypeNode::Int32]),
            field("b", &[TypeNode::Utf8]),
            field("c", &[TypeNode::List, TypeNode::Boolean]),
        ];
        let declared = Signature { name: "f".to_owned(), inputs: vec![], outputs };
        crate::signature::agree(vec![declared], &crate::SandboxLimits::default()).unwrap().remove(0)
    }

    /// Columns that are right or nearly so: every buffer may be a little too short, too long or odd.
    fn nearly_right() -> impl Strategy<Value = BatchResult> {
        let offsets = || {
            prop_oneof![Just(vec![0, 1, 2]), Just(vec![0, 0, 2]), Just(vec![0, 2, 2]), vec(-1_i32..4, 0..5),]
        };
        let column = |values: BoxedStrategy<ValuesResult>| {
            (option::of(vec(any::<u8>(), 0..3)), values)
                .prop_map(|(validity, values)| ColumnResult { validity, values })
        };
        let ints = vec(any::<i32>(), 1..4).prop_map(ValuesResult::Int32).boxed();
        let text = (offsets(), prop_oneof![Just(b"ab".to_vec()), Just("ä".into()), vec(any::<u8>(), 0..4)])
            .prop_map(|(offsets, data)| ValuesResult::Utf8(VarLenResult { offsets, data }))
            .boxed();
        let lists = offsets().prop_map(ValuesResult::Offsets).boxed();
        let items = vec(any::<u8>(), 0..3).prop_map(ValuesResult::Boolean).boxed();
        (1_u32..4, column(ints), column(text), column(lists), column(items))
            .prop_map(|(row_count, a, b, c, items)| BatchResult { row_count, columns: vec![a, b, c, items] })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_096))]

        #[test]
        fn what_passes_the_checks_is_valid_arrow(output in nearly_right()) {
            if let Ok(batch) = lift(output, &agreed(), 2, 1 << 20) {
                prop_assert_eq!(batch.num_rows(), 2);
                for column in batch.columns() {
                    prop_assert!(column.to_data().validate_full().is_ok());
                }
            }
        }
    }

    fn right() -> BatchResult {
        let column = |values| ColumnResult { validity: None, values };
        let text = VarLenResult { offsets: vec![0, 1, 3], data: "xä".into() };
        let validity = Some(vec![0b1111_1101]);
        BatchResult {
            row_count: 2,
            columns: vec![
                column(ValuesResult::Int32(vec![1, 2])),
                ColumnResult { validity, values: ValuesResult::Utf8(text) },
                column(ValuesResult::Offsets(vec![0, 0, 3])),
                column(ValuesResult::Boolean(vec![0b101])),
            ],
        }
    }

    #[test]
    fn a_right_output_becomes_a_table_of_the_signature() {
        let agreed = agreed();
        let batch = lift(right(), &agreed, 2, 1 << 20).unwrap();
        assert_eq!(batch.schema(), agreed.output_schema);
        let types: Vec<_> = batch.columns().iter().map(|column| column.data_type().clone()).collect();
        let fields: Vec<&Field> = agreed.signature.outputs.iter().collect();
        assert_eq!(types, fields.iter().map(|field| field.value_type.data_type()).collect::<Vec<_>>());
        assert_eq!(batch.column(1).null_count(), 1);
    }

    #[test]
    fn bytes_are_counted_over_all_buffers() {
        let limit_bytes = 8 + 3 * 4 + 3 + 1 + 3 * 4 + 1;
        assert!(lift(right(), &agreed(), 2, limit_bytes).is_ok());
        assert_eq!(
            lift(right(), &agreed(), 2, limit_bytes - 1),
            Err(BrokenContract::TooLarge { actual_bytes: limit_bytes, limit_bytes: limit_bytes - 1 })
        );
    }
}
