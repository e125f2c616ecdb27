//! Pushed rows in the columns and types of a source.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::util::display::array_value_to_string;
use larder_core::{FileFormat, FileSource, RequestError, ValueType, column, timestamp_data_type};

use crate::error::OfflineError;

/// Puts columns into the order of the source's and casts them to its types. Text of a time with or
/// without zone becomes a time.
pub(crate) fn to_source_types(
    source: &FileSource,
    schema: &Schema,
    rows: &RecordBatch,
) -> Result<RecordBatch, OfflineError> {
    check_columns(schema, &rows.schema())?;
    let is_text = source.format != FileFormat::Parquet;
    let is_time = |name: &str| {
        name == source.timestamp_field || source.created_timestamp_column.as_deref() == Some(name)
    };
    let mut fields = Vec::with_capacity(schema.fields().len());
    let mut columns = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let name = field.name();
        let Some(array) = rows.column_by_name(name) else { continue };
        let column = match field.data_type() {
            // The types of a text file are those of the values it has so far.
            found if is_text => {
                let target = match (found, array.data_type()) {
                    (DataType::Date32, _) => timestamp_data_type(),
                    (DataType::Null, _) if is_time(name) => timestamp_data_type(),
                    (DataType::Null, incoming) => incoming.clone(),
                    (DataType::Int64, incoming) if incoming.is_floating() => DataType::Float64,
                    (found, _) => found.clone(),
                };
                cast_exactly(name, array, &target)?
            }
            found => cast_exactly(name, array, found)?,
        };
        if !field.is_nullable() && column.logical_null_count() > 0 {
            return Err(RequestError::other(format!(
                "column `{name}` of the batch source must not be null; fill it in every row"
            ))
            .into());
        }
        fields.push(
            Field::new(name, column.data_type().clone(), field.is_nullable())
                .with_metadata(field.metadata().clone()),
        );
        columns.push(column);
    }
    RecordBatch::try_new(Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone())), columns)
        .map_err(OfflineError::arrow("put pushed rows into the columns of the source"))
}

/// Exactly the source's columns, in any order, or Feast's text.
fn check_columns(schema: &Schema, given: &Schema) -> Result<(), RequestError> {
    let list = |names: Vec<&String>| {
        let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
        format!("[{}]", quoted.join(", "))
    };
    let names =
        |schema: &'_ Schema| schema.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
    let (expected, found) = (names(schema), names(given));
    let missing: Vec<&String> = expected.iter().filter(|name| !found.contains(name)).collect();
    let is_repeated = |place: usize, name: &String| found.iter().take(place).any(|earlier| earlier == name);
    let extra: Vec<&String> = found
        .iter()
        .enumerate()
        .filter(|(place, name)| !expected.contains(name) || is_repeated(*place, name))
        .map(|(_, name)| name)
        .collect();
    if missing.is_empty() && extra.is_empty() {
        return Ok(());
    }
    Err(RequestError::other(format!(
        "The input dataframe columns do not match the batch source columns. \
         missing_expected_columns: {}, extra_unexpected_columns: {}.",
        list(missing),
        list(extra)
    )))
}

/// Casts by the rules of [`column::cast_column`], then to the exact type of the file. A value
/// that does not survive is an error and never a null.
fn cast_exactly(name: &str, array: &ArrayRef, target: &DataType) -> Result<ArrayRef, RequestError> {
    if array.data_type() == target {
        return Ok(Arc::clone(array));
    }
    let value_type = ValueType::infer(target);
    let declared = match value_type {
        Some(value_type) => column::cast_column(name, array, &value_type)?,
        None => Arc::clone(array),
    };
    let exact = cast(&declared, target).map_err(|_| RequestError::InvalidColumn {
        column: name.to_owned(),
        found: array.data_type().to_string(),
        expected: target.to_string(),
    })?;
    let was_null = declared.logical_nulls();
    let was_null = |row| was_null.as_ref().is_some_and(|nulls| nulls.is_null(row));
    match (0..exact.len()).find(|row| exact.is_null(*row) && !was_null(*row)) {
        None => Ok(exact),
        Some(row) => Err(RequestError::InvalidValue {
            column: name.to_owned(),
            row,
            value: array_value_to_string(array, row).unwrap_or_default(),
            expected: target.to_string(),
        }),
    }
}
