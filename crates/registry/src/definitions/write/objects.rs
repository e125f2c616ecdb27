//! The objects of a file of definitions, each as the mapping that is written.

use std::collections::BTreeMap;

use larder_core::{
    Aggregation, DataSource, DataSourceKind, Entity, ExternalTable, Field, FileFormat, LoggingConfig,
    LoggingDestination, MessageFormat, MlflowTable, Permission, PermissionType, Policy, Project, SampleRate,
    SavedDataset, SavedDatasetStorage, SourceColumns, StreamSystem, TransformationLimits,
    ValidationReference, ViewVersion, format_span,
};
use serde_json::{Map, Value, json};

use crate::aggregation_json::aggregations_to_json;
use crate::byte_size::format_byte_size;
use crate::expectations_json::expectations_to_json;

/// An object in the making; what is empty or the default is left out.
#[derive(Default)]
pub(super) struct Object(Map<String, Value>);

impl Object {
    pub(super) fn named(name: &str) -> Self {
        Self::default().value("name", name.into())
    }

    pub(super) fn value(mut self, key: &str, value: Value) -> Self {
        self.0.insert(key.to_owned(), value);
        self
    }

    pub(super) fn text(self, key: &str, text: &str) -> Self {
        if text.is_empty() { self } else { self.value(key, text.into()) }
    }

    pub(super) fn flag(self, key: &str, flag: bool, default: bool) -> Self {
        if flag == default { self } else { self.value(key, flag.into()) }
    }

    pub(super) fn list(self, key: &str, items: Vec<Value>) -> Self {
        if items.is_empty() { self } else { self.value(key, Value::Array(items)) }
    }

    pub(super) fn names(self, key: &str, names: &[String]) -> Self {
        self.list(key, names.iter().map(|name| name.as_str().into()).collect())
    }

    pub(super) fn labels(self, key: &str, labels: &BTreeMap<String, String>) -> Self {
        if labels.is_empty() { self } else { self.value(key, json!(labels)) }
    }

    pub(super) fn version(self, version: ViewVersion) -> Self {
        match version {
            ViewVersion::Latest => self,
            ViewVersion::Pinned(_) => self.text("version", &version.to_string()),
        }
    }

    pub(super) fn about(self, description: &str, tags: &BTreeMap<String, String>, owner: &str) -> Self {
        self.text("description", description).labels("tags", tags).text("owner", owner)
    }

    pub(super) fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    pub(super) fn build(self) -> Value {
        Value::Object(self.0)
    }
}

pub(super) fn project(project: &Project) -> Value {
    Object::named(&project.name).about(&project.description, &project.tags, &project.owner).build()
}

pub(super) fn entity(entity: &Entity) -> Value {
    let value_type = entity.value_type.as_ref().map(ToString::to_string);
    Object::named(&entity.name)
        .text("join_key", &entity.join_key)
        .text("value_type", &value_type.unwrap_or_default())
        .about(&entity.description, &entity.tags, &entity.owner)
        .build()
}

pub(super) fn field(field: &Field) -> Value {
    let object = Object::named(&field.name)
        .text("dtype", &field.value_type.to_string())
        .text("description", &field.description)
        .labels("tags", &field.tags)
        .flag("vector_index", field.vector.index, false)
        .text("vector_search_metric", &field.vector.metric);
    match field.vector.length {
        0 => object.build(),
        length => object.value("vector_length", length.into()).build(),
    }
}

pub(super) fn span(span: Option<std::time::Duration>) -> String {
    span.filter(|span| !span.is_zero()).map(format_span).unwrap_or_default()
}

pub(super) fn aggregations(aggregations: &[Aggregation]) -> Vec<Value> {
    match aggregations_to_json(aggregations) {
        Value::Array(items) => items,
        _ => Vec::new(),
    }
}

pub(super) fn limits(limits: TransformationLimits) -> Option<Value> {
    let default = TransformationLimits::default();
    if limits == default {
        return None;
    }
    let mut written = json!({
        "wall_time": format_span(limits.wall_time),
        "memory": format_byte_size(limits.memory_bytes),
        "output": format_byte_size(limits.output_bytes),
    });
    if let Value::Object(written) = &mut written {
        if limits.table_elements != default.table_elements {
            written.insert("table_elements".to_owned(), limits.table_elements.into());
        }
        if limits.stack_bytes != default.stack_bytes {
            written.insert("stack".to_owned(), format_byte_size(limits.stack_bytes).into());
        }
        if limits.message_bytes != default.message_bytes {
            written.insert("message".to_owned(), format_byte_size(limits.message_bytes).into());
        }
        if let Some(fuel) = limits.fuel {
            written.insert("fuel".to_owned(), fuel.into());
        }
    }
    Some(written)
}

fn columns(object: Object, columns: &SourceColumns) -> Object {
    object
        .text("timestamp_field", &columns.timestamp_field)
        .text("created_timestamp_column", columns.created_timestamp_column.as_deref().unwrap_or_default())
        .labels("field_mapping", &columns.field_mapping)
        .text("date_partition_column", &columns.date_partition_column)
        .text("timestamp_field_type", &columns.timestamp_field_type)
}

pub(super) fn data_source(source: &DataSource) -> Value {
    let object = Object::named(&source.name).text("type", source.type_name());
    let object = match &source.kind {
        DataSourceKind::File(file) => object
            .text("path", &file.path)
            .text("file_format", written_format(&file.path, file.format))
            .text("timestamp_field", &file.timestamp_field)
            .text("created_timestamp_column", file.created_timestamp_column.as_deref().unwrap_or_default())
            .labels("field_mapping", &file.field_mapping)
            .text("s3_endpoint_override", &file.s3_endpoint_override),
        DataSourceKind::Push(push) => {
            object.text("batch_source", push.batch_source.as_deref().unwrap_or_default())
        }
        DataSourceKind::Request(request) => object.list("schema", request.schema.iter().map(field).collect()),
        DataSourceKind::Stream(stream) => {
            let format = match &stream.format {
                MessageFormat::Avro(text) => json!({ "avro": text }),
                MessageFormat::Proto(text) => json!({ "proto": text }),
                MessageFormat::Json(text) => json!({ "json": text }),
                _ => Value::Null,
            };
            let object = match &stream.system {
                StreamSystem::Kafka { kafka_bootstrap_servers, topic, watermark_delay_threshold } => object
                    .value("kafka_bootstrap_servers", kafka_bootstrap_servers.as_str().into())
                    .value("topic", topic.as_str().into())
                    .value("message_format", format)
                    .text(
                        "watermark_delay_threshold",
                        &watermark_delay_threshold.map(format_span).unwrap_or_default(),
                    ),
                StreamSystem::Kinesis { region, stream_name } => object
                    .value("region", region.as_str().into())
                    .value("stream_name", stream_name.as_str().into())
                    .value("record_format", format),
                _ => object,
            };
            columns(object, &stream.columns)
                .text("batch_source", stream.batch_source.as_deref().unwrap_or_default())
        }
        DataSourceKind::External(table) => columns(external_options(object, table), &table.columns),
        DataSourceKind::Mlflow(mlflow) => {
            let object = match &mlflow.table {
                MlflowTable::Dataset { name, id } => object
                    .text("dataset_name", name.as_deref().unwrap_or_default())
                    .text("dataset_id", id.as_deref().unwrap_or_default()),
                MlflowTable::Artifact { run_id, path, format } => object
                    .text("run_id", run_id)
                    .text("artifact_path", path)
                    .text("artifact_format", format.name()),
                _ => object,
            };
            let object = object
                .text("tracking_uri", mlflow.tracking_uri.as_deref().unwrap_or_default())
                .text("batch_source", &mlflow.batch_source);
            columns(object, &mlflow.columns)
        }
        _ => object,
    };
    object.about(&source.description, &source.tags, &source.owner).build()
}

/// The format of a file, where its path does not tell.
fn written_format(path: &str, format: FileFormat) -> &'static str {
    if FileFormat::from_path(path).unwrap_or(FileFormat::Parquet) == format { "" } else { format.name() }
}

fn external_options(object: Object, table: &ExternalTable) -> Object {
    options(object, table.system.options(), &table.options)
}

fn options(mut object: Object, keys: &[&str], options: &BTreeMap<String, String>) -> Object {
    for key in keys {
        let Some(text) = options.get(*key) else { continue };
        object = match *key {
            "table_format" | "catalog_properties" | "credential_vending" => {
                object.value(key, serde_json::from_str(text).unwrap_or_else(|_| text.as_str().into()))
            }
            _ => object.text(key, text),
        };
    }
    object
}

pub(super) fn logging_config(config: &LoggingConfig) -> Value {
    // By way of the text, so that 0.1 stays 0.1.
    let rate =
        config.sample_rate.get().to_string().parse::<f64>().ok().and_then(serde_json::Number::from_f64);
    let object = match rate {
        Some(rate) if config.sample_rate != SampleRate::ALL => {
            Object::default().value("sample_rate", Value::Number(rate))
        }
        _ => Object::default(),
    };
    match &config.destination {
        LoggingDestination::File { path, s3_endpoint_override, partition_by } => {
            let file = Object::default()
                .value("path", path.as_str().into())
                .text("s3_endpoint_override", s3_endpoint_override)
                .names("partition_by", partition_by);
            object.value("file", file.build())
        }
        LoggingDestination::BigQuery(table) => object.value("bigquery", table.as_str().into()),
        LoggingDestination::Redshift(table) => object.value("redshift", table.as_str().into()),
        LoggingDestination::Athena(table) => object.value("athena", table.as_str().into()),
        LoggingDestination::Snowflake(table) => object.value("snowflake", table.as_str().into()),
        LoggingDestination::CouchbaseColumnar { database, scope, collection } => object.value(
            "couchbase_columnar",
            json!({ "database": database, "scope": scope, "collection": collection }),
        ),
        LoggingDestination::Custom { kind, config } => object.value(
            "custom",
            Object::default().value("kind", kind.as_str().into()).labels("config", config).build(),
        ),
        _ => object,
    }
    .build()
}

pub(super) fn saved_dataset(dataset: &SavedDataset) -> Value {
    let storage = match &dataset.storage {
        SavedDatasetStorage::File { path, format, s3_endpoint_override } => Object::default()
            .text("path", path)
            .text("file_format", written_format(path, *format))
            .text("s3_endpoint_override", s3_endpoint_override),
        SavedDatasetStorage::External { system, options: said } => {
            options(Object::default().text("type", system.name()), system.options(), said)
        }
        _ => Object::default(),
    };
    let column = &dataset.event_timestamp_column;
    Object::named(&dataset.name)
        .names("features", &dataset.features)
        .names("join_keys", &dataset.join_keys)
        .flag("full_feature_names", dataset.full_feature_names, false)
        .value("storage", storage.build())
        .text("feature_service", &dataset.feature_service)
        .text("namespace", &dataset.namespace)
        .text("collection", &dataset.collection)
        .text("event_timestamp_column", if column == "event_timestamp" { "" } else { column })
        .about(&dataset.description, &dataset.tags, "")
        .build()
}

pub(super) fn validation_reference(reference: &ValidationReference) -> Value {
    let expectations = match expectations_to_json(&reference.expectations) {
        Value::Object(expectations) if expectations.is_empty() => Object::default(),
        expectations => Object::default().value("expectations", expectations),
    };
    Object::named(&reference.name)
        .text("dataset", &reference.dataset)
        .and(expectations)
        .text("profile", &reference.profile)
        .about(&reference.description, &reference.tags, "")
        .build()
}

pub(super) fn permission(permission: &Permission) -> Value {
    let name = |kind: &PermissionType| Value::from(kind.name());
    let policy = match &permission.policy {
        Policy::Roles(roles) => json!({ "roles": roles }),
        Policy::Groups(groups) => json!({ "groups": groups }),
        Policy::Namespaces(namespaces) => json!({ "namespaces": namespaces }),
        Policy::GroupsAndNamespaces { groups, namespaces } => {
            json!({ "groups": groups, "namespaces": namespaces })
        }
        _ => json!({}),
    };
    Object::named(&permission.name)
        .list("types", permission.types.iter().map(name).collect())
        .names("name_patterns", &permission.name_patterns)
        .labels("required_tags", &permission.required_tags)
        // Also where it is empty: without it, all are meant.
        .value("actions", permission.actions.iter().map(|action| Value::from(action.name())).collect())
        .value("policy", policy)
        .labels("tags", &permission.tags)
        .build()
}
