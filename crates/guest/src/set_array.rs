//! Arrays of sets.

use std::fmt;

use crate::array::sealed;
use crate::bindings::larder::udf::arrow::{Column, TypeNode};
use crate::columns::{ColumnError, Columns};
use crate::{Array, List, ListArray};

/// Feast's `Set(T)`, where `A` is the array of `T`: lists in which no item stands twice. Of equal items
/// that come out of a transformation larder keeps the first.
///
/// ```
/// use larder_guest::{Array, Int64Array, SetArray};
///
/// let stops = SetArray::<Int64Array>::from_iter([Some(vec![3, 7]), None]);
/// let count: Int64Array = stops.iter().map(|stops| stops.map(|stops| stops.len() as i64)).collect();
/// assert_eq!(count, Int64Array::from(vec![Some(2), None]));
/// ```
#[derive(Clone, Default)]
pub struct SetArray<A>(ListArray<A>);

impl<A> sealed::Sealed for SetArray<A> {}

impl<A: Array> Array for SetArray<A> {
    type Item<'a>
        = List<'a, A>
    where
        A: 'a;

    fn len(&self) -> usize {
        self.0.len()
    }

    #[inline]
    fn get(&self, row: usize) -> Option<List<'_, A>> {
        self.0.get(row)
    }

    #[inline]
    fn is_null(&self, row: usize) -> bool {
        self.0.is_null(row)
    }

    fn nodes(nodes: &mut Vec<TypeNode>) {
        nodes.push(TypeNode::Set);
        A::nodes(nodes);
    }

    fn take(columns: &mut Columns, len: usize) -> Result<Self, ColumnError> {
        ListArray::take(columns, len).map(Self)
    }

    fn put(self, columns: &mut Vec<Column>) {
        self.0.put(columns);
    }

    fn push_null(&mut self) {
        self.0.push_null();
    }
}

/// Equal where the items come in the same order.
impl<A: Array> PartialEq for SetArray<A>
where
    for<'a> A::Item<'a>: PartialEq,
{
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<A: Array + fmt::Debug> fmt::Debug for SetArray<A>
where
    for<'a> A::Item<'a>: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<A: Array, S> Extend<Option<S>> for SetArray<A>
where
    ListArray<A>: Extend<Option<S>>,
{
    fn extend<Sets: IntoIterator<Item = Option<S>>>(&mut self, sets: Sets) {
        self.0.extend(sets);
    }
}

impl<A: Array, S> FromIterator<Option<S>> for SetArray<A>
where
    ListArray<A>: FromIterator<Option<S>>,
{
    fn from_iter<Sets: IntoIterator<Item = Option<S>>>(sets: Sets) -> Self {
        Self(sets.into_iter().collect())
    }
}
