//! What can go wrong with tables in files.

use std::io;
use std::path::{Path, PathBuf};

use larder_blocking::Ending;
use larder_core::{Error, ErrorKind, RequestError};
use parquet::errors::ParquetError;

/// A problem with a table in files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OfflineError {
    /// The source is of a kind that larder does not read.
    #[error(
        "data source `{data_source}` is {kind}, which larder does not read; it reads Parquet, CSV and NDJSON files on this machine"
    )]
    NotReadable {
        /// The source.
        data_source: String,
        /// What it is.
        kind: String,
    },
    /// There is nothing at the path.
    #[error(
        "data source `{data_source}`: there is no file or folder {}; create it or correct `path`",
        path.display()
    )]
    FileNotFound {
        /// The source.
        data_source: String,
        /// The path, resolved.
        path: PathBuf,
    },
    /// The folder or glob holds no file of the source's format.
    #[error("data source `{data_source}`: {} holds no {format} file; add one or correct `path`", path.display())]
    NoFiles {
        /// The source.
        data_source: String,
        /// The folder or glob, resolved.
        path: PathBuf,
        /// The format looked for.
        format: &'static str,
    },
    /// The glob cannot be read.
    #[error("data source `{data_source}`: `{pattern}` is not a glob; correct `path`")]
    InvalidGlob {
        /// The source.
        data_source: String,
        /// The glob.
        pattern: String,
        /// Where it breaks.
        source: glob::PatternError,
    },
    /// The operating system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried: `read`, `write`, ….
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The bytes are not what the format says.
    #[error("{} is not a readable {format} file; restore it or correct the format", path.display())]
    CorruptFile {
        /// The file.
        path: PathBuf,
        /// The format it should have.
        format: &'static str,
        /// What the reader met.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file was replaced while it was being read.
    #[error("{} changed while it was being read; run again", path.display())]
    FileChanged {
        /// The file.
        path: PathBuf,
    },
    /// A file lacks a column that the source must have.
    #[error(
        "data source `{data_source}`: column `{column}` is missing in {}; it has {}",
        path.display(), found.join(", ")
    )]
    MissingColumn {
        /// The source.
        data_source: String,
        /// The file.
        path: PathBuf,
        /// The column, by the name it has after the field mapping.
        column: String,
        /// The columns that are there, after the field mapping.
        found: Vec<String>,
    },
    /// Two columns of a file have one name, at the latest after the field mapping.
    #[error(
        "data source `{data_source}`: {} has two columns called `{column}`; rename one, or correct `field_mapping`",
        path.display()
    )]
    DuplicateColumn {
        /// The source.
        data_source: String,
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
    },
    /// Two files of one source disagree about a column.
    #[error(
        "data source `{data_source}`: column `{column}` holds {first} in {} and {second} in {}; rewrite one of them",
        first_path.display(), second_path.display()
    )]
    MixedTypes {
        /// The source.
        data_source: String,
        /// The column.
        column: String,
        /// Its type in the first file.
        first: Box<str>,
        /// The first file.
        first_path: Box<Path>,
        /// Its type in the other file.
        second: Box<str>,
        /// The other file.
        second_path: Box<Path>,
    },
    /// A value or column of a file cannot become the declared type.
    #[error("data source `{data_source}`: {} does not fit its definition", path.display())]
    Value {
        /// The source.
        data_source: String,
        /// The file.
        path: PathBuf,
        /// Column, row of the file, and value.
        source: Box<RequestError>,
    },
    /// No name for a new file sorts last and belongs to the source.
    #[error(
        "data source `{data_source}`: no new file can follow {} and match `{pattern}`; let `path` name the folder",
        last.display()
    )]
    NoNameForAppend {
        /// The source.
        data_source: String,
        /// The path or glob of the source.
        pattern: String,
        /// The file that the new one would have to follow.
        last: PathBuf,
    },
    /// The ending of a file name tells no format that larder knows.
    #[error("{} has no known format; name it .parquet, .csv, .ndjson or .jsonl", path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// A table cannot be written in the format chosen.
    #[error("column `{column}` of type {data_type} cannot be written as {format}; write Parquet, or drop it")]
    Unwritable {
        /// The column.
        column: String,
        /// Its type.
        data_type: String,
        /// The format chosen.
        format: &'static str,
    },
    /// More rows than the join can count.
    #[error("{what} has more than {limit} rows; split it")]
    TooManyRows {
        /// Which table.
        what: String,
        /// How many are possible.
        limit: u64,
    },
    /// The request itself is wrong.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// An Arrow kernel failed on data that it should take, or ran out of offsets.
    #[error("cannot {action}")]
    Arrow {
        /// What was tried.
        action: &'static str,
        /// Why not.
        source: arrow::error::ArrowError,
    },
    /// The store is shutting down.
    #[error("the offline store has closed")]
    Closed,
}

impl OfflineError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    pub(crate) fn arrow(action: &'static str) -> impl FnOnce(arrow::error::ArrowError) -> Self {
        move |source| Self::Arrow { action, source }
    }

    pub(crate) fn corrupt_parquet(path: &Path) -> impl FnOnce(ParquetError) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::CorruptFile { path, format: "parquet", source: Box::new(source) }
    }
}

impl From<Ending> for OfflineError {
    fn from(_: Ending) -> Self {
        Self::Closed
    }
}

impl From<OfflineError> for Error {
    fn from(error: OfflineError) -> Self {
        let kind = match &error {
            OfflineError::FileNotFound { .. } | OfflineError::NoFiles { .. } => ErrorKind::NotFound,
            OfflineError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                ErrorKind::NotFound
            }
            OfflineError::Io { .. } | OfflineError::FileChanged { .. } | OfflineError::Closed => {
                ErrorKind::Unavailable
            }
            OfflineError::CorruptFile { .. } => ErrorKind::Corrupt,
            OfflineError::Arrow { .. } => ErrorKind::Internal,
            OfflineError::Request(request) => return request.clone().into(),
            _ => ErrorKind::Invalid,
        };
        Self::new(kind, error)
    }
}
