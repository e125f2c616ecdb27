//! Several columns, row by row.

use crate::Array;

/// Columns that are read row by row: a tuple of references to arrays of the same length.
pub trait RowColumns<'a>: Copy {
    /// The values of a row, each `None` where it is null.
    type Row;
    /// The values of a row without nulls.
    type Values;

    /// The rows of the shortest column.
    fn row_count(self) -> usize;

    /// Row `row`.
    fn row(self, row: usize) -> Self::Row;

    /// Row `row`, or `None` where any value of it is null.
    fn values(self, row: usize) -> Option<Self::Values>;

    /// One bit for each of the 8 rows from `8 * block`: clear where a value is known to be null.
    #[doc(hidden)]
    fn maybe_valid(self, block: usize) -> u8;

    /// Row `row`, whose bit of `maybe_valid` is set.
    #[doc(hidden)]
    fn maybe_values(self, row: usize) -> Option<Self::Values>;
}

/// All rows of some columns.
///
/// ```
/// use larder_guest::{Float64Array, Int64Array, rows};
///
/// let fare = Float64Array::from(vec![Some(10.0), None]);
/// let riders = Int64Array::from(vec![Some(4), Some(2)]);
/// let share: Float64Array = rows((&fare, &riders))
///     .map(|(fare, riders)| Some(fare.unwrap_or(7.0) / riders? as f64))
///     .collect();
/// assert_eq!(share, Float64Array::from(vec![2.5, 3.5]));
/// ```
///
/// Rows of several outputs are collected into several arrays:
///
/// ```
/// # use larder_guest::{BooleanArray, Float64Array, rows};
/// # let fare = Float64Array::from(vec![Some(10.0), None]);
/// let (half, known): (Float64Array, BooleanArray) =
///     rows((&fare,)).map(|(fare,)| (fare.map(|fare| fare / 2.0), Some(fare.is_some()))).collect();
/// # assert_eq!(known, BooleanArray::from(vec![true, false]));
/// # drop(half);
/// ```
pub fn rows<'a, C: RowColumns<'a>>(columns: C) -> impl ExactSizeIterator<Item = C::Row> {
    (0..columns.row_count()).map(move |row| columns.row(row))
}

/// Computes one value from each row; where any of the inputs is null, so is the output.
///
/// ```
/// use larder_guest::{Float64Array, Int64Array, map_rows};
///
/// let fare = Float64Array::from(vec![Some(10.0), None, Some(9.0)]);
/// let riders = Int64Array::from(vec![Some(4), Some(2), Some(3)]);
/// let share: Float64Array = map_rows((&fare, &riders), |(fare, riders)| fare / riders as f64);
/// assert_eq!(share, Float64Array::from(vec![Some(2.5), None, Some(3.0)]));
/// ```
pub fn map_rows<'a, C, T, O>(columns: C, mut value: impl FnMut(C::Values) -> T) -> O
where
    C: RowColumns<'a>,
    O: FromIterator<Option<T>>,
{
    let mut valid = 0;
    let rows = (0..columns.row_count()).map(|row| {
        if row.is_multiple_of(8) {
            valid = columns.maybe_valid(row / 8);
        }
        let is_valid = valid & 1 == 1;
        valid >>= 1;
        if is_valid { columns.maybe_values(row).map(&mut value) } else { None }
    });
    rows.collect()
}

macro_rules! row_columns {
    ($($array:ident $column:ident),+) => {
        impl<'a, $($array: Array),+> RowColumns<'a> for ($(&'a $array,)+) {
            type Row = ($(Option<$array::Item<'a>>,)+);
            type Values = ($($array::Item<'a>,)+);

            fn row_count(self) -> usize {
                let ($($column,)+) = self;
                [$($column.len()),+].into_iter().min().unwrap_or_default()
            }

            #[inline]
            fn row(self, row: usize) -> Self::Row {
                let ($($column,)+) = self;
                ($($column.get(row),)+)
            }

            #[inline]
            fn values(self, row: usize) -> Option<Self::Values> {
                let ($($column,)+) = self;
                Some(($($column.get(row)?,)+))
            }

            #[inline]
            fn maybe_valid(self, block: usize) -> u8 {
                let ($($column,)+) = self;
                u8::MAX $(& $column.maybe_valid(block))+
            }

            #[inline]
            fn maybe_values(self, row: usize) -> Option<Self::Values> {
                let ($($column,)+) = self;
                Some(($($column.get_maybe_valid(row)?,)+))
            }
        }
    };
}

row_columns!(A a);
row_columns!(A a, B b);
row_columns!(A a, B b, C c);
row_columns!(A a, B b, C c, D d);
row_columns!(A a, B b, C c, D d, E e);
row_columns!(A a, B b, C c, D d, E e, F f);
row_columns!(A a, B b, C c, D d, E e, F f, G g);
row_columns!(A a, B b, C c, D d, E e, F f, G g, H h);
row_columns!(A a, B b, C c, D d, E e, F f, G g, H h, I i);
row_columns!(A a, B b, C c, D d, E e, F f, G g, H h, I i, J j);
row_columns!(A a, B b, C c, D d, E e, F f, G g, H h, I i, J j, K k);
row_columns!(A a, B b, C c, D d, E e, F f, G g, H h, I i, J j, K k, L l);
