//! Sets: lists without repetitions.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ListArray, UInt32Array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::take;
use arrow::datatypes::DataType;
use arrow::row::{RowConverter, SortField};

/// Items for which there is room in the set of those that were seen, from one list to the next.
const ROOM_KEPT: usize = 1 << 10;

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
            // Emptying a set costs as much as it has room for, which may be a million times what this list has.
            if seen.capacity() > ROOM_KEPT {
                seen = HashSet::new();
            }
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
    use std::time::Instant;

    use arrow::array::Int64Array;
    use arrow::datatypes::{Field, Int64Type};

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

    #[test]
    #[expect(clippy::disallowed_methods, reason = "what is measured is real time")]
    fn one_long_list_does_not_make_the_short_ones_slow() {
        const LONG: i32 = 1_000_000;
        let lists = |short: i32| {
            let items = Int64Array::from_iter_values((0..LONG + short).map(i64::from));
            let offsets = OffsetBuffer::new(std::iter::once(0).chain(LONG..=LONG + short).collect());
            let item = Arc::new(Field::new("item", DataType::Int64, true));
            ListArray::new(item, offsets, Arc::new(items), None)
        };
        let took = |lists: &ListArray| {
            let started = Instant::now();
            assert_eq!(&distinct_items(lists), lists);
            started.elapsed()
        };
        let (alone, with_others) = (took(&lists(0)), took(&lists(300_000)));
        assert!(with_others < 4 * alone, "{with_others:?} instead of {alone:?}");
    }
}
