//! What all arrays have in common.

use std::iter::FusedIterator;

use crate::bindings::larder::udf::arrow::{Column, TypeNode};
use crate::columns::{ColumnError, Columns};

/// A column: values of one type, some of which may be null.
///
/// Arrays come as arguments of a transformation, and are collected from iterators of `Option`s (or of
/// plain values where nothing is null):
///
/// ```
/// use larder_guest::{Array, Float64Array, Int64Array};
///
/// let trips = Int64Array::from(vec![Some(3), None, Some(5)]);
/// let halves: Float64Array = trips.iter().map(|trips| trips.map(|trips| trips as f64 / 2.0)).collect();
/// assert_eq!(halves, Float64Array::from(vec![Some(1.5), None, Some(2.5)]));
/// ```
pub trait Array: Default + sealed::Sealed {
    /// One value.
    type Item<'a>
    where
        Self: 'a;

    /// How many values there are, nulls included.
    fn len(&self) -> usize;

    /// The value at `row`, or `None` where it is null.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    fn get(&self, row: usize) -> Option<Self::Item<'_>>;

    /// Whether the value at `row` is null; `false` past the end.
    fn is_null(&self, row: usize) -> bool;

    /// Whether there are no values at all.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many values are null.
    fn null_count(&self) -> usize {
        (0..self.len()).filter(|row| self.is_null(*row)).count()
    }

    /// All values in order.
    fn iter(&self) -> Values<'_, Self> {
        Values { array: self, rows: 0..self.len() }
    }

    /// One bit for each of the 8 rows from `8 * block`: clear where the value is known to be null. Lets a
    /// loop look at the nulls of 8 rows at once.
    #[doc(hidden)]
    #[inline]
    fn maybe_valid(&self, _block: usize) -> u8 {
        u8::MAX
    }

    /// The value at `row`, whose bit of `maybe_valid` is set.
    #[doc(hidden)]
    #[inline]
    fn get_maybe_valid(&self, row: usize) -> Option<Self::Item<'_>> {
        self.get(row)
    }

    /// The levels of the type, as a signature declares them.
    #[doc(hidden)]
    fn nodes(nodes: &mut Vec<TypeNode>);

    /// Takes the next column, of `len` values, and its children.
    #[doc(hidden)]
    fn take(columns: &mut Columns, len: usize) -> Result<Self, ColumnError>;

    /// Gives the column and its children away.
    #[doc(hidden)]
    fn put(self, columns: &mut Vec<Column>);

    /// Adds a null.
    #[doc(hidden)]
    fn push_null(&mut self);
}

pub(crate) mod sealed {
    /// The contract's types are a closed set.
    pub trait Sealed {}
}

/// The values of an array, or of one list in it.
#[derive(Debug)]
pub struct Values<'a, A> {
    pub(crate) array: &'a A,
    pub(crate) rows: std::ops::Range<usize>,
}

impl<'a, A: Array> Iterator for Values<'a, A> {
    type Item = Option<A::Item<'a>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.rows.next().map(|row| self.array.get(row))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.rows.size_hint()
    }
}

impl<A: Array> DoubleEndedIterator for Values<'_, A> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.rows.next_back().map(|row| self.array.get(row))
    }
}

impl<A: Array> ExactSizeIterator for Values<'_, A> {}
impl<A: Array> FusedIterator for Values<'_, A> {}

/// Collecting of one kind of item, by `Extend`.
macro_rules! collect {
    ($array:ty, $item:ty $(, $generic:ident: $bound:path)*) => {
        impl<$($generic: $bound),*> FromIterator<$item> for $array {
            fn from_iter<Items: IntoIterator<Item = $item>>(items: Items) -> Self {
                let mut array = Self::default();
                array.extend(items);
                array
            }
        }

        impl<$($generic: $bound),*> From<Vec<$item>> for $array {
            fn from(items: Vec<$item>) -> Self {
                items.into_iter().collect()
            }
        }
    };
}
pub(crate) use collect;
