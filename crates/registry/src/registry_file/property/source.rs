//! Data sources, and the tables behind them.

use larder_core::{DataSource, DataSourceKind, MlflowTable};

use super::{Comparison, labels};
use crate::proto::{self, data_source_from_proto};
use crate::registry_diff::PropertyChange;

/// Compares sources without their times.
pub(in super::super) fn source_changes(
    before: &proto::DataSource,
    after: &proto::DataSource,
) -> Vec<PropertyChange> {
    let mut changes = Comparison::default();
    changes.text("type", &before.source_type.to_string(), &after.source_type.to_string());
    changes.labels("field_mapping", &before.field_mapping, &after.field_mapping);
    changes.text("timestamp_field", &before.timestamp_field, &after.timestamp_field);
    changes.text(
        "created_timestamp_column",
        &before.created_timestamp_column,
        &after.created_timestamp_column,
    );
    changes.text("date_partition_column", &before.date_partition_column, &after.date_partition_column);
    changes.text("timestamp_field_type", &before.timestamp_field_type, &after.timestamp_field_type);
    changes.text("options", &options_text(before), &options_text(after));
    let request = |source: &proto::DataSource| {
        source.request_data_options.as_ref().map(|request| request.schema.clone()).unwrap_or_default()
    };
    changes.fields("request_data_options", &request(before), &request(after));
    changes.text("description", &before.description, &after.description);
    changes.labels("tags", &before.tags, &after.tags);
    changes.text("owner", &before.owner, &after.owner);
    let batch = |source: &proto::DataSource| {
        source.batch_source.as_deref().map(|batch| proto::source_name(batch).to_owned()).unwrap_or_default()
    };
    changes.text("batch_source", &batch(before), &batch(after));
    changes.0
}

/// What only one kind of source says, apart from the fields of a request.
fn options_text(source: &proto::DataSource) -> String {
    let Ok(source) = data_source_from_proto(source) else { return format!("type {}", source.source_type) };
    let parts = match &source.kind {
        DataSourceKind::Request(_) | DataSourceKind::Push(_) => Vec::new(),
        _ => parts(&source),
    };
    let texts: Vec<String> = parts.iter().map(|(key, value)| format!("{key}: {value}")).collect();
    texts.join(", ")
}

/// What says which values a table holds, and how it is read.
fn parts(source: &DataSource) -> Vec<(String, String)> {
    let pair = |key: &str, value: String| (key.to_owned(), value);
    match &source.kind {
        DataSourceKind::File(file) => vec![
            pair("path", file.path.clone()),
            pair("file_format", file.format.name().to_owned()),
            pair("timestamp_field", file.timestamp_field.clone()),
            pair("created_timestamp_column", file.created_timestamp_column.clone().unwrap_or_default()),
            pair("field_mapping", labels(&file.field_mapping)),
            pair("s3_endpoint_override", file.s3_endpoint_override.clone()),
        ],
        DataSourceKind::External(table) => {
            let mut parts = vec![pair("type", table.system.name().to_owned())];
            parts.extend(table.system.options().iter().map(|key| pair(key, table.option(key).to_owned())));
            let columns = &table.columns;
            parts.push(pair("timestamp_field", columns.timestamp_field.clone()));
            let created = columns.created_timestamp_column.clone().unwrap_or_default();
            parts.push(pair("created_timestamp_column", created));
            parts.push(pair("field_mapping", labels(&columns.field_mapping)));
            parts
        }
        DataSourceKind::Mlflow(mlflow) => vec![
            pair("table", mlflow.table.described()),
            pair(
                "format",
                match &mlflow.table {
                    MlflowTable::Artifact { format, .. } => format.name().to_owned(),
                    _ => String::new(),
                },
            ),
            pair("tracking_uri", mlflow.tracking_uri.clone().unwrap_or_default()),
            pair("timestamp_field", mlflow.columns.timestamp_field.clone()),
            pair(
                "created_timestamp_column",
                mlflow.columns.created_timestamp_column.clone().unwrap_or_default(),
            ),
            pair("field_mapping", labels(&mlflow.columns.field_mapping)),
        ],
        DataSourceKind::Stream(stream) => {
            vec![
                pair("system", format!("{:?}", stream.system)),
                pair("format", format!("{:?}", stream.format)),
            ]
        }
        _ => Vec::new(),
    }
}

/// What differs between the tables behind two sources: which values are read, not what is said of them.
pub(super) fn table_change(
    before: Option<&proto::DataSource>,
    after: Option<&proto::DataSource>,
) -> Option<(String, String)> {
    let known =
        |source: Option<&proto::DataSource>| source.and_then(|source| data_source_from_proto(source).ok());
    let name = |source: Option<&proto::DataSource>| {
        source.map_or("None".to_owned(), |source| proto::source_name(source).to_owned())
    };
    if name(before) != name(after) {
        return Some((name(before), name(after)));
    }
    let text = |parts: &[(String, String)]| {
        let texts: Vec<String> = parts.iter().map(|(key, value)| format!("{key}: {value}")).collect();
        format!("{}({})", name(after), texts.join(", "))
    };
    match (known(before), known(after)) {
        (Some(before), Some(after)) => {
            let differs = |pair: &(_, _)| pair.0 != pair.1;
            let pairs = parts(&before).into_iter().zip(parts(&after)).filter(differs);
            let (before, after): (Vec<_>, Vec<_>) = pairs.unzip();
            (!before.is_empty()).then(|| (text(&before), text(&after)))
        }
        (None, Some(_)) if before.is_some() => {
            Some((text(&[("type".to_owned(), "another".to_owned())]), name(after)))
        }
        _ => None,
    }
}
