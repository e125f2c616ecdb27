//! Conditions on the rows that a search may find.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use serde::Deserialize;
use serde_json::Value;

/// A condition on the join keys and features of a row, in Feast's JSON.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Filter {
    /// Several conditions: `{"type": "and", "filters": […]}`.
    Compound {
        /// How they are joined.
        #[serde(rename = "type")]
        join: Join,
        /// The conditions.
        filters: Vec<Filter>,
    },
    /// One value against another: `{"type": "gte", "key": "year", "value": 2020}`.
    Comparison {
        /// What must hold.
        #[serde(rename = "type")]
        operator: Operator,
        /// The join key or feature.
        key: String,
        /// What it is compared with; a list for `in` and `nin`.
        value: Value,
    },
}

/// How conditions are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Join {
    /// All must hold.
    And,
    /// One must hold.
    Or,
}

/// What must hold between a value and that of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Operator {
    Eq,
    Ne,
    Gt,
    Gte,
    Lt,
    Lte,
    In,
    Nin,
}

impl Filter {
    /// The names it asks for, each once.
    pub(crate) fn keys(&self) -> Vec<&str> {
        let mut keys = match self {
            Self::Comparison { key, .. } => vec![key.as_str()],
            Self::Compound { filters, .. } => filters.iter().flat_map(Self::keys).collect(),
        };
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// Whether a row passes; `column` has the columns of the rows by name. As in SQL a null, or a value of
    /// another kind than that of the condition, passes no comparison.
    pub(crate) fn passes<'a>(&self, row: usize, column: &impl Fn(&str) -> Option<&'a ArrayRef>) -> bool {
        match self {
            Self::Compound { join: Join::And, filters } => {
                filters.iter().all(|filter| filter.passes(row, column))
            }
            Self::Compound { join: Join::Or, filters } => {
                filters.iter().any(|filter| filter.passes(row, column))
            }
            Self::Comparison { operator, key, value } => {
                let cell = column(key).and_then(|column| Cell::of(column, row));
                cell.is_some_and(|cell| cell.compares(*operator, value))
            }
        }
    }
}

/// A value that can be compared.
#[derive(Debug)]
enum Cell<'a> {
    Whole(i64),
    Number(f64),
    Text(&'a str),
    Truth(bool),
}

impl<'a> Cell<'a> {
    fn of(column: &'a ArrayRef, row: usize) -> Option<Self> {
        if column.is_null(row) {
            return None;
        }
        match column.data_type() {
            DataType::Utf8 => Some(Self::Text(column.as_string::<i32>().value(row))),
            DataType::Boolean => Some(Self::Truth(column.as_boolean().value(row))),
            DataType::Int32 | DataType::Int64 => {
                let whole = cast(&column.slice(row, 1), &DataType::Int64).ok()?;
                Some(Self::Whole(whole.as_primitive::<Int64Type>().value(0)))
            }
            DataType::Float32 | DataType::Float64 => {
                let number = cast(&column.slice(row, 1), &DataType::Float64).ok()?;
                Some(Self::Number(number.as_primitive::<Float64Type>().value(0)))
            }
            _ => None,
        }
    }

    fn compares(&self, operator: Operator, value: &Value) -> bool {
        use std::cmp::Ordering::{Equal, Greater, Less};
        match operator {
            Operator::In => {
                value.as_array().is_some_and(|all| all.iter().any(|one| self.order(one) == Some(Equal)))
            }
            Operator::Nin => {
                value.as_array().is_some_and(|all| all.iter().all(|one| self.order(one) != Some(Equal)))
            }
            Operator::Eq => self.order(value) == Some(Equal),
            Operator::Ne => !value.is_null() && self.order(value) != Some(Equal),
            Operator::Gt => self.order(value) == Some(Greater),
            Operator::Gte => matches!(self.order(value), Some(Greater | Equal)),
            Operator::Lt => self.order(value) == Some(Less),
            Operator::Lte => matches!(self.order(value), Some(Less | Equal)),
        }
    }

    /// How it lies to a value of the same kind.
    fn order(&self, value: &Value) -> Option<std::cmp::Ordering> {
        match (self, value) {
            (Self::Text(text), Value::String(other)) => Some((*text).cmp(other.as_str())),
            (Self::Truth(truth), Value::Bool(other)) => Some(truth.cmp(other)),
            (Self::Whole(whole), Value::Number(other)) => match other.as_i64() {
                Some(other) => Some(whole.cmp(&other)),
                #[expect(clippy::cast_precision_loss, reason = "the other number has a fraction")]
                None => (*whole as f64).partial_cmp(&other.as_f64()?),
            },
            (Self::Number(number), Value::Number(other)) => number.partial_cmp(&other.as_f64()?),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{BooleanArray, Float32Array, Int64Array, StringArray};
    use serde_json::json;

    use super::*;

    #[test]
    fn conditions_are_feasts_and_nulls_pass_none() {
        let columns: [(&str, ArrayRef); 4] = [
            ("year", Arc::new(Int64Array::from(vec![Some(1999), Some(2020), None]))),
            ("city", Arc::new(StringArray::from(vec!["Bern", "Oslo", "Rome"]))),
            ("rate", Arc::new(Float32Array::from(vec![0.5, 1.5, 2.5]))),
            ("open", Arc::new(BooleanArray::from(vec![true, false, true]))),
        ];
        let column = |name: &str| columns.iter().find(|(known, _)| *known == name).map(|(_, array)| array);
        for (filter, expected) in [
            (json!({"type": "eq", "key": "city", "value": "Oslo"}), vec![1]),
            (json!({"type": "ne", "key": "year", "value": 2020}), vec![0]),
            (json!({"type": "gte", "key": "year", "value": 1999.5}), vec![1]),
            (json!({"type": "lt", "key": "rate", "value": 2}), vec![0, 1]),
            (json!({"type": "in", "key": "city", "value": ["Rome", "Bern"]}), vec![0, 2]),
            (json!({"type": "nin", "key": "year", "value": [2020]}), vec![0]),
            (json!({"type": "gt", "key": "city", "value": 7}), vec![]),
            (json!({"type": "eq", "key": "nope", "value": 1}), vec![]),
            (
                json!({"type": "or", "filters": [
                    {"type": "eq", "key": "year", "value": 2020},
                    {"type": "and", "filters": [
                        {"type": "eq", "key": "open", "value": true},
                        {"type": "lte", "key": "rate", "value": 0.5},
                    ]},
                ]}),
                vec![0, 1],
            ),
        ] {
            let read: Filter = serde_json::from_value(filter.clone()).unwrap();
            let passed: Vec<usize> = (0..3).filter(|row| read.passes(*row, &column)).collect();
            assert_eq!(passed, expected, "{filter}");
        }
        assert!(serde_json::from_value::<Filter>(json!({"type": "like", "key": "a", "value": 1})).is_err());
    }
}
