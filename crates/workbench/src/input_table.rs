//! Rows of a file or of JSON as the columns that a function declares.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray as _, RecordBatch, RecordBatchOptions};
use arrow::datatypes::Schema;
use larder_core::column::{cast_column, column_from_json, json_value};
use larder_core::{Field, FileFormat, RequestError};
use larder_offline::OfflineError;
use larder_offline::table::{read_table, read_text_table};
use serde_json::{Map, Value};

/// A table of declared columns, with what its file has beyond them.
#[derive(Debug)]
pub struct InputTable {
    /// The rows `[rows × fields]`, of the Arrow types of the fields.
    pub rows: RecordBatch,
    /// Columns that were not asked for.
    pub left_out: Vec<String>,
}

/// Why rows do not become a function's columns.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// A file cannot be read.
    #[error("`{}` cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A CSV or Parquet file cannot be read.
    #[error(transparent)]
    Table(#[from] OfflineError),
    /// A text is not JSON.
    #[error("`{}`, line {line}: not JSON", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The cause.
        source: serde_json::Error,
    },
    /// JSON of another form than rows.
    #[error("`{}` must be a list of objects, or an object of lists of one length", path.display())]
    NoRows {
        /// The file.
        path: PathBuf,
    },
    /// A column is missing.
    #[error("there is no column `{column}`, which the function takes; there {found}")]
    MissingColumn {
        /// The column.
        column: String,
        /// What there is.
        found: String,
    },
    /// A value does not fit its column's type.
    #[error(transparent)]
    Value(#[from] RequestError),
}

/// Reads the rows of a JSON, NDJSON, CSV or Parquet file as `fields`, by the table of
/// [`larder_core::column`]. JSON is a list of objects, or an object of lists. A field that an object
/// lacks is null; a column that no row has is an error.
///
/// # Errors
///
/// [`TableError`] names the file, or column and row (from 0) of the value that does not fit.
pub fn read_input(path: &Path, fields: &[Field]) -> Result<InputTable, TableError> {
    read(path, fields, true)
}

/// As [`read_input`], with only those columns that the file has.
pub(crate) fn read_some(path: &Path, fields: &[Field]) -> Result<InputTable, TableError> {
    read(path, fields, false)
}

fn read(path: &Path, fields: &[Field], all: bool) -> Result<InputTable, TableError> {
    if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json")) {
        let text = read_text(path)?;
        let value = serde_json::from_str(&text).map_err(|source| TableError::Json {
            path: path.to_owned(),
            line: source.line(),
            source,
        })?;
        let objects = objects_of(value).ok_or_else(|| TableError::NoRows { path: path.to_owned() })?;
        return from_objects(&objects, fields, all);
    }
    match FileFormat::from_path(&path.to_string_lossy()) {
        Some(FileFormat::NdJson) => {
            let mut objects = Vec::new();
            for (at, line) in read_text(path)?.lines().enumerate().filter(|(_, line)| !line.trim().is_empty())
            {
                objects.push(serde_json::from_str(line).map_err(|source| TableError::Json {
                    path: path.to_owned(),
                    line: at + 1,
                    source,
                })?);
            }
            from_objects(&objects, fields, all)
        }
        Some(FileFormat::Csv) => {
            let table = read_text_table(path)?;
            from_columns(&table, fields, all, |field, column| {
                let texts: Vec<Value> = column.as_string::<i32>().iter().map(Value::from).collect();
                Ok(column_from_json(&field.name, &field.value_type, &texts)?)
            })
        }
        // The reader tells which formats there are.
        Some(_) | None => {
            let table = read_table(path)?;
            from_columns(&table, fields, all, |field, column| {
                Ok(cast_column(&field.name, column, &field.value_type)?)
            })
        }
    }
}

fn read_text(path: &Path) -> Result<String, TableError> {
    std::fs::read_to_string(path).map_err(|source| TableError::Unreadable { path: path.to_owned(), source })
}

/// A list of objects, or the rows of an object of lists.
fn objects_of(value: Value) -> Option<Vec<Map<String, Value>>> {
    match value {
        Value::Array(items) => items
            .into_iter()
            .map(|item| match item {
                Value::Object(object) => Some(object),
                _ => None,
            })
            .collect(),
        Value::Object(columns) => {
            let rows = columns.values().next().and_then(Value::as_array).map_or(0, Vec::len);
            let mut objects = vec![Map::new(); rows];
            for (name, values) in columns {
                let Value::Array(values) = values else { return None };
                if values.len() != rows {
                    return None;
                }
                for (object, value) in objects.iter_mut().zip(values) {
                    object.insert(name.clone(), value);
                }
            }
            Some(objects)
        }
        _ => None,
    }
}

fn from_objects(
    objects: &[Map<String, Value>],
    fields: &[Field],
    all: bool,
) -> Result<InputTable, TableError> {
    let mut names: Vec<String> = Vec::new();
    for name in objects.iter().flat_map(Map::keys) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    // Without rows there is no telling which columns are missing.
    let fields = if objects.is_empty() { fields.to_vec() } else { found(fields, &names, all)? };
    let columns = fields.iter().map(|field| {
        let values = objects.iter().map(|object| object.get(&field.name).unwrap_or(&Value::Null));
        column_from_json(&field.name, &field.value_type, values)
    });
    let rows = table(&fields, columns.collect::<Result<_, _>>()?, objects.len());
    names.retain(|name| fields.iter().all(|field| field.name != *name));
    Ok(InputTable { rows, left_out: names })
}

fn from_columns(
    table_read: &RecordBatch,
    fields: &[Field],
    all: bool,
    column: impl Fn(&Field, &ArrayRef) -> Result<ArrayRef, TableError>,
) -> Result<InputTable, TableError> {
    let mut names: Vec<String> =
        table_read.schema_ref().fields().iter().map(|field| field.name().clone()).collect();
    let fields = found(fields, &names, all)?;
    let columns = fields
        .iter()
        .filter_map(|field| table_read.column_by_name(&field.name).map(|found| column(field, found)));
    let rows = table(&fields, columns.collect::<Result<_, _>>()?, table_read.num_rows());
    names.retain(|name| fields.iter().all(|field| field.name != *name));
    Ok(InputTable { rows, left_out: names })
}

/// The fields that are there; an error for the first that is not, if all must be.
fn found(fields: &[Field], names: &[String], all: bool) -> Result<Vec<Field>, TableError> {
    match fields.iter().find(|field| !names.contains(&field.name)) {
        Some(field) if all => Err(missing(&field.name, names)),
        _ => Ok(fields.iter().filter(|field| names.contains(&field.name)).cloned().collect()),
    }
}

fn missing(column: &str, names: &[String]) -> TableError {
    let found = match names {
        [] => "are no columns".to_owned(),
        [name] => format!("is only `{name}`"),
        names => {
            format!("are {}", names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))
        }
    };
    TableError::MissingColumn { column: column.to_owned(), found }
}

/// A table of columns that were built to `fields`.
pub(crate) fn table(fields: &[Field], columns: Vec<ArrayRef>, rows: usize) -> RecordBatch {
    let schema = Schema::new(fields.iter().map(Field::to_arrow).collect::<Vec<_>>());
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(schema), columns, &options)
        .expect("the columns were built to these fields and this number of rows")
}

/// The rows of a table as JSON, cell by cell.
pub fn json_rows(table: &RecordBatch) -> Vec<Vec<Value>> {
    (0..table.num_rows())
        .map(|row| table.columns().iter().map(|column| json_value(column, row)).collect())
        .collect()
}

/// The rows of a table as JSON objects.
pub fn json_records(table: &RecordBatch) -> Vec<Map<String, Value>> {
    let schema = table.schema_ref();
    let record = |row| {
        let named = schema.fields().iter().zip(table.columns());
        named.map(|(field, column)| (field.name().clone(), json_value(column, row))).collect()
    };
    (0..table.num_rows()).map(record).collect()
}

#[cfg(test)]
mod tests {
    use larder_core::ValueType;

    use super::*;

    fn read(name: &str, text: &str) -> Result<InputTable, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let fields = [
            Field::new("id", ValueType::STRING),
            Field::new("x", ValueType::FLOAT64),
            Field::new("tags", ValueType::array(ValueType::INT64).unwrap()),
        ];
        read_input(&path, &fields).map_err(|error| error.to_string())
    }

    #[test]
    fn the_formats_say_the_same() {
        let by_row = read("a.json", r#"[{"id": "007", "x": 1.5, "tags": [1]}, {"id": null}]"#).unwrap();
        let by_column =
            read("a.json", r#"{"id": ["007", null], "x": [1.5, null], "tags": [[1], null], "y": [1, 2]}"#);
        let lines = read("a.ndjson", "{\"id\": \"007\", \"x\": \"1.5\", \"tags\": [1]}\n\n{\"id\": null}\n");
        let csv = read("a.csv", "id,x,tags\n007,1.50,[1]\n,,\n").unwrap();
        let by_column = by_column.unwrap();
        assert_eq!(by_column.left_out, ["y"]);
        for other in [by_column, lines.unwrap(), csv] {
            assert_eq!(other.rows, by_row.rows);
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (name, text, error) in [
            (
                "a.json",
                r#"[{"id": "a", "x": 1, "tags": []}, {"id": "b", "x": "high"}]"#,
                "column `x`, row 1: \"high\" is not a valid Float64",
            ),
            ("a.csv", "id,x,tags\na,high,[]\n", "column `x`, row 0: \"high\""),
            ("a.ndjson", "{}\n{\n", "line 2: not JSON"),
            ("a.json", "{\"id\": [1], \"x\": []}", "list of objects"),
            ("a.json", r#"[{"id": 1}]"#, "no column `x`, which the function takes; there is only `id`"),
            ("a.csv", "id,tags\na,[]\n", "no column `x`, which the function takes; there are `id`, `tags`"),
            ("a.txt", "", "txt"),
        ] {
            let told = read(name, text).map(|_| ()).unwrap_err();
            assert!(told.contains(error), "{told}");
        }
    }
}
