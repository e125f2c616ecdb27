//! Arrays of numbers and of timestamps.

use std::fmt;

use crate::array::{collect, sealed};
use crate::bindings::larder::udf::arrow::{Column, TypeNode, Values};
use crate::bitmap::{Bits, Validity};
use crate::columns::{ColumnError, Columns};
use crate::{Array, Timestamp};

/// A type whose values all have the same size.
pub trait PrimitiveType: sealed::Sealed + 'static {
    /// A value.
    type Value: Copy + Default + PartialEq + fmt::Debug + 'static;

    #[doc(hidden)]
    const NODE: TypeNode;
    #[doc(hidden)]
    fn from_values(values: Values) -> Option<Vec<Self::Value>>;
    #[doc(hidden)]
    fn into_values(values: Vec<Self::Value>) -> Values;
}

/// Values of a fixed size.
#[derive(Clone)]
pub struct PrimitiveArray<T: PrimitiveType> {
    values: Vec<T::Value>,
    validity: Validity,
}

impl<T: PrimitiveType> PrimitiveArray<T> {
    /// The values without their nulls: what stands in the place of a null has no meaning.
    pub fn values(&self) -> &[T::Value] {
        &self.values
    }
}

impl<T: PrimitiveType> sealed::Sealed for PrimitiveArray<T> {}

impl<T: PrimitiveType> Array for PrimitiveArray<T> {
    type Item<'a> = T::Value;

    fn len(&self) -> usize {
        self.values.len()
    }

    #[inline]
    #[expect(clippy::indexing_slicing, reason = "documented to panic")]
    fn get(&self, row: usize) -> Option<T::Value> {
        let value = self.values[row];
        self.validity.is_valid(row).then_some(value)
    }

    #[inline]
    fn is_null(&self, row: usize) -> bool {
        row < self.len() && !self.validity.is_valid(row)
    }

    #[inline]
    fn maybe_valid(&self, block: usize) -> u8 {
        self.validity.byte(block)
    }

    #[inline]
    #[expect(clippy::indexing_slicing, reason = "documented to panic")]
    fn get_maybe_valid(&self, row: usize) -> Option<T::Value> {
        // `maybe_valid` is exact.
        Some(self.values[row])
    }

    fn nodes(nodes: &mut Vec<TypeNode>) {
        nodes.push(T::NODE);
    }

    fn take(columns: &mut Columns, len: usize) -> Result<Self, ColumnError> {
        let (values, validity) = columns.next(len)?;
        let values = T::from_values(values).ok_or(ColumnError::Type)?;
        if values.len() == len { Ok(Self { values, validity }) } else { Err(ColumnError::Length) }
    }

    fn put(self, columns: &mut Vec<Column>) {
        columns.push(Column { validity: self.validity.into_bytes(), values: T::into_values(self.values) });
    }

    fn push_null(&mut self) {
        self.extend([None]);
    }
}

impl<T: PrimitiveType> Default for PrimitiveArray<T> {
    fn default() -> Self {
        Self { values: Vec::new(), validity: Validity::default() }
    }
}

impl<T: PrimitiveType> PartialEq for PrimitiveArray<T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<T: PrimitiveType> fmt::Debug for PrimitiveArray<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<T: PrimitiveType> Extend<Option<T::Value>> for PrimitiveArray<T> {
    fn extend<I: IntoIterator<Item = Option<T::Value>>>(&mut self, items: I) {
        let Self { values, validity } = self;
        let before = values.len();
        let mut bits = Bits::default();
        // Through `Vec::extend`, which knows the length of most iterators and then checks no capacity.
        values.extend(items.into_iter().map(|item| {
            bits.push(item.is_some(), before, validity);
            item.unwrap_or_default()
        }));
        bits.flush(before, validity);
    }
}

collect!(PrimitiveArray<T>, Option<T::Value>, T: PrimitiveType);

macro_rules! primitive {
    ($(#[$doc:meta])* $type:ident, $array:ident, $value:ty, $values:ident) => {
        #[doc = concat!("The type of the values of [`", stringify!($array), "`].")]
        #[derive(Clone, Copy, Debug)]
        pub enum $type {}

        impl sealed::Sealed for $type {}

        impl PrimitiveType for $type {
            type Value = $value;
            const NODE: TypeNode = TypeNode::$values;

            fn from_values(values: Values) -> Option<Vec<$value>> {
                match values {
                    Values::$values(values) => Some(into_same(values)),
                    _ => None,
                }
            }

            fn into_values(values: Vec<$value>) -> Values {
                Values::$values(into_same(values))
            }
        }

        $(#[$doc])*
        pub type $array = PrimitiveArray<$type>;

        impl Extend<$value> for $array {
            fn extend<I: IntoIterator<Item = $value>>(&mut self, items: I) {
                let before = self.values.len();
                self.values.extend(items);
                (before..self.values.len()).for_each(|_| self.validity.push_valid());
            }
        }

        collect!($array, $value);
    };
}

primitive! {
    /// Feast's `Int32`.
    Int32, Int32Array, i32, Int32
}
primitive! {
    /// Feast's `Int64`.
    Int64, Int64Array, i64, Int64
}
primitive! {
    /// Feast's `Float32`.
    Float32, Float32Array, f32, Float32
}
primitive! {
    /// Feast's `Float64`.
    Float64, Float64Array, f64, Float64
}
primitive! {
    /// Feast's `UnixTimestamp`: points in time, to the microsecond.
    UnixTimestamp, TimestampArray, Timestamp, TimestampMicros
}

/// The values as another type of the same bytes; collecting in place, without a new vector.
fn into_same<A: Into<B>, B>(values: Vec<A>) -> Vec<B> {
    values.into_iter().map(Into::into).collect()
}
