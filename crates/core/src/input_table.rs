//! Tables from outside: the rows of a push or a write, before their types are known.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use serde_json::Value;

use crate::{RequestError, ValueType, column};

/// A table that a caller sent: columns of JSON values, or of Arrow arrays of any type.
///
/// Nothing is interpreted until a column is asked for by name and declared type, so each value is
/// converted once, by the rules of [`column`](mod@column).
///
/// ```
/// use larder_core::{InputTable, ValueType};
/// use serde_json::json;
///
/// let table = InputTable::from_json(vec![("trips".to_owned(), vec![json!(7), json!("8"), json!(null)])])?;
/// assert_eq!(table.len(), 3);
/// assert_eq!(table.column("trips", &ValueType::INT64)?.expect("it is there").null_count(), 1);
/// # Ok::<(), larder_core::RequestError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct InputTable {
    columns: Vec<(String, InputColumn)>,
    len: usize,
}

/// The values of one column that a caller sent.
#[derive(Clone, Debug, PartialEq)]
pub enum InputColumn {
    /// Values from HTTP or the command line.
    Json(Vec<Value>),
    /// Values from a program.
    Arrow(ArrayRef),
}

impl InputColumn {
    /// How many rows it has.
    pub fn len(&self) -> usize {
        match self {
            Self::Json(values) => values.len(),
            Self::Arrow(array) => array.len(),
        }
    }

    /// Whether it has no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values as an array of the declared type; `column` is its name, for errors.
    ///
    /// # Errors
    ///
    /// As [`column::column_from_json`] and [`column::cast_column`].
    pub fn to_array(&self, column: &str, value_type: &ValueType) -> Result<ArrayRef, RequestError> {
        match self {
            Self::Json(values) => column::column_from_json(column, value_type, values),
            Self::Arrow(array) => column::cast_column(column, array, value_type),
        }
    }

    fn is_all_null(&self) -> bool {
        match self {
            Self::Json(values) => values.iter().all(Value::is_null),
            Self::Arrow(array) => array.logical_null_count() == array.len(),
        }
    }
}

impl InputTable {
    /// A table of columns. Of two columns with one name the later counts, as in any JSON object.
    ///
    /// # Errors
    ///
    /// [`RequestError::UnevenColumns`] if the columns have different lengths.
    pub fn from_columns(columns: Vec<(String, InputColumn)>) -> Result<Self, RequestError> {
        let columns = last_of_each_name(columns);
        let mut lengths = columns.iter().map(|(_, values)| values.len());
        let len = lengths.next().unwrap_or_default();
        if lengths.any(|length| length != len) {
            return Err(RequestError::UnevenColumns);
        }
        Ok(Self { columns, len })
    }

    /// A table of JSON columns, as [`from_columns`](Self::from_columns).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn from_json(columns: Vec<(String, Vec<Value>)>) -> Result<Self, RequestError> {
        let columns = columns.into_iter().map(|(name, values)| (name, InputColumn::Json(values)));
        Self::from_columns(columns.collect())
    }

    /// A table of Arrow columns.
    pub fn from_arrow(rows: &RecordBatch) -> Self {
        let names = rows.schema_ref().fields().iter().map(|field| field.name().clone());
        let arrays = rows.columns().iter().map(|array| InputColumn::Arrow(Arc::clone(array)));
        let columns = last_of_each_name(names.zip(arrays).collect());
        Self { columns, len: rows.num_rows() }
    }

    /// Adds the rows of another table.
    ///
    /// # Errors
    ///
    /// The other table, if it does not have the same columns, or if one of the two has Arrow arrays; this
    /// one then stays as it was.
    pub fn append(&mut self, other: Self) -> Result<(), Self> {
        let is_json = |column: Option<&InputColumn>| matches!(column, Some(InputColumn::Json(_)));
        let same = self.columns.len() == other.columns.len()
            && self.columns.iter().all(|(name, column)| is_json(Some(column)) && is_json(other.find(name)));
        if !same {
            return Err(other);
        }
        for (name, values) in other.columns {
            let known = self.columns.iter_mut().find(|(known, _)| *known == name);
            if let (Some((_, InputColumn::Json(known))), InputColumn::Json(values)) = (known, values) {
                known.extend(values);
            }
        }
        self.len += other.len;
        Ok(())
    }

    /// How many rows it has.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has no rows.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The names of the columns, in order.
    pub fn column_names(&self) -> Vec<&str> {
        self.columns.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Whether it has a column of this name.
    pub fn has_column(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Whether a column has nothing but nulls, or no rows; `None` if there is no such column.
    pub fn is_all_null(&self, name: &str) -> Option<bool> {
        self.find(name).map(InputColumn::is_all_null)
    }

    /// The column of this name, converted to `value_type`; `None` if there is no such column.
    ///
    /// # Errors
    ///
    /// As [`InputColumn::to_array`].
    pub fn column(&self, name: &str, value_type: &ValueType) -> Result<Option<ArrayRef>, RequestError> {
        self.find(name).map(|column| column.to_array(name, value_type)).transpose()
    }

    fn find(&self, name: &str) -> Option<&InputColumn> {
        self.columns.iter().find(|(known, _)| known == name).map(|(_, column)| column)
    }
}

fn last_of_each_name<T>(columns: Vec<(String, T)>) -> Vec<(String, T)> {
    let mut kept: Vec<(String, T)> = Vec::with_capacity(columns.len());
    let mut positions = HashMap::with_capacity(columns.len());
    for (name, values) in columns {
        if let Some(known) = positions.get(&name).and_then(|at: &usize| kept.get_mut(*at)) {
            known.1 = values;
        } else {
            positions.insert(name.clone(), kept.len());
            kept.push((name, values));
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray, Int32Array};
    use arrow::datatypes::Int64Type;
    use serde_json::json;

    use super::*;

    fn json_table(columns: &[(&str, Value)]) -> Result<InputTable, RequestError> {
        let columns = columns.iter().map(|(name, values)| {
            let values = values.as_array().expect("the test passes arrays").clone();
            ((*name).to_owned(), values)
        });
        InputTable::from_json(columns.collect())
    }

    #[test]
    fn columns_of_different_lengths_are_refused_with_feasts_text() {
        let error = json_table(&[("a", json!([1, 2])), ("b", json!([1]))]).unwrap_err();
        assert_eq!(error.to_string(), "All arrays must be of the same length");
        assert_eq!(json_table(&[]).unwrap().len(), 0);
    }

    #[test]
    fn the_later_of_two_columns_with_one_name_counts_in_the_place_of_the_first() {
        let table = json_table(&[("a", json!([1])), ("b", json!([2])), ("a", json!([3]))]).unwrap();
        assert_eq!(table.column_names(), ["a", "b"]);
        let column = table.column("a", &ValueType::INT64).unwrap().unwrap();
        assert_eq!(column.as_primitive::<Int64Type>().value(0), 3);
    }

    #[test]
    fn rows_of_a_table_with_the_same_columns_in_any_order_are_appended() {
        let mut table = json_table(&[("a", json!([1])), ("b", json!(["x"]))]).unwrap();
        table.append(json_table(&[("b", json!(["y"])), ("a", json!([2]))]).unwrap()).unwrap();
        assert_eq!(table, json_table(&[("a", json!([1, 2])), ("b", json!(["x", "y"]))]).unwrap());
        for other in [json_table(&[("a", json!([3]))]), json_table(&[("a", json!([3])), ("c", json!([3]))])] {
            let other = other.unwrap();
            assert_eq!(table.append(other.clone()), Err(other));
        }
        assert_eq!(table.len(), 2);
    }

    #[test]
    fn json_and_arrow_columns_become_the_same_array_of_the_declared_type() {
        let json = json_table(&[("a", json!([1, null]))]).unwrap();
        let ints: ArrayRef = Arc::new(Int32Array::from(vec![Some(1), None]));
        let arrow = InputTable::from_arrow(&RecordBatch::try_from_iter([("a", ints)]).unwrap());
        for table in [json, arrow] {
            assert_eq!((table.len(), table.column_names()), (2, vec!["a"]));
            let column = table.column("a", &ValueType::INT64).unwrap().unwrap();
            assert_eq!(column.as_primitive::<Int64Type>().iter().collect::<Vec<_>>(), [Some(1), None]);
            assert_eq!(table.column("b", &ValueType::INT64), Ok(None));
            assert_eq!((table.is_all_null("a"), table.is_all_null("b")), (Some(false), None));
        }
    }
}
