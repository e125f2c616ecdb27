//! `larder get-historical-features`.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use arrow::array::{Array as _, RecordBatch};
use arrow::datatypes::{Field, Schema};
use larder::table::{read_table, write_table};
use larder::{EntitySpan, FeatureStore, HistoricalRequest, NewSavedDataset, ProfileCache, TrainingEntities};
use larder_core::column::column_from_json;
use larder_core::json::python_dumps_indented;
use larder_core::{Clock as _, SystemClock, ValueType};
use serde_json::{Map, Value};

use super::validate;
use crate::arguments::GetHistoricalFeaturesArguments;
use crate::json_columns::json_columns;
use crate::materialize_progress::grouped;
use crate::repo::Repo;
use crate::{plain_table, value_text};

/// Rows that a table on the terminal shows before it says how many more there are.
const SHOWN_ROWS: usize = 50;

pub(crate) async fn run(repo: &Repo, arguments: &GetHistoricalFeaturesArguments) -> Result<()> {
    let store = repo.open().await?;
    let training_set = training_set(&store, arguments).await?;
    match &arguments.output {
        Some(path) => {
            if arguments.save_as.is_none() {
                write_table(path, &training_set)?;
            }
            let rows = u64::try_from(training_set.num_rows()).unwrap_or(u64::MAX);
            eprintln!("{} rows written to {}", grouped(rows), path.display());
        }
        None if arguments.json => print_records(&training_set)?,
        None => print_table(&training_set)?,
    }
    Ok(())
}

async fn training_set(
    store: &FeatureStore,
    arguments: &GetHistoricalFeaturesArguments,
) -> Result<RecordBatch> {
    let entities = match (&arguments.entities, &arguments.dataframe) {
        (Some(path), _) => TrainingEntities::Rows(read_table(path)?),
        (None, Some(json)) => TrainingEntities::Rows(rows_from_json(json)?),
        (None, None) => TrainingEntities::All(EntitySpan {
            start_date: arguments.start_date,
            end_date: arguments.end_date,
        }),
    };
    let request = HistoricalRequest {
        entities,
        selection: arguments.selection.selection()?,
        full_feature_names: arguments.selection.full_feature_names,
        filter_by_created_timestamp: arguments.filter_by_created_timestamp,
    };
    let began = SystemClock.now().micros();
    let training_set = match (&arguments.save_as, &arguments.output) {
        (Some(name), Some(path)) => {
            // What the registry remembers must not depend on where the command was run.
            let path = std::path::absolute(path)?;
            let in_repo = path.strip_prefix(std::path::absolute(store.repo())?).unwrap_or(&path);
            let new = NewSavedDataset {
                name: name.clone(),
                path: in_repo.to_string_lossy().into_owned(),
                allow_overwrite: arguments.allow_overwrite,
                ..NewSavedDataset::default()
            };
            store.create_saved_dataset(request, new).await?
        }
        _ => store.get_historical_features(request).await?,
    };
    let took = u64::try_from(SystemClock.now().micros() - began).unwrap_or_default();
    let service = arguments.selection.feature_service.as_deref();
    store.tell_mlflow_of_training_set(&training_set, service, Duration::from_micros(took)).await;
    if let Some(reference) = &arguments.validate {
        let report = store.validate_training_set(&training_set, reference, ProfileCache::Use).await?;
        validate::remark(&report, reference);
        if !report.is_success() {
            eprintln!("{}", python_dumps_indented(&validate::errors(&report), 4));
        }
        validate::verdict(&report, reference)?;
    }
    if let Some(column) = training_set.inferred_timestamp_column {
        eprintln!(
            "Using {column} as the event timestamp. To specify a column explicitly, please name it event_timestamp."
        );
    }
    Ok(training_set.rows)
}

/// A list of objects, or an object of lists, as a table. The type of a column is that of its values.
fn rows_from_json(text: &str) -> Result<RecordBatch> {
    let value: Value = serde_json::from_str(text).context("the entity rows are not JSON")?;
    let columns = match value {
        Value::Object(columns) => columns
            .into_iter()
            .map(|(name, values)| match values {
                Value::Array(values) => Ok((name, values)),
                _ => bail!(
                    "the entity rows are an object, so each of its values must be a list; `{name}` is not"
                ),
            })
            .collect::<Result<Vec<_>>>()?,
        Value::Array(objects) => columns_of(&objects)?,
        _ => bail!("the entity rows must be a JSON list of objects, or an object of lists"),
    };
    if columns.is_empty() {
        bail!("there are no entity rows; give some, or leave `--dataframe` out for every entity there is");
    }
    let columns = columns
        .into_iter()
        .map(|(name, values)| {
            let array = column_from_json(&name, &type_of(&values), &values)?;
            Ok((Field::new(name, array.data_type().clone(), true), array))
        })
        .collect::<Result<Vec<_>>>()?;
    let (fields, arrays): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).context("the entity rows are no table")
}

/// Columns in the order in which objects first name them; what an object lacks is null.
fn columns_of(objects: &[Value]) -> Result<Vec<(String, Vec<Value>)>> {
    let mut columns: Vec<(String, Vec<Value>)> = Vec::new();
    for (row, object) in objects.iter().enumerate() {
        let object = object.as_object().context("the entity rows are a list, so each must be an object")?;
        for (name, value) in object {
            let at = columns.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
                columns.push((name.clone(), Vec::new()));
                columns.len() - 1
            });
            if let Some((_, values)) = columns.get_mut(at) {
                values.resize(row, Value::Null);
                values.push(value.clone());
            }
        }
    }
    for (_, values) in &mut columns {
        values.resize(objects.len(), Value::Null);
    }
    Ok(columns)
}

fn type_of(values: &[Value]) -> ValueType {
    let all = |fits: fn(&Value) -> bool| values.iter().all(|value| value.is_null() || fits(value));
    if all(Value::is_boolean) {
        ValueType::BOOL
    } else if all(Value::is_i64) {
        ValueType::INT64
    } else if all(Value::is_number) {
        ValueType::FLOAT64
    } else {
        ValueType::STRING
    }
}

fn print_records(rows: &RecordBatch) -> Result<()> {
    let columns = json_columns(rows)?;
    let record = |row: usize| -> Map<String, Value> {
        columns
            .iter()
            .map(|(name, values)| (name.clone(), values.get(row).cloned().unwrap_or_default()))
            .collect()
    };
    let records: Vec<Map<String, Value>> = (0..rows.num_rows()).map(record).collect();
    println!("{}", serde_json::to_string_pretty(&records)?);
    Ok(())
}

fn print_table(rows: &RecordBatch) -> Result<()> {
    let shown = rows.slice(0, rows.num_rows().min(SHOWN_ROWS));
    print!("{}", plain_table::render(&value_text::headers(&shown), &value_text::rows(&shown)?));
    let more = rows.num_rows() - shown.num_rows();
    if more > 0 {
        eprintln!("… and {more} more rows; write all of them with `-o FILE`");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_and_lists_are_one_table() {
        let by_row = rows_from_json(r#"[{"id": 1, "x": 0.5}, {"id": 2, "note": "b"}]"#).unwrap();
        let by_column = rows_from_json(r#"{"id": [1, 2], "x": [0.5, null], "note": [null, "b"]}"#).unwrap();
        assert_eq!(by_row, by_column);
        assert!(rows_from_json("[1]").is_err());
        assert!(rows_from_json(r#"{"id": [1], "x": []}"#).is_err());
    }
}
