//! Data sources: where feature values and request values come from.

use std::collections::BTreeMap;

use crate::{ExternalSystem, ExternalTable, Field, MlflowSource, StreamSource, StreamSystem};

/// Where values come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataSource {
    /// Unique name in the project, ignoring case.
    pub name: String,
    /// What kind of source it is, with what only that kind has.
    pub kind: DataSourceKind,
    /// What it is, for people.
    pub description: String,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
    /// Who answers for it.
    pub owner: String,
}

/// The kinds of data sources.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DataSourceKind {
    /// A table in files, read by the offline store.
    File(FileSource),
    /// Rows sent to `/push` or by `FeatureStore::push`.
    Push(PushSource),
    /// Values that a request brings along.
    Request(RequestSource),
    /// Messages of a stream, which larder does not listen to.
    Stream(StreamSource),
    /// A table of a system that larder does not read.
    External(ExternalTable),
    /// A table that is tracked in MLflow.
    Mlflow(MlflowSource),
}

/// A table in one file, all files of a folder, or all files of a glob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSource {
    /// The path, folder or glob; relative paths start at the feature repo.
    pub path: String,
    /// How the bytes are to be read.
    pub format: FileFormat,
    /// The column that says when a row's values became true.
    pub timestamp_field: String,
    /// The column that says when a row was written; breaks ties of the event time.
    pub created_timestamp_column: Option<String>,
    /// Renames on reading: column in the file to name in larder.
    pub field_mapping: BTreeMap<String, String>,
    /// The address of a service like S3 that holds the path; empty for none.
    pub s3_endpoint_override: String,
}

impl FileSource {
    /// A Parquet file with its event time column.
    pub fn new(path: impl Into<String>, timestamp_field: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            format: FileFormat::Parquet,
            timestamp_field: timestamp_field.into(),
            created_timestamp_column: None,
            field_mapping: BTreeMap::new(),
            s3_endpoint_override: String::new(),
        }
    }
}

/// Formats of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FileFormat {
    /// Apache Parquet.
    Parquet,
    /// Comma-separated values with a header line.
    Csv,
    /// One JSON object a line.
    NdJson,
    /// A Delta table, which larder does not read.
    Delta,
}

/// Rows that arrive by push, with the table that also keeps them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushSource {
    /// The name of the source that holds the history; `None` means online only.
    pub batch_source: Option<String>,
}

/// Values that a request brings along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestSource {
    /// The columns a request must bring.
    pub schema: Vec<Field>,
}

impl DataSource {
    /// The file source, if it is one.
    pub fn as_file(&self) -> Option<&FileSource> {
        match &self.kind {
            DataSourceKind::File(file) => Some(file),
            _ => None,
        }
    }

    /// The request source, if it is one.
    pub fn as_request(&self) -> Option<&RequestSource> {
        match &self.kind {
            DataSourceKind::Request(request) => Some(request),
            _ => None,
        }
    }

    /// What it is called in definitions: `file`, `push`, `kafka`, `bigquery`, …
    pub fn type_name(&self) -> &'static str {
        match &self.kind {
            DataSourceKind::File(_) => "file",
            DataSourceKind::Push(_) => "push",
            DataSourceKind::Request(_) => "request",
            DataSourceKind::Stream(stream) => stream.system.name(),
            DataSourceKind::External(table) => table.system.name(),
            DataSourceKind::Mlflow(_) => "mlflow",
        }
    }

    /// Feast's class of the source.
    pub fn class(&self) -> &'static str {
        match &self.kind {
            DataSourceKind::File(_) => "FileSource",
            DataSourceKind::Push(_) => "PushSource",
            DataSourceKind::Request(_) => "RequestSource",
            DataSourceKind::Stream(stream) => match &stream.system {
                StreamSystem::Kinesis { .. } => "KinesisSource",
                StreamSystem::Kafka { .. } => "KafkaSource",
            },
            DataSourceKind::Mlflow(_) => "MlflowDatasetSource",
            DataSourceKind::External(table) => match table.system {
                ExternalSystem::BigQuery => "BigQuerySource",
                ExternalSystem::Redshift => "RedshiftSource",
                ExternalSystem::Snowflake => "SnowflakeSource",
                ExternalSystem::Athena => "AthenaSource",
                ExternalSystem::Trino => "TrinoSource",
                ExternalSystem::Spark => "SparkSource",
                ExternalSystem::Iceberg => "IcebergSource",
                ExternalSystem::Postgres => "PostgreSQLSource",
                ExternalSystem::Custom => "CustomSource",
            },
        }
    }

    /// Whether rows arrive through it one by one: by push, or by a stream.
    pub fn is_stream(&self) -> bool {
        matches!(self.kind, DataSourceKind::Push(_) | DataSourceKind::Stream(_))
    }

    /// Whether it is a table that holds history, here or elsewhere.
    pub fn is_table(&self) -> bool {
        matches!(self.kind, DataSourceKind::File(_) | DataSourceKind::External(_) | DataSourceKind::Mlflow(_))
    }

    /// The source that holds the history of a push source or stream.
    pub fn batch_source(&self) -> Option<&str> {
        match &self.kind {
            DataSourceKind::Push(push) => push.batch_source.as_deref(),
            DataSourceKind::Stream(stream) => stream.batch_source.as_deref(),
            _ => None,
        }
    }

    /// The source in MLflow, if it is one.
    pub fn as_mlflow(&self) -> Option<&MlflowSource> {
        match &self.kind {
            DataSourceKind::Mlflow(source) => Some(source),
            _ => None,
        }
    }

    /// Whether larder reads it.
    pub fn is_readable(&self) -> bool {
        matches!(self.kind, DataSourceKind::File(_) | DataSourceKind::Mlflow(_))
    }

    /// The push source, if it is one.
    pub fn as_push(&self) -> Option<&PushSource> {
        match &self.kind {
            DataSourceKind::Push(push) => Some(push),
            _ => None,
        }
    }
}

impl FileFormat {
    /// The name in definitions.
    pub fn name(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Csv => "csv",
            Self::NdJson => "ndjson",
            Self::Delta => "delta",
        }
    }

    /// The format that a file name's ending tells: `.parquet`, `.csv`, `.ndjson` or `.jsonl`.
    pub fn from_path(path: &str) -> Option<Self> {
        let lower = path.to_ascii_lowercase();
        let ends = |endings: &[&str]| endings.iter().any(|ending| lower.ends_with(ending));
        if ends(&[".parquet", ".pq"]) {
            Some(Self::Parquet)
        } else if ends(&[".csv"]) {
            Some(Self::Csv)
        } else if ends(&[".ndjson", ".jsonl"]) {
            Some(Self::NdJson)
        } else {
            None
        }
    }
}
