//! Rows as JSON cells: what is generated, made smaller, shown and saved.

use std::fmt;

use arrow::array::RecordBatch;
use larder_core::column::column_from_json;
use larder_core::{Field, RequestError};
use serde_json::Value;

use crate::input_table::{json_rows, table};

/// Rows of declared columns, cell by cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// The columns.
    pub fields: Vec<Field>,
    /// A list for each row, with a cell for each column.
    pub cells: Vec<Vec<Value>>,
}

impl Rows {
    /// The rows of a table of `fields`.
    pub fn of(fields: &[Field], rows: &RecordBatch) -> Self {
        Self { fields: fields.to_vec(), cells: json_rows(rows) }
    }

    /// The rows as a table.
    ///
    /// # Errors
    ///
    /// [`RequestError::InvalidValue`] names column, row and value of the first cell that does not fit.
    pub fn to_table(&self) -> Result<RecordBatch, RequestError> {
        let column = |(at, field): (usize, &Field)| {
            let values = self.cells.iter().map(|row| row.get(at).unwrap_or(&Value::Null));
            column_from_json(&field.name, &field.value_type, values)
        };
        let columns = self.fields.iter().enumerate().map(column).collect::<Result<_, _>>()?;
        Ok(table(&self.fields, columns, self.cells.len()))
    }

    /// The rows for people.
    pub fn grid(&self) -> Grid {
        Grid {
            headers: self.fields.iter().map(|field| field.name.clone()).collect(),
            rows: self.cells.iter().map(|row| row.iter().map(shown).collect()).collect(),
        }
    }
}

/// A cell for people: text as it is where it cannot be taken for something else.
pub(crate) fn shown(value: &Value) -> String {
    const LONGEST: usize = 60;
    let text = match value {
        Value::Null => return "null".to_owned(),
        Value::String(text) if is_plain(text) => text.clone(),
        other => other.to_string(),
    };
    if text.chars().count() <= LONGEST {
        return text;
    }
    let start: String = text.chars().take(LONGEST - 20).collect();
    format!("{start}… ({} characters)", text.chars().count())
}

/// Whether text reads the same without quotes.
fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text.trim() == text
        && !matches!(text, "null" | "true" | "false")
        && text
            .chars()
            .all(|c| c.is_alphanumeric() || c.is_ascii_punctuation() && c != '"' && c != '|' || c == ' ')
        && (text.parse::<f64>().is_err() || matches!(text, "NaN" | "Infinity" | "-Infinity"))
}

/// A table for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grid {
    /// The names of the columns.
    pub headers: Vec<String>,
    /// The cells, row by row.
    pub rows: Vec<Vec<String>>,
}

impl fmt::Display for Grid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.chain(self.headers.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.headers.len()).map(width).collect();
        let line = |cells: &[String]| {
            let padded = cells.iter().zip(&widths).map(|(cell, width)| format!(" {cell:<width$} "));
            format!("|{}|", padded.collect::<Vec<_>>().join("|"))
        };
        let rule: Vec<String> = widths.iter().map(|width| "-".repeat(width + 2)).collect();
        writeln!(f, "{}", line(&self.headers))?;
        writeln!(f, "|{}|", rule.join("|"))?;
        self.rows.iter().try_for_each(|row| writeln!(f, "{}", line(row)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_cell_is_quoted_where_it_could_be_taken_for_something_else() {
        let cells = [
            json!(null),
            json!("null"),
            json!("a b"),
            json!(""),
            json!("1.5"),
            json!(1.5),
            json!("NaN"),
            json!("a|b"),
        ];
        let shown: Vec<String> = cells.iter().map(shown).collect();
        assert_eq!(shown, ["null", "\"null\"", "a b", "\"\"", "\"1.5\"", "1.5", "NaN", "\"a|b\""]);
    }

    #[test]
    fn a_grid_is_as_wide_as_its_cells() {
        let grid = Grid {
            headers: vec!["a".to_owned(), "long".to_owned()],
            rows: vec![vec!["äöü".to_owned(), "1".to_owned()]],
        };
        assert_eq!(grid.to_string(), "| a   | long |\n|-----|------|\n| äöü | 1    |\n");
    }
}
