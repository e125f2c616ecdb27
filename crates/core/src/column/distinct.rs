//! Sets: lists without repetitions.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ListArray, UInt32Array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::take;
use arrow::datatypes::DataType;
use arrow::row::{RowConverter, SortField};

/// Keeps the first of equal items of each list. Nulls are equal, and so are floats of the same bits.
pub(super) fn distinct_items(lists: &ListArray) -> ListArray {
    let items = lists.values();
    let DataType::List(item) = lists.data_type() else { return lists.clone() };
    // Every item type has an order of rows, so this cannot fail; if it did, a repetition would stay.
    let Ok(converter) = RowConverter::new(vec![SortField::new(items.data_type().clone())]) else {
        return lists.clone();
    };
    let Ok(rows) = converter.convert_columns(&[Arc::clone(items)]) else { return lists.clone() };
    let mut kept: Vec<u32> = Vec::with_capacity(items.len());
    let mut lengths = Vec::with_capacity(lists.len());
    let mut seen = HashSet::new();
    for (at, bounds) in lists.offsets().windows(2).enumerate() {
        let before = kept.len();
        if let (&[start, end], true) = (bounds, lists.is_valid(at)) {
            seen.clear();
            for item in start.cast_unsigned()..end.cast_unsigned() {
                if seen.insert(rows.row(item as usize)) {
                    kept.push(item);
                }
            }
        }
        lengths.push(kept.len() - before);
    }
    if kept.len() == items.len() {
        return lists.clone();
    }
    let items = take(items, &UInt32Array::from(kept), None).expect("the places are those of items");
    ListArray::new(Arc::clone(item), OffsetBuffer::from_lengths(lengths), items, lists.nulls().cloned())
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::Int64Type;

    use super::*;

    #[test]
    fn the_first_of_equal_items_stays() {
        let lists = ListArray::from_iter_primitive::<Int64Type, _, _>([
            Some(vec![Some(3), Some(1), None, Some(3), None]),
            None,
            Some(vec![]),
            Some(vec![Some(3)]),
        ]);
        let expected = ListArray::from_iter_primitive::<Int64Type, _, _>([
            Some(vec![Some(3), Some(1), None]),
            None,
            Some(vec![]),
            Some(vec![Some(3)]),
        ]);
        assert_eq!(distinct_items(&lists), expected);
        assert_eq!(distinct_items(&lists.slice(1, 3)), expected.slice(1, 3));
    }
}
