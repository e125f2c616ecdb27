//! How large an input is, and how it is cut into calls.

use std::ops::Range;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::DataType;

/// The rows of each call for `batch`, in order: as few calls as `rows_per_call` allows, of about
/// the same size, and more of them where the rows are so large that a call would need more than
/// `bytes_per_call` for its input alone.
pub(crate) fn split(batch: &RecordBatch, rows_per_call: usize, bytes_per_call: usize) -> Vec<Range<usize>> {
    let rows = batch.num_rows();
    if rows <= 1 {
        return std::iter::once(0..rows).filter(|range| !range.is_empty()).collect();
    }
    let by_rows = rows.div_ceil(rows_per_call.max(1));
    let by_bytes = input_bytes(batch).div_ceil(bytes_per_call.max(1));
    let calls = by_rows.max(by_bytes).min(rows);
    let mut rows_of_call = rows.div_ceil(calls.max(1));
    if rows_of_call > 64 && rows_of_call < rows {
        // Bitmaps of whole bytes need no shifting. Rounding up keeps to the limit wherever the limit
        // is a multiple of 8, rounding down would do one call more.
        rows_of_call = rows_of_call.next_multiple_of(8).min(rows_per_call.max(1));
    }
    (0..rows).step_by(rows_of_call).map(|start| start..(start + rows_of_call).min(rows)).collect()
}

/// The bytes of the values of `batch`; bitmaps are left out.
pub(crate) fn input_bytes(batch: &RecordBatch) -> usize {
    batch.columns().iter().map(|array| array_bytes(array.as_ref())).sum()
}

fn array_bytes(array: &dyn Array) -> usize {
    match array.data_type() {
        DataType::Utf8 => span(array.as_string::<i32>().offsets()).len() + 4 * array.len(),
        DataType::Binary => span(array.as_binary::<i32>().offsets()).len() + 4 * array.len(),
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            let span = span(list.offsets());
            array_bytes(&list.values().slice(span.start, span.len())) + 4 * array.len()
        }
        DataType::Struct(_) => array.as_struct().columns().iter().map(|part| array_bytes(part)).sum(),
        data_type => data_type.primitive_width().unwrap_or(1) * array.len(),
    }
}

fn span(offsets: &[i32]) -> Range<usize> {
    let index = |offset: Option<&i32>| offset.and_then(|offset| usize::try_from(*offset).ok()).unwrap_or(0);
    index(offsets.first())..index(offsets.last())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, ListArray, StringArray};
    use arrow::datatypes::Int64Type;
    use proptest::prelude::*;

    use super::*;

    fn batch(array: impl Array + 'static) -> RecordBatch {
        RecordBatch::try_from_iter([("a", Arc::new(array) as ArrayRef)]).unwrap()
    }

    #[test]
    fn a_small_batch_is_one_call_and_an_empty_one_none() {
        let ranges = |rows, bytes| split(&batch(Int64Array::from(vec![0; rows])), 8_192, bytes);
        assert_eq!(ranges(100, 1 << 20), std::slice::from_ref(&(0..100)));
        assert_eq!(ranges(1, 1), std::slice::from_ref(&(0..1)));
        assert!(split(&batch(Int64Array::from(vec![0; 0])), 8_192, 1 << 20).is_empty());
    }

    #[test]
    fn a_long_batch_is_cut_into_even_calls_at_whole_bytes_of_bitmaps() {
        assert_eq!(
            split(&batch(Int64Array::from(vec![0; 10_000])), 8_192, 1 << 20),
            [0..5_000, 5_000..10_000]
        );
        let ranges = split(&batch(Int64Array::from(vec![0; 100_003])), 8_192, 1 << 30);
        assert_eq!(ranges.len(), 13);
        assert!(ranges.iter().all(|range| range.start % 8 == 0));
    }

    #[test]
    fn large_rows_make_more_calls() {
        let text = "x".repeat(1_000);
        let strings = StringArray::from_iter_values(std::iter::repeat_n(text.as_str(), 100));
        assert_eq!(split(&batch(strings.clone()), 8_192, 25_100).len(), 4);
        assert_eq!(split(&batch(strings.slice(0, 25)), 8_192, 25_100).len(), 1);
        let lists = ListArray::from_iter_primitive::<Int64Type, _, _>(std::iter::repeat_n(
            Some(vec![Some(1); 125]),
            100,
        ));
        assert_eq!(split(&batch(lists), 8_192, 25_100).len(), 4);
    }

    proptest! {
        #[test]
        fn calls_cover_all_rows_once_in_order(rows in 0_usize..50_000, per_call in 1_usize..9_000, bytes in 1_usize..100_000) {
            let ranges = split(&batch(Int64Array::from(vec![0; rows])), per_call, bytes);
            let mut next = 0;
            for range in ranges {
                prop_assert_eq!(range.start, next);
                prop_assert!(!range.is_empty() && range.len() <= per_call);
                next = range.end;
            }
            prop_assert_eq!(next, rows);
        }
    }
}
