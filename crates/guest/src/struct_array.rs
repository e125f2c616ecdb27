//! Arrays of structs.

use std::fmt;

use crate::Array;
use crate::array::sealed;
use crate::bindings::larder::udf::arrow::{Column, TypeNode, Values};
use crate::bitmap::Validity;
use crate::columns::{ColumnError, Columns};

/// The fields of a struct: their names and their arrays. [`structure!`](crate::structure) writes it.
pub trait Structure: 'static {
    /// The names of the fields.
    const NAMES: &'static [&'static str];

    /// The arrays of the fields, in the order of their names: a tuple.
    type Columns: StructColumns;
}

/// Names the fields of a struct.
///
/// ```
/// use larder_guest::{Array, Float64Array, StringArray, StructArray, map_rows};
///
/// larder_guest::structure! {
///     /// A place on the map.
///     Place { city: StringArray, latitude: Float64Array }
/// }
///
/// // One value is a tuple of the fields, each `None` where it is null.
/// let home = StructArray::<Place>::from_iter([Some((Some("Oslo"), Some(59.9))), None]);
/// let is_north: larder_guest::BooleanArray =
///     home.iter().map(|home| home.and_then(|(_, latitude)| Some(latitude? > 0.0))).collect();
/// assert_eq!(is_north, larder_guest::BooleanArray::from(vec![Some(true), None]));
///
/// // Or column by column.
/// let (city, _) = home.columns();
/// assert_eq!(city.get(0), Some("Oslo"));
/// ```
#[macro_export]
macro_rules! structure {
    ($(#[$doc:meta])* $visibility:vis $name:ident { $($field:ident: $array:ty),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        $visibility enum $name {}

        impl $crate::Structure for $name {
            const NAMES: &'static [&'static str] = &[$(stringify!($field)),+];

            type Columns = ($($array,)+);
        }
    };
}

/// Feast's `Struct({…})`, where `S` names the fields.
pub struct StructArray<S: Structure> {
    columns: S::Columns,
    validity: Validity,
    len: usize,
}

impl<S: Structure> StructArray<S> {
    /// The arrays of the fields. What they hold where the struct is null has no meaning.
    pub fn columns(&self) -> &S::Columns {
        &self.columns
    }
}

impl<S: Structure> sealed::Sealed for StructArray<S> {}

impl<S: Structure> Array for StructArray<S> {
    type Item<'a> = <S::Columns as StructColumns>::Row<'a>;

    fn len(&self) -> usize {
        self.len
    }

    #[inline]
    fn get(&self, row: usize) -> Option<Self::Item<'_>> {
        assert!(row < self.len, "row {row} of an array of {} values", self.len);
        self.validity.is_valid(row).then(|| self.columns.row(row))
    }

    #[inline]
    fn is_null(&self, row: usize) -> bool {
        row < self.len && !self.validity.is_valid(row)
    }

    fn nodes(nodes: &mut Vec<TypeNode>) {
        // A field that is called like a keyword of Rust is written `r#type`.
        let names = S::NAMES.iter().map(|name| name.strip_prefix("r#").unwrap_or(name).to_owned());
        nodes.push(TypeNode::Struct(names.collect()));
        S::Columns::nodes(nodes);
    }

    fn take(columns: &mut Columns, len: usize) -> Result<Self, ColumnError> {
        let (values, validity) = columns.next(len)?;
        let Values::Parent = values else { return Err(ColumnError::Type) };
        Ok(Self { columns: S::Columns::take(columns, len)?, validity, len })
    }

    fn put(self, columns: &mut Vec<Column>) {
        columns.push(Column { validity: self.validity.into_bytes(), values: Values::Parent });
        self.columns.put(columns);
    }

    fn push_null(&mut self) {
        self.validity.push_null(self.len);
        self.columns.push_null();
        self.len += 1;
    }
}

impl<S: Structure> Clone for StructArray<S> {
    fn clone(&self) -> Self {
        Self { columns: self.columns.clone(), validity: self.validity.clone(), len: self.len }
    }
}

impl<S: Structure> Default for StructArray<S> {
    fn default() -> Self {
        Self { columns: S::Columns::default(), validity: Validity::default(), len: 0 }
    }
}

impl<S: Structure> PartialEq for StructArray<S>
where
    for<'a> <S::Columns as StructColumns>::Row<'a>: PartialEq,
{
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<S: Structure> fmt::Debug for StructArray<S>
where
    for<'a> <S::Columns as StructColumns>::Row<'a>: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<S: Structure, R> Extend<Option<R>> for StructArray<S>
where
    S::Columns: Extend<R>,
{
    fn extend<Rows: IntoIterator<Item = Option<R>>>(&mut self, rows: Rows) {
        for row in rows {
            match row {
                Some(row) => {
                    self.columns.extend([row]);
                    self.validity.push_valid();
                    self.len += 1;
                }
                None => self.push_null(),
            }
        }
    }
}

impl<S: Structure, R> FromIterator<Option<R>> for StructArray<S>
where
    S::Columns: Extend<R>,
{
    fn from_iter<Rows: IntoIterator<Item = Option<R>>>(rows: Rows) -> Self {
        let mut array = Self::default();
        array.extend(rows);
        array
    }
}

/// A tuple of arrays of the same length.
pub trait StructColumns: Clone + Default {
    /// One row: the value of each array, `None` where it is null.
    type Row<'a>
    where
        Self: 'a;

    #[doc(hidden)]
    fn row(&self, row: usize) -> Self::Row<'_>;
    #[doc(hidden)]
    fn nodes(nodes: &mut Vec<TypeNode>);
    #[doc(hidden)]
    fn take(columns: &mut Columns, len: usize) -> Result<Self, ColumnError>;
    #[doc(hidden)]
    fn put(self, columns: &mut Vec<Column>);
    #[doc(hidden)]
    fn push_null(&mut self);
}

macro_rules! struct_columns {
    ($($array:ident $column:ident),+) => {
        impl<$($array: Array + Clone),+> StructColumns for ($($array,)+) {
            type Row<'a> = ($(Option<$array::Item<'a>>,)+) where Self: 'a;

            #[inline]
            fn row(&self, row: usize) -> Self::Row<'_> {
                let ($($column,)+) = self;
                ($($column.get(row),)+)
            }

            fn nodes(nodes: &mut Vec<TypeNode>) {
                $($array::nodes(nodes);)+
            }

            fn take(columns: &mut Columns, len: usize) -> Result<Self, ColumnError> {
                Ok(($($array::take(columns, len)?,)+))
            }

            fn put(self, columns: &mut Vec<Column>) {
                let ($($column,)+) = self;
                $($column.put(columns);)+
            }

            fn push_null(&mut self) {
                let ($($column,)+) = self;
                $($column.push_null();)+
            }
        }
    };
}

struct_columns!(A a);
struct_columns!(A a, B b);
struct_columns!(A a, B b, C c);
struct_columns!(A a, B b, C c, D d);
struct_columns!(A a, B b, C c, D d, E e);
struct_columns!(A a, B b, C c, D d, E e, F f);
struct_columns!(A a, B b, C c, D d, E e, F f, G g);
struct_columns!(A a, B b, C c, D d, E e, F f, G g, H h);
struct_columns!(A a, B b, C c, D d, E e, F f, G g, H h, I i);
struct_columns!(A a, B b, C c, D d, E e, F f, G g, H h, I i, J j);
struct_columns!(A a, B b, C c, D d, E e, F f, G g, H h, I i, J j, K k);
struct_columns!(A a, B b, C c, D d, E e, F f, G g, H h, I i, J j, K k, L l);
