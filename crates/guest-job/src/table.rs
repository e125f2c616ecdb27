//! Tables: named columns that are arrays.

use larder_guest::__private::Columns;
use larder_guest::Array;
use larder_guest::bindings::larder::udf::arrow::{Batch, Column, Field, TypeNode};

use crate::Error;
use crate::bindings::larder::job::tables;

/// The names and types of a table's columns.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    fields: Vec<Field>,
}

impl Schema {
    /// Columns of the types of `C`, a tuple of arrays, with these names.
    ///
    /// # Panics
    ///
    /// If there are not as many names as arrays.
    pub fn of<C: TableColumns>(names: &[&str]) -> Self {
        let types = C::types();
        assert_eq!(names.len(), types.len(), "a table has a name for each column: {names:?}");
        let fields = names.iter().zip(types).map(|(name, nodes)| Field { name: (*name).to_owned(), nodes });
        Self { fields: fields.collect() }
    }

    pub(crate) fn from_fields(fields: Vec<Field>) -> Self {
        Self { fields }
    }

    /// The names of the columns, in order.
    pub fn names(&self) -> Vec<&str> {
        self.fields.iter().map(|field| field.name.as_str()).collect()
    }

    pub(crate) fn fields(&self) -> &[Field] {
        &self.fields
    }
}

/// Some rows of named columns.
#[derive(Clone, Debug)]
pub struct Table {
    schema: Schema,
    batch: Batch,
}

impl Table {
    /// A table of a tuple of arrays, with these names.
    ///
    /// ```
    /// use larder_guest_job::{Int64Array, StringArray, Table};
    ///
    /// let drivers = Table::new(&["driver_id", "city"], (Int64Array::from(vec![1001]), StringArray::from(vec!["Łódź"])))?;
    /// assert_eq!(drivers.column::<Int64Array>("driver_id")?, Int64Array::from(vec![1001]));
    /// # Ok::<(), larder_guest_job::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the arrays are not of one length.
    pub fn new<C: TableColumns>(names: &[&str], columns: C) -> Result<Self, Error> {
        Ok(Self { schema: Schema::of::<C>(names), batch: columns.into_batch()? })
    }

    pub(crate) fn from_batch(schema: Schema, batch: Batch) -> Self {
        Self { schema, batch }
    }

    pub(crate) fn from_wit(table: tables::Table) -> Self {
        Self { schema: Schema::from_fields(table.columns), batch: table.rows }
    }

    pub(crate) fn into_wit(self) -> tables::Table {
        tables::Table { columns: self.schema.fields, rows: self.batch }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.batch.row_count as usize
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.batch.row_count == 0
    }

    /// The names of the columns, in order.
    pub fn names(&self) -> Vec<&str> {
        self.schema.names()
    }

    /// The column of a name.
    ///
    /// # Errors
    ///
    /// If there is no such column, or it is of another type.
    pub fn column<A: Array>(&self, name: &str) -> Result<A, Error> {
        let mut start = 0;
        for field in &self.schema.fields {
            let count = field.nodes.len();
            if field.name == name {
                let parts = self.batch.columns.get(start..start + count).unwrap_or_default().to_vec();
                let mut columns = Columns::new(Batch { row_count: self.batch.row_count, columns: parts });
                return columns.argument(name).map_err(Error::invalid);
            }
            start += count;
        }
        let known = self.names().join(", ");
        Err(Error::invalid(format!("there is no column `{name}`, only {known}")))
    }
}

/// The columns of a table: a tuple of arrays.
pub trait TableColumns: Sized {
    #[doc(hidden)]
    fn types() -> Vec<Vec<TypeNode>>;

    #[doc(hidden)]
    fn into_batch(self) -> Result<Batch, Error>;
}

fn nodes<A: Array>() -> Vec<TypeNode> {
    let mut nodes = Vec::new();
    A::nodes(&mut nodes);
    nodes
}

macro_rules! table_columns {
    ($first:ident $(, $array:ident)*) => {
        impl<$first: Array $(, $array: Array)*> TableColumns for ($first, $($array,)*) {
            fn types() -> Vec<Vec<TypeNode>> {
                vec![nodes::<$first>() $(, nodes::<$array>())*]
            }

            #[expect(non_snake_case, reason = "named after their types")]
            fn into_batch(self) -> Result<Batch, Error> {
                let ($first, $($array,)*) = self;
                let rows = $first.len();
                let lengths = [rows $(, $array.len())*];
                if lengths.iter().any(|length| *length != rows) {
                    return Err(Error::invalid(format!("the columns of a table have one length, not {lengths:?}")));
                }
                let row_count = u32::try_from(rows).map_err(|_| Error::invalid("a batch has at most 2^32 rows"))?;
                let mut columns: Vec<Column> = Vec::new();
                $first.put(&mut columns);
                $($array.put(&mut columns);)*
                Ok(Batch { row_count, columns })
            }
        }
    };
}

table_columns!(A);
table_columns!(A, B);
table_columns!(A, B, C);
table_columns!(A, B, C, D);
table_columns!(A, B, C, D, E);
table_columns!(A, B, C, D, E, F);
table_columns!(A, B, C, D, E, F, G);
table_columns!(A, B, C, D, E, F, G, H);
table_columns!(A, B, C, D, E, F, G, H, I);
table_columns!(A, B, C, D, E, F, G, H, I, J);
table_columns!(A, B, C, D, E, F, G, H, I, J, K);
table_columns!(A, B, C, D, E, F, G, H, I, J, K, L);

#[cfg(test)]
mod tests {
    use larder_guest::{Float64Array, Int64Array, ListArray, StringArray};

    use super::*;

    #[test]
    fn columns_are_found_by_name_behind_nested_ones() {
        let lists: ListArray<StringArray> = [Some(vec![Some("a"), None]), None].into_iter().collect();
        let ids = Int64Array::from(vec![Some(1), None]);
        let table = Table::new(&["tags", "id"], (lists.clone(), ids.clone())).unwrap();
        assert_eq!(table.column::<Int64Array>("id").unwrap(), ids);
        assert_eq!(table.column::<ListArray<StringArray>>("tags").unwrap(), lists);
        assert_eq!(
            table.column::<Float64Array>("id").unwrap_err().message,
            "input `id` is of another type than declared"
        );
        assert_eq!(
            table.column::<Int64Array>("ID").unwrap_err().message,
            "there is no column `ID`, only tags, id"
        );
    }

    #[test]
    fn columns_of_different_lengths_are_no_table() {
        let error =
            Table::new(&["a", "b"], (Int64Array::from(vec![1]), Int64Array::from(vec![1, 2]))).unwrap_err();
        assert_eq!(error.message, "the columns of a table have one length, not [1, 2]");
    }
}
