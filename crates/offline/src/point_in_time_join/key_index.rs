//! Numbers for keys: equal join keys get one number, typed and never through text.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};
use arrow::row::{RowConverter, SortField};
use larder_core::{Field, ScalarType, ValueType};
use rustc_hash::FxHashMap;

use crate::error::OfflineError;

/// Stands for “no group”: a null key, or a key that is not in the index.
pub(crate) const NO_GROUP: u32 = u32::MAX;

/// Numbers the distinct keys of a table from zero.
#[derive(Debug)]
pub(crate) enum KeyIndex {
    /// A view without entities: all rows have one key.
    One,
    /// One whole-number key whose values lie close together: group by value, from `least` on.
    Dense { least: i64, groups: Vec<u32>, count: u32 },
    /// One whole-number key.
    Whole { groups: FxHashMap<i64, u32> },
    /// Any other keys, as the bytes of Arrow's row format.
    Rows { converter: RowConverter, groups: FxHashMap<Box<[u8]>, u32> },
}

/// A table of values may be this many times longer than the rows it is made for.
const DENSE_SLACK: u64 = 8;
/// Below this length a table of values is always worth it.
const DENSE_MINIMUM: u64 = 1 << 16;

impl KeyIndex {
    /// An empty index that [`number`](Self::number) fills. `join_keys` says the columns and types.
    pub(crate) fn new(join_keys: &[Field]) -> Result<Self, OfflineError> {
        match join_keys {
            [] => Ok(Self::One),
            [key] if is_whole(&key.value_type) => Ok(Self::Whole { groups: FxHashMap::default() }),
            keys => {
                let fields = keys.iter().map(|key| SortField::new(key.value_type.data_type())).collect();
                let converter =
                    RowConverter::new(fields).map_err(OfflineError::arrow("compare the join keys"))?;
                Ok(Self::Rows { converter, groups: FxHashMap::default() })
            }
        }
    }

    /// An index of the keys of a whole table, and the group of each of its rows. `columns` are the
    /// join keys, of their declared types; `rows` is their length.
    pub(crate) fn of_table(
        join_keys: &[Field],
        columns: &[ArrayRef],
        rows: usize,
    ) -> Result<(Self, Vec<u32>), OfflineError> {
        if let ([key], [column]) = (join_keys, columns)
            && is_whole(&key.value_type)
            && let Some(found) = Self::dense(&whole_numbers(column)?)
        {
            return Ok(found);
        }
        let mut index = Self::new(join_keys)?;
        let mut groups = Vec::new();
        index.number(columns, rows, |_| true, &mut groups)?;
        Ok((index, groups))
    }

    /// Numbers values in their own order, so that a source sorted by key is walked in order too.
    fn dense(numbers: &WholeNumbers) -> Option<(Self, Vec<u32>)> {
        let (least, greatest) = numbers.range()?;
        let length = u64::try_from(i128::from(greatest) - i128::from(least) + 1).ok()?;
        let rows = numbers.values().len() as u64;
        if length > DENSE_MINIMUM.max(rows.saturating_mul(DENSE_SLACK)) {
            return None;
        }
        let mut groups = vec![NO_GROUP; usize::try_from(length).ok()?];
        let place = |value: i64| usize::try_from(value.wrapping_sub(least)).unwrap_or(usize::MAX);
        for value in numbers.iter().flatten() {
            if let Some(group) = groups.get_mut(place(value)) {
                *group = 0;
            }
        }
        let mut count = 0;
        for group in groups.iter_mut().filter(|group| **group != NO_GROUP) {
            *group = count;
            count += 1;
        }
        let index = Self::Dense { least, groups, count };
        let mut of_rows = Vec::new();
        index.look_up_whole(numbers, &mut of_rows);
        Some((index, of_rows))
    }

    /// How many distinct keys there are.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::One => 1,
            Self::Dense { count, .. } => *count as usize,
            Self::Whole { groups } => groups.len(),
            Self::Rows { groups, .. } => groups.len(),
        }
    }

    /// Writes the group of each row into `found`, which is emptied first: [`NO_GROUP`] for a null in
    /// any key and for a key that is not in the index.
    pub(crate) fn look_up(
        &self,
        columns: &[ArrayRef],
        rows: usize,
        found: &mut Vec<u32>,
    ) -> Result<(), OfflineError> {
        found.clear();
        match (self, columns) {
            (Self::One, _) => found.resize(rows, 0),
            (Self::Dense { .. } | Self::Whole { .. }, [column]) => {
                self.look_up_whole(&whole_numbers(column)?, found);
            }
            (Self::Rows { converter, groups }, _) => {
                let encoded = converter
                    .convert_columns(columns)
                    .map_err(OfflineError::arrow("compare the join keys"))?;
                found.extend(encoded.iter().map(|row| groups.get(row.data()).copied().unwrap_or(NO_GROUP)));
                // A key with a null is never numbered, and its bytes are those of no other key.
            }
            (Self::Dense { .. } | Self::Whole { .. }, _) => found.resize(rows, NO_GROUP),
        }
        Ok(())
    }

    fn look_up_whole(&self, numbers: &WholeNumbers, found: &mut Vec<u32>) {
        match self {
            Self::Dense { least, groups, .. } => {
                // Whatever the difference wraps to, of a stranger it is negative or beyond the end.
                let group = |value: &i64| {
                    let place = usize::try_from(value.wrapping_sub(*least)).unwrap_or(usize::MAX);
                    groups.get(place).copied().unwrap_or(NO_GROUP)
                };
                found.extend(numbers.values().iter().map(group));
            }
            Self::Whole { groups } => {
                let group = |value: &i64| groups.get(value).copied().unwrap_or(NO_GROUP);
                found.extend(numbers.values().iter().map(group));
            }
            Self::One | Self::Rows { .. } => {}
        }
        numbers.mask_nulls(found);
    }

    /// As [`look_up`](Self::look_up), and gives new keys the next numbers. Rows that are not to be kept
    /// get [`NO_GROUP`], and their keys are not remembered.
    pub(crate) fn number(
        &mut self,
        columns: &[ArrayRef],
        rows: usize,
        keep: impl Fn(usize) -> bool,
        found: &mut Vec<u32>,
    ) -> Result<(), OfflineError> {
        match (&mut *self, columns) {
            (Self::Whole { groups }, [column]) => {
                found.clear();
                for (row, value) in whole_numbers(column)?.iter().enumerate() {
                    let next = next_group(groups.len())?;
                    let value = value.filter(|_| keep(row));
                    found.push(value.map_or(NO_GROUP, |value| *groups.entry(value).or_insert(next)));
                }
                Ok(())
            }
            (Self::Rows { converter, groups }, _) => {
                found.clear();
                let encoded = converter
                    .convert_columns(columns)
                    .map_err(OfflineError::arrow("compare the join keys"))?;
                for (row, key) in encoded.iter().enumerate() {
                    if !keep(row) || columns.iter().any(|column| column.is_null(row)) {
                        found.push(NO_GROUP);
                    } else if let Some(group) = groups.get(key.data()) {
                        found.push(*group);
                    } else {
                        let group = next_group(groups.len())?;
                        groups.insert(Box::from(key.data()), group);
                        found.push(group);
                    }
                }
                Ok(())
            }
            // Nothing can be new in an index of one key, and a dense one is made whole.
            _ => {
                self.look_up(columns, rows, found)?;
                let others = found.iter_mut().enumerate().filter(|(row, _)| !keep(*row));
                others.for_each(|(_, group)| *group = NO_GROUP);
                Ok(())
            }
        }
    }

    /// Numbers the keys of `other` here: the group here of each group there.
    pub(crate) fn absorb(&mut self, other: Self) -> Result<Vec<u32>, OfflineError> {
        let mut here = vec![NO_GROUP; other.len()];
        let mut place = |there: u32, group: u32| {
            if let Some(slot) = here.get_mut(there as usize) {
                *slot = group;
            }
        };
        match (self, other) {
            (Self::Whole { groups }, Self::Whole { groups: theirs }) => {
                for (key, there) in theirs {
                    let next = next_group(groups.len())?;
                    place(there, *groups.entry(key).or_insert(next));
                }
            }
            (Self::Rows { groups, .. }, Self::Rows { groups: theirs, .. }) => {
                for (key, there) in theirs {
                    let next = next_group(groups.len())?;
                    place(there, *groups.entry(key).or_insert(next));
                }
            }
            _ => place(0, 0),
        }
        Ok(here)
    }

    /// The key columns of all groups, one row per group in the order of their numbers. A dense index,
    /// which only ever answers look-ups, has none to give.
    pub(crate) fn into_columns(self, join_keys: &[Field]) -> Result<Vec<ArrayRef>, OfflineError> {
        match (self, join_keys) {
            (Self::Whole { groups }, [key]) => {
                let mut values = vec![0_i64; groups.len()];
                for (value, group) in groups {
                    if let Some(slot) = values.get_mut(group as usize) {
                        *slot = value;
                    }
                }
                let values: ArrayRef = std::sync::Arc::new(arrow::array::Int64Array::from(values));
                let column = cast(&values, &key.value_type.data_type())
                    .map_err(OfflineError::arrow("give the join keys back"))?;
                Ok(vec![column])
            }
            (Self::Rows { converter, groups }, _) => {
                let mut keys: Vec<Box<[u8]>> = vec![Box::default(); groups.len()];
                for (key, group) in groups {
                    if let Some(slot) = keys.get_mut(group as usize) {
                        *slot = key;
                    }
                }
                let parser = converter.parser();
                converter
                    .convert_rows(keys.iter().map(|key| parser.parse(key)))
                    .map_err(OfflineError::arrow("give the join keys back"))
            }
            _ => Ok(Vec::new()),
        }
    }
}

fn next_group(groups: usize) -> Result<u32, OfflineError> {
    u32::try_from(groups).ok().filter(|group| *group < NO_GROUP).ok_or_else(|| OfflineError::TooManyRows {
        what: "the set of distinct join keys".to_owned(),
        limit: u64::from(NO_GROUP),
    })
}

fn is_whole(value_type: &ValueType) -> bool {
    matches!(value_type, ValueType::Scalar(ScalarType::Int32 | ScalarType::Int64 | ScalarType::UnixTimestamp))
}

fn mask_nulls(columns: &[ArrayRef], found: &mut [u32]) {
    for nulls in columns.iter().filter_map(|column| column.nulls()) {
        for (group, valid) in found.iter_mut().zip(nulls.iter()) {
            if !valid {
                *group = NO_GROUP;
            }
        }
    }
}

/// A key column as whole numbers, without a copy where it holds 64-bit ones.
struct WholeNumbers(ArrayRef);

fn whole_numbers(column: &ArrayRef) -> Result<WholeNumbers, OfflineError> {
    match column.data_type() {
        DataType::Int32 => {
            let wide = cast(column, &DataType::Int64).map_err(OfflineError::arrow("widen a join key"))?;
            Ok(WholeNumbers(wide))
        }
        _ => Ok(WholeNumbers(ArrayRef::clone(column))),
    }
}

impl WholeNumbers {
    fn values(&self) -> &[i64] {
        match self.0.data_type() {
            DataType::Int64 => self.0.as_primitive::<Int64Type>().values(),
            _ => self.0.as_primitive::<TimestampMicrosecondType>().values(),
        }
    }

    fn iter(&self) -> impl Iterator<Item = Option<i64>> + '_ {
        let nulls = self.0.nulls();
        let valid = move |row| nulls.is_none_or(|nulls| nulls.is_valid(row));
        self.values().iter().enumerate().map(move |(row, value)| valid(row).then_some(*value))
    }

    fn range(&self) -> Option<(i64, i64)> {
        let mut numbers = self.iter().flatten();
        let first = numbers.next()?;
        Some(numbers.fold((first, first), |(least, greatest), value| (least.min(value), greatest.max(value))))
    }

    fn mask_nulls(&self, found: &mut [u32]) {
        mask_nulls(std::slice::from_ref(&self.0), found);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int32Array, Int64Array, StringArray};

    use super::*;

    fn number(join_keys: &[Field], columns: &[ArrayRef]) -> (KeyIndex, Vec<u32>) {
        KeyIndex::of_table(join_keys, columns, columns[0].len()).unwrap()
    }

    #[test]
    fn close_whole_numbers_are_numbered_in_their_order_and_strangers_are_not_found() {
        let keys = [Field::new("k", ValueType::INT64)];
        let column: ArrayRef = Arc::new(Int64Array::from(vec![Some(7), Some(-3), None, Some(7)]));
        let (index, groups) = number(&keys, &[column]);
        assert!(matches!(index, KeyIndex::Dense { .. }));
        assert_eq!(groups, [1, 0, NO_GROUP, 1]);
        let other: ArrayRef = Arc::new(Int64Array::from(vec![i64::MIN, -4, -3, 0, 7, 8, i64::MAX]));
        let mut found = Vec::new();
        index.look_up(&[other], 7, &mut found).unwrap();
        assert_eq!(found, [NO_GROUP, NO_GROUP, 0, NO_GROUP, 1, NO_GROUP, NO_GROUP]);
    }

    #[test]
    fn far_apart_whole_numbers_are_hashed() {
        let keys = [Field::new("k", ValueType::INT64)];
        let column: ArrayRef = Arc::new(Int64Array::from(vec![Some(i64::MAX), Some(i64::MIN), None]));
        let (index, groups) = number(&keys, &[column]);
        assert!(matches!(index, KeyIndex::Whole { .. }));
        assert_eq!(groups, [0, 1, NO_GROUP]);
    }

    #[test]
    fn the_parts_of_a_composite_key_never_run_together() {
        let keys = [Field::new("a", ValueType::STRING), Field::new("b", ValueType::STRING)];
        let a: ArrayRef = Arc::new(StringArray::from(vec![Some("1"), Some("12"), Some("1"), None, Some("")]));
        let b: ArrayRef =
            Arc::new(StringArray::from(vec![Some("23"), Some("3"), Some("23"), Some(""), None]));
        let (index, groups) = number(&keys, &[a, b]);
        assert_eq!(groups, [0, 1, 0, NO_GROUP, NO_GROUP]);
        let columns = index.into_columns(&keys).unwrap();
        assert_eq!(columns[0].as_string::<i32>().iter().flatten().collect::<Vec<_>>(), ["1", "12"]);
        assert_eq!(columns[1].as_string::<i32>().iter().flatten().collect::<Vec<_>>(), ["23", "3"]);
    }

    #[test]
    fn absorbing_renumbers_and_keeps_every_key_once() {
        let keys = [Field::new("k", ValueType::INT32)];
        let mut left = KeyIndex::new(&keys).unwrap();
        let mut right = KeyIndex::new(&keys).unwrap();
        let mut groups = Vec::new();
        left.number(&[Arc::new(Int32Array::from(vec![5, 6]))], 2, |_| true, &mut groups).unwrap();
        right.number(&[Arc::new(Int32Array::from(vec![9, 6]))], 2, |_| true, &mut groups).unwrap();
        assert_eq!(left.absorb(right).unwrap(), [2, 1]);
        let columns = left.into_columns(&keys).unwrap();
        let values = columns[0].as_primitive::<arrow::datatypes::Int32Type>();
        assert_eq!(values.values(), &[5, 6, 9]);
    }
}
