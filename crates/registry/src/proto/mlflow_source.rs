//! Tables that are tracked in MLflow: for Feast sources of a Python class of their own, with JSON that names the table
//! and a copy of the source that takes what is written.

use larder_core::json::python_dumps;
use larder_core::{ArtifactFormat, MlflowSource, MlflowTable};
use serde_json::{Map, Value, json};

use super::data_source::source_name;
use super::external_table::{columns_of, with_columns};
use super::source_type;
use super::wire::{self, WireValue};
use crate::proto;

pub(super) const MLFLOW_CLASS: &str =
    "feast.infra.data_sources.mlflow.mlflow_dataset_source.MlflowDatasetSource";

/// The keys of the JSON, in Feast's order.
const KEYS: [&str; 6] =
    ["dataset_name", "dataset_id", "run_id", "artifact_path", "artifact_format", "tracking_uri"];

/// Fills in what is MLflow's of a source that has what is common to all. `batch` is the copy of the source that takes
/// what is written.
pub(super) fn mlflow_source_to_proto(
    source: &MlflowSource,
    batch: Option<proto::DataSource>,
    common: proto::DataSource,
) -> proto::DataSource {
    let mut named = [Value::Null, Value::Null, Value::Null, Value::Null];
    // Feast writes its default format down, also where there is no artifact.
    let mut format_name = ArtifactFormat::Parquet.name();
    match &source.table {
        MlflowTable::Dataset { name, id } => {
            named[0] = json!(name);
            named[1] = json!(id);
        }
        MlflowTable::Artifact { run_id, path, format } => {
            named[2] = json!(run_id);
            named[3] = json!(path);
            format_name = format.name();
        }
        _ => {}
    }
    let values = named.into_iter().chain([json!(format_name), json!(source.tracking_uri)]);
    let object: Map<String, Value> = KEYS.into_iter().map(str::to_owned).zip(values).collect();
    let mut options = Vec::new();
    wire::put_bytes(&mut options, 1, python_dumps(&Value::Object(object)).as_bytes());
    proto::DataSource {
        source_type: source_type::CUSTOM_SOURCE,
        data_source_class_type: MLFLOW_CLASS.to_owned(),
        custom_options: Some(options),
        // Feast leaves the class of the copy out.
        batch_source: batch
            .map(|batch| Box::new(proto::DataSource { data_source_class_type: String::new(), ..batch })),
        ..with_columns(&source.columns, common)
    }
}

/// The table of a source of that class; none of any other, and of one that says more or less than larder knows, which
/// then is kept as any source of a class.
pub(super) fn mlflow_source_from_proto(source: &proto::DataSource) -> Option<MlflowSource> {
    if source.source_type != source_type::CUSTOM_SOURCE || source.data_source_class_type != MLFLOW_CLASS {
        return None;
    }
    let fields = wire::fields(source.custom_options.as_deref()?).ok()?;
    let configuration = fields.iter().rev().find_map(|field| match field.value {
        WireValue::Bytes(bytes) if field.number == 1 => Some(bytes),
        _ => None,
    })?;
    let object: Map<String, Value> = serde_json::from_slice(configuration).ok()?;
    if !object
        .iter()
        .all(|(key, value)| KEYS.contains(&key.as_str()) && (value.is_string() || value.is_null()))
    {
        return None;
    }
    let text = |key: &str| {
        object.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let (name, id) = (text("dataset_name"), text("dataset_id"));
    let table = match (text("run_id"), text("artifact_path")) {
        (None, None) if name.is_some() || id.is_some() => MlflowTable::Dataset { name, id },
        (Some(run_id), Some(path)) if name.is_none() && id.is_none() => {
            let format = text("artifact_format").unwrap_or_else(|| ArtifactFormat::Parquet.name().to_owned());
            let format = ArtifactFormat::ALL.into_iter().find(|known| known.name() == format)?;
            MlflowTable::Artifact { run_id, path, format }
        }
        _ => return None,
    };
    Some(MlflowSource {
        table,
        tracking_uri: text("tracking_uri"),
        batch_source: source_name(source.batch_source.as_deref()?).to_owned(),
        columns: columns_of(source),
    })
}
