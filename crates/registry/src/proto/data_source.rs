//! Data sources, and the copies of them that views carry.

use std::collections::{BTreeMap, HashMap};

use larder_core::{
    DataSource, DataSourceKind, FileFormat, FileSource, PushSource, RequestSource, Timestamp, ValueType,
};

use super::external_table::{
    columns_of, external_table_from_proto, external_table_to_proto, table_class, with_columns,
};
use super::field::{field_from_proto, field_to_proto};
use super::mlflow_source::{mlflow_source_from_proto, mlflow_source_to_proto};
use super::stream_source::{KAFKA_CLASS, KINESIS_CLASS, stream_source_from_proto, stream_source_to_proto};
use super::{
    FileOptions, RESERVED_TAG_PREFIX, RequestDataOptions, SourceMeta, Unsupported, source_type,
    time_to_proto, visible_tags,
};
use crate::proto;

const FILE_SOURCE_CLASS: &str = "feast.infra.offline_stores.file_source.FileSource";
const PUSH_SOURCE_CLASS: &str = "feast.data_source.PushSource";
const REQUEST_SOURCE_CLASS: &str = "feast.data_source.RequestSource";

/// Feast knows no such format: the tag says what the bytes are.
pub(super) fn file_format_tag() -> String {
    format!("{RESERVED_TAG_PREFIX}file-format")
}

/// Encodes data sources, also as parts of what refers to them.
#[derive(Debug)]
pub(crate) struct DataSourceEncoder<'a> {
    sources: HashMap<&'a str, &'a DataSource>,
    times: HashMap<String, (Timestamp, Timestamp)>,
}

impl<'a> DataSourceEncoder<'a> {
    /// `times` holds when each source was first and last changed.
    pub(crate) fn new(sources: &'a [DataSource], times: HashMap<String, (Timestamp, Timestamp)>) -> Self {
        Self { sources: sources.iter().map(|source| (source.name.as_str(), source)).collect(), times }
    }

    /// A source as an object of its own.
    pub(crate) fn object(&self, source: &DataSource, project: &str) -> proto::DataSource {
        proto::DataSource { project: project.to_owned(), ..self.encode(source) }
    }

    /// The copy of a source inside what refers to it; `None` if there is no such source.
    pub(crate) fn copy(&self, name: &str) -> Option<proto::DataSource> {
        self.sources.get(name).map(|source| self.encode(source))
    }

    fn encode(&self, source: &DataSource) -> proto::DataSource {
        let meta = self.times.get(&source.name).map(|(created, last_updated)| SourceMeta {
            created_timestamp: Some(time_to_proto(*created)),
            last_updated_timestamp: Some(time_to_proto(*last_updated)),
        });
        let common = proto::DataSource {
            name: source.name.clone(),
            description: source.description.clone(),
            tags: source.tags.clone(),
            owner: source.owner.clone(),
            meta,
            ..proto::DataSource::default()
        };
        match &source.kind {
            DataSourceKind::File(file) => encode_file(file, common),
            DataSourceKind::Push(push) => {
                let batch = push.batch_source.as_deref().and_then(|name| self.copy(name));
                let columns = batch.as_ref().map(columns_of).unwrap_or_default();
                let source = proto::DataSource {
                    source_type: source_type::PUSH_SOURCE,
                    data_source_class_type: PUSH_SOURCE_CLASS.to_owned(),
                    ..with_columns(&columns, common)
                };
                // Feast leaves the type of the time out.
                proto::DataSource {
                    batch_source: batch.map(Box::new),
                    timestamp_field_type: String::new(),
                    ..source
                }
            }
            DataSourceKind::Request(request) => proto::DataSource {
                source_type: source_type::REQUEST_SOURCE,
                data_source_class_type: REQUEST_SOURCE_CLASS.to_owned(),
                request_data_options: Some(RequestDataOptions {
                    schema: request.schema.iter().map(field_to_proto).collect(),
                    ..RequestDataOptions::default()
                }),
                ..common
            },
            DataSourceKind::Stream(stream) => {
                let batch = stream.batch_source.as_deref().and_then(|name| self.copy(name));
                stream_source_to_proto(stream, batch, common)
            }
            DataSourceKind::External(table) => external_table_to_proto(table, common),
            DataSourceKind::Mlflow(mlflow) => {
                mlflow_source_to_proto(mlflow, self.copy(&mlflow.batch_source), common)
            }
            // The domain has grown a kind that this file does not know: say nothing rather than wrong.
            _ => common,
        }
    }
}

fn encode_file(file: &FileSource, common: proto::DataSource) -> proto::DataSource {
    let mut tags = common.tags;
    if !matches!(file.format, FileFormat::Parquet | FileFormat::Delta) {
        tags.insert(file_format_tag(), file.format.name().to_owned());
    }
    proto::DataSource {
        source_type: source_type::BATCH_FILE,
        data_source_class_type: FILE_SOURCE_CLASS.to_owned(),
        timestamp_field: file.timestamp_field.clone(),
        created_timestamp_column: file.created_timestamp_column.clone().unwrap_or_default(),
        field_mapping: file.field_mapping.clone(),
        file_options: Some(file_options(&file.path, file.format, &file.s3_endpoint_override)),
        tags,
        ..common
    }
}

pub(super) fn file_options(path: &str, format: FileFormat, s3_endpoint_override: &str) -> FileOptions {
    let delta = proto::FileFormat { delta_format: Some(Vec::new()), ..proto::FileFormat::default() };
    FileOptions {
        file_format: (format == FileFormat::Delta).then_some(delta),
        uri: path.to_owned(),
        s3_endpoint_override: s3_endpoint_override.to_owned(),
    }
}

/// The format of a file, which is Parquet where nothing is said.
pub(super) fn file_format(options: &FileOptions, tags: &BTreeMap<String, String>) -> FileFormat {
    if options.file_format.as_ref().is_some_and(|format| format.delta_format.is_some()) {
        return FileFormat::Delta;
    }
    match tags.get(&file_format_tag()).map(String::as_str) {
        Some("csv") => FileFormat::Csv,
        Some("ndjson") => FileFormat::NdJson,
        _ => FileFormat::Parquet,
    }
}

/// The name a source goes by: a file source without a name goes by its path, as in Feast.
pub(crate) fn source_name(source: &proto::DataSource) -> &str {
    match &source.file_options {
        Some(file) if source.name.is_empty() => &file.uri,
        _ => &source.name,
    }
}

/// The Python class of a type of sources; empty where each source names its own.
pub(crate) fn usual_class(number: i32) -> &'static str {
    match number {
        source_type::BATCH_FILE => FILE_SOURCE_CLASS,
        source_type::PUSH_SOURCE => PUSH_SOURCE_CLASS,
        source_type::REQUEST_SOURCE => REQUEST_SOURCE_CLASS,
        source_type::STREAM_KAFKA => KAFKA_CLASS,
        source_type::STREAM_KINESIS => KINESIS_CLASS,
        number => table_class(number).unwrap_or_default(),
    }
}

pub(crate) fn data_source_from_proto(source: &proto::DataSource) -> Result<DataSource, Unsupported> {
    let kind = match source.source_type {
        source_type::BATCH_FILE => {
            let options =
                source.file_options.as_ref().ok_or(Unsupported::Incomplete { part: "file_options" })?;
            let created = &source.created_timestamp_column;
            DataSourceKind::File(FileSource {
                path: options.uri.clone(),
                format: file_format(options, &source.tags),
                timestamp_field: source.timestamp_field.clone(),
                created_timestamp_column: (!created.is_empty()).then(|| created.clone()),
                field_mapping: source.field_mapping.clone(),
                s3_endpoint_override: options.s3_endpoint_override.clone(),
            })
        }
        source_type::PUSH_SOURCE => {
            let batch_source = source.batch_source.as_deref().map(|batch| source_name(batch).to_owned());
            DataSourceKind::Push(PushSource { batch_source })
        }
        source_type::REQUEST_SOURCE => {
            let options = source
                .request_data_options
                .as_ref()
                .ok_or(Unsupported::Incomplete { part: "request_data_options" })?;
            let mut schema = Vec::new();
            for field in &options.schema {
                schema.push(field_from_proto(field)?);
            }
            if schema.is_empty() {
                for (name, number) in &options.deprecated_schema {
                    let value_type =
                        ValueType::from_number(*number).ok_or(Unsupported::ValueType { number: *number })?;
                    schema.push(larder_core::Field::new(name, value_type));
                }
            }
            DataSourceKind::Request(RequestSource { schema })
        }
        number => {
            if let Some(stream) = stream_source_from_proto(source)? {
                DataSourceKind::Stream(stream)
            } else if let Some(mlflow) = mlflow_source_from_proto(source) {
                DataSourceKind::Mlflow(mlflow)
            } else if let Some(table) = external_table_from_proto(source)? {
                DataSourceKind::External(table)
            } else {
                return Err(Unsupported::SourceType { number });
            }
        }
    };
    Ok(DataSource {
        name: source_name(source).to_owned(),
        kind,
        description: source.description.clone(),
        tags: visible_tags(&source.tags),
        owner: source.owner.clone(),
    })
}
