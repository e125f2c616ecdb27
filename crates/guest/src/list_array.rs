//! Arrays of lists.

use std::fmt;
use std::ops::Range;

use crate::Array;
use crate::array::{self, sealed};
use crate::bindings::larder::udf::arrow::{Column, TypeNode, Values};
use crate::bitmap::Validity;
use crate::columns::{ColumnError, Columns, check_offsets};
use crate::offsets::Offsets;

/// Feast's `Array(T)`, where `A` is the array of `T`.
///
/// ```
/// use larder_guest::{Array, Float64Array, ListArray};
///
/// let prices = ListArray::<Float64Array>::from_iter([Some(vec![2.0, 3.5]), None, Some(vec![])]);
/// let totals: Float64Array =
///     prices.iter().map(|prices| prices.map(|prices| prices.iter().flatten().sum::<f64>())).collect();
/// assert_eq!(totals, Float64Array::from(vec![Some(5.5), None, Some(0.0)]));
/// ```
#[derive(Clone, Default)]
pub struct ListArray<A> {
    offsets: Offsets,
    items: A,
    validity: Validity,
}

/// One list of a [`ListArray`].
#[derive(Clone, Debug)]
pub struct List<'a, A> {
    items: &'a A,
    span: Range<usize>,
}

impl<'a, A: Array> List<'a, A> {
    /// How many items there are, nulls included.
    pub fn len(&self) -> usize {
        self.span.len()
    }

    /// Whether there are no items.
    pub fn is_empty(&self) -> bool {
        self.span.is_empty()
    }

    /// The item at `index`; `None` where it is null or past the end.
    pub fn get(&self, index: usize) -> Option<A::Item<'a>> {
        self.span.clone().nth(index).and_then(|row| self.items.get(row))
    }

    /// All items in order.
    pub fn iter(&self) -> array::Values<'a, A> {
        array::Values { array: self.items, rows: self.span.clone() }
    }
}

impl<'a, A: Array> IntoIterator for List<'a, A> {
    type Item = Option<A::Item<'a>>;
    type IntoIter = array::Values<'a, A>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a, A: Array> IntoIterator for &List<'a, A> {
    type Item = Option<A::Item<'a>>;
    type IntoIter = array::Values<'a, A>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<A: Array> ListArray<A> {
    /// The items of all lists, end to end.
    pub fn items(&self) -> &A {
        &self.items
    }
}

impl<A> sealed::Sealed for ListArray<A> {}

impl<A: Array> Array for ListArray<A> {
    type Item<'a>
        = List<'a, A>
    where
        A: 'a;

    fn len(&self) -> usize {
        self.offsets.len()
    }

    #[inline]
    fn get(&self, row: usize) -> Option<List<'_, A>> {
        let span = self.offsets.span(row);
        self.validity.is_valid(row).then_some(List { items: &self.items, span })
    }

    #[inline]
    fn is_null(&self, row: usize) -> bool {
        row < self.len() && !self.validity.is_valid(row)
    }

    fn nodes(nodes: &mut Vec<TypeNode>) {
        nodes.push(TypeNode::List);
        A::nodes(nodes);
    }

    fn take(columns: &mut Columns, len: usize) -> Result<Self, ColumnError> {
        let (values, validity) = columns.next(len)?;
        let Values::Offsets(offsets) = values else { return Err(ColumnError::Type) };
        let items = A::take(columns, check_offsets(&offsets, len)?)?;
        Ok(Self { offsets: Offsets::from_checked(offsets), items, validity })
    }

    fn put(self, columns: &mut Vec<Column>) {
        let values = Values::Offsets(self.offsets.into_vec());
        columns.push(Column { validity: self.validity.into_bytes(), values });
        self.items.put(columns);
    }

    fn push_null(&mut self) {
        self.validity.push_null(self.offsets.len());
        self.offsets.push(self.items.len());
    }
}

impl<A: Array> PartialEq for ListArray<A>
where
    for<'a> A::Item<'a>: PartialEq,
{
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self.iter().zip(other.iter()).all(|pair| match pair {
                (Some(ours), Some(theirs)) => ours.iter().eq(theirs.iter()),
                (None, None) => true,
                _ => false,
            })
    }
}

impl<A: Array + fmt::Debug> fmt::Debug for ListArray<A>
where
    for<'a> A::Item<'a>: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lists = self.iter().map(|list| list.map(|list| list.iter().collect::<Vec<_>>()));
        f.debug_list().entries(lists).finish()
    }
}

impl<A, I> Extend<Option<I>> for ListArray<A>
where
    A: Array + Extend<I::Item>,
    I: IntoIterator,
{
    fn extend<Lists: IntoIterator<Item = Option<I>>>(&mut self, lists: Lists) {
        for list in lists {
            match list {
                Some(list) => {
                    self.items.extend(list);
                    self.validity.push_valid();
                    self.offsets.push(self.items.len());
                }
                None => self.push_null(),
            }
        }
    }
}

impl<A, I> FromIterator<Option<I>> for ListArray<A>
where
    A: Array + Extend<I::Item>,
    I: IntoIterator,
{
    fn from_iter<Lists: IntoIterator<Item = Option<I>>>(lists: Lists) -> Self {
        let mut array = Self::default();
        array.extend(lists);
        array
    }
}
