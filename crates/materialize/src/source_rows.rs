//! Sent tables as rows of a batch source.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field as ArrowField, Schema};
use larder_core::{DataSource, FeatureView, InputTable, OfflineStore, RequestError, Result, ValueType};

use crate::off_thread;
use crate::view_rows::batch;

/// Reads a sent table as rows of a batch source, for which views declare these types.
///
/// # Errors
///
/// As the offline store; [`RequestError`] for other columns than the source has, and a value that does not fit.
pub(crate) async fn rows_of_source(
    offline: &dyn OfflineStore,
    source: &Arc<DataSource>,
    declared: HashMap<String, ValueType>,
    table: &Arc<InputTable>,
) -> Result<RecordBatch> {
    let schema = offline.schema(source).await?;
    let (source, table) = (Arc::clone(source), Arc::clone(table));
    off_thread::run(table.len(), move || source_rows(&source, &schema, &declared, &table)).await
}

/// The types that views declare for the columns of a batch source, by the names after its field mapping.
pub(crate) fn declared_types(views: &[Arc<FeatureView>], source: &str) -> HashMap<String, ValueType> {
    let reading = views.iter().filter(|view| view.batch_source.as_deref() == Some(source));
    let fields = reading.flat_map(|view| view.join_keys.iter().chain(&view.features));
    fields.map(|field| (field.name.clone(), field.value_type.clone())).collect()
}

/// A sent table as rows of a batch source: its columns under the names the source has for them.
fn source_rows(
    source: &DataSource,
    schema: &Schema,
    declared: &HashMap<String, ValueType>,
    table: &InputTable,
) -> Result<RecordBatch> {
    let mapping = source.as_file().map(|file| &file.field_mapping);
    let own_name = |mapped: &str| {
        let mut renamed = mapping.into_iter().flatten();
        let own = renamed.find(|(_, name)| name.as_str() == mapped).map(|(own, _)| own.clone());
        own.unwrap_or_else(|| mapped.to_owned())
    };
    let own_names: Vec<String> = schema.fields().iter().map(|field| own_name(field.name())).collect();
    check_columns(&own_names, table)?;
    let mut fields = Vec::with_capacity(own_names.len());
    let mut columns = Vec::with_capacity(own_names.len());
    for (field, name) in schema.fields().iter().zip(&own_names) {
        let value_type = type_on_the_way(field.data_type(), declared.get(field.name()).cloned());
        let column = table.column(name, &value_type)?.expect("`check_columns` has seen the column");
        fields.push(ArrowField::new(name, column.data_type().clone(), true));
        columns.push(column);
    }
    batch(&source.name, &Arc::new(Schema::new(fields)), columns, table.len())
}

/// The type in which a value goes to the store, which casts it to what the source really has.
fn type_on_the_way(found: &DataType, declared: Option<ValueType>) -> ValueType {
    let whole = [ValueType::INT32, ValueType::INT64];
    let wider = [ValueType::FLOAT32, ValueType::FLOAT64, ValueType::STRING];
    // A map or a set says more than the text or list that carries it.
    if let Some(declared) = declared.as_ref().filter(|declared| declared.data_type() == *found) {
        return declared.clone();
    }
    match (ValueType::infer(found), declared) {
        // A text file may have had nothing but whole numbers so far; none must be cut on the way.
        (Some(found), Some(declared)) if whole.contains(&found) && wider.contains(&declared) => {
            if declared == ValueType::STRING { declared } else { ValueType::FLOAT64 }
        }
        (Some(found), _) => found,
        // Any other type can be read from text.
        (None, declared) => declared.unwrap_or(ValueType::STRING),
    }
}

/// Feast's check of pushed columns against those of the batch source, with its text.
fn check_columns(expected: &[String], table: &InputTable) -> Result<(), RequestError> {
    let found = table.column_names();
    let missing: Vec<&str> =
        expected.iter().map(String::as_str).filter(|name| !found.contains(name)).collect();
    let extra: Vec<&str> =
        found.into_iter().filter(|name| !expected.iter().any(|expected| expected == name)).collect();
    if missing.is_empty() && extra.is_empty() {
        return Ok(());
    }
    Err(RequestError::other(format!(
        "The input dataframe columns do not match the batch source columns. missing_expected_columns: {}, \
         extra_unexpected_columns: {}.",
        python_list(&missing),
        python_list(&extra)
    )))
}

/// Names as Python prints a list of strings.
fn python_list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    format!("[{}]", quoted.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_goes_to_the_store_in_the_type_that_says_most() {
        let way =
            |found: DataType, declared: &str| type_on_the_way(&found, declared.parse().ok()).to_string();
        assert_eq!(way(DataType::Utf8, "Map"), "Map");
        assert_eq!(way(DataType::Utf8, "Decimal"), "Decimal");
        let texts = ValueType::array(ValueType::STRING).unwrap().data_type();
        assert_eq!(way(texts, "Set(String)"), "Set(String)");
        assert_eq!(way(DataType::Int64, "Float32"), "Float64");
        assert_eq!(way(DataType::Int64, "Int32"), "Int64");
    }
}
