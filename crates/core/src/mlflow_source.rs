//! Tables that are tracked in MLflow.

use crate::SourceColumns;

/// A table that an MLflow server has: a dataset of records, or a file that a run has left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MlflowSource {
    /// Which table.
    pub table: MlflowTable,
    /// The address of the server; that of `feature_store.yaml` where it is left out.
    pub tracking_uri: Option<String>,
    /// The source that takes rows that are written, which are not seen when this one is read.
    pub batch_source: String,
    /// Which columns are times, and what columns are called. Of a dataset the mapping is from paths within a record,
    /// such as `expectations.expected_response`.
    pub columns: SourceColumns,
}

/// A table of an MLflow server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MlflowTable {
    /// A dataset of records, by its identifier, or else by its name. One of the two is there.
    Dataset {
        /// The name.
        name: Option<String>,
        /// The identifier.
        id: Option<String>,
    },
    /// A file among the artifacts of a run.
    Artifact {
        /// The run.
        run_id: String,
        /// The file's path there.
        path: String,
        /// How its bytes are to be read.
        format: ArtifactFormat,
    },
}

/// Formats of artifacts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ArtifactFormat {
    /// Apache Parquet.
    Parquet,
    /// Comma-separated values with a header line.
    Csv,
}

impl MlflowTable {
    /// Which table it is, for people.
    pub fn described(&self) -> String {
        match self {
            Self::Dataset { id: Some(id), .. } => format!("dataset `{id}`"),
            Self::Dataset { name, id: None } => format!("dataset `{}`", name.as_deref().unwrap_or_default()),
            Self::Artifact { run_id, path, .. } => format!("artifact `{path}` of run `{run_id}`"),
        }
    }
}

impl ArtifactFormat {
    /// All formats.
    pub const ALL: [Self; 2] = [Self::Parquet, Self::Csv];

    /// The name in definitions.
    pub fn name(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Csv => "csv",
        }
    }
}
