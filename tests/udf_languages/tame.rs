//! Random tables without what languages may change or do not know: the bits of a NaN, and years with five digits.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, ListArray, PrimitiveArray, StructArray, make_array,
};
use arrow::datatypes::{DataType, Float32Type, Float64Type, TimestampMicrosecondType};

/// The same array with other numbers in the place of NaNs, and times within the years 1 to 9999.
pub(crate) fn tame(array: &ArrayRef) -> ArrayRef {
    const NEVER_BEYOND: i64 = 60_000_000_000_000_000;
    match array.data_type() {
        // A NaN becomes the small number of the same bits, so that members of sets stay different.
        DataType::Float32 => changed::<Float32Type>(array, |value| {
            if value.is_nan() { f32::from_bits(value.to_bits() & 0x807f_ffff) } else { value }
        }),
        DataType::Float64 => changed::<Float64Type>(array, |value| {
            if value.is_nan() { f64::from_bits(value.to_bits() & 0x800f_ffff_ffff_ffff) } else { value }
        }),
        DataType::Timestamp(..) => changed::<TimestampMicrosecondType>(array, |micros| micros % NEVER_BEYOND),
        DataType::List(field) => {
            let list = array.as_list::<i32>();
            let items = tame(list.values());
            Arc::new(ListArray::new(Arc::clone(field), list.offsets().clone(), items, list.nulls().cloned()))
        }
        DataType::Struct(fields) => {
            let parts = array.as_struct().columns().iter().map(tame).collect();
            Arc::new(StructArray::new(fields.clone(), parts, array.nulls().cloned()))
        }
        _ => Arc::clone(array),
    }
}

fn changed<T: ArrowPrimitiveType>(array: &ArrayRef, change: impl Fn(T::Native) -> T::Native) -> ArrayRef {
    let values: PrimitiveArray<T> = array.as_primitive::<T>().unary(change);
    let typed = values.to_data().into_builder().data_type(array.data_type().clone()).build();
    make_array(typed.unwrap())
}
