//! What can go wrong between larder and MLflow.

use std::path::PathBuf;

use larder_blocking::Ending;
use larder_core::{Error, ErrorKind};

/// What can go wrong between larder and MLflow. No message holds a password or a token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MlflowError {
    /// Nobody says where the server is.
    #[error(
        "it is not said where MLflow's server is: give `mlflow` in feature_store.yaml a `tracking_uri`, or set \
         MLFLOW_TRACKING_URI"
    )]
    NoAddress,
    /// The address is none of a server.
    #[error(
        "`{address}` is no address of an MLflow server that larder can ask; it speaks MLflow's REST API over `http://` and \
         `https://`: start `mlflow server` over such a store"
    )]
    NoServer {
        /// The address.
        address: String,
    },
    /// The server does not answer.
    #[error("MLflow cannot be reached at {url}")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server answers with an error.
    #[error("MLflow at {url} answers {status}: {message}")]
    Refused {
        /// What was asked for.
        url: String,
        /// The status of HTTP.
        status: u16,
        /// What the server says.
        message: String,
    },
    /// The server wants to know who asks.
    #[error(
        "MLflow at {url} answers {status}; set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and \
         MLFLOW_TRACKING_PASSWORD, which go to the server of feature_store.yaml and MLFLOW_TRACKING_URI alone"
    )]
    Unauthorized {
        /// What was asked for.
        url: String,
        /// The status of HTTP.
        status: u16,
    },
    /// The answer is not what MLflow's API promises.
    #[error("the answer of MLflow at {url} is not what it should be: {reason}")]
    InvalidAnswer {
        /// What was asked for.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no dataset of the name.
    #[error("MLflow has no dataset `{name}`")]
    NoDataset {
        /// The name.
        name: String,
    },
    /// There are several datasets of the name.
    #[error("MLflow has several datasets `{name}`; name one by its `dataset_id`")]
    SeveralDatasets {
        /// The name.
        name: String,
    },
    /// The format is not among those that the configuration lets be read.
    #[error(
        "artifacts of format `{format}` are not among the `supported_artifact_formats` of feature_store.yaml"
    )]
    FormatSwitchedOff {
        /// The format.
        format: &'static str,
    },
    /// The artifact is a folder without files of its format.
    #[error("artifact `{path}` is a folder without {format} files directly in it")]
    EmptyFolder {
        /// The artifact.
        path: String,
        /// The format.
        format: &'static str,
    },
    /// What comes is larger than a table may be.
    #[error("MLflow at {url} sends more than {limit} bytes")]
    TooLarge {
        /// What was asked for.
        url: String,
        /// How much may come.
        limit: u64,
    },
    /// Rows were to be written to a table of MLflow.
    #[error(
        "`{source_name}` is read from MLflow, and nothing is written there; rows go to its `batch_source`"
    )]
    NotWritten {
        /// The source.
        source_name: String,
    },
    /// The file with certificates cannot be used.
    #[error("{path} cannot be read as certificates in PEM", path = path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file for what was fetched cannot be written.
    #[error("what MLflow sent cannot be kept in a temporary file")]
    TemporaryFile(#[source] std::io::Error),
    /// The process ends.
    #[error("larder is ending")]
    Ending,
}

impl From<Ending> for MlflowError {
    fn from(_: Ending) -> Self {
        Self::Ending
    }
}

impl From<MlflowError> for Error {
    fn from(error: MlflowError) -> Self {
        let kind = match &error {
            MlflowError::Unreachable { .. }
            | MlflowError::TemporaryFile(_)
            | MlflowError::Ending
            | MlflowError::Refused { status: 500.., .. } => ErrorKind::Unavailable,
            MlflowError::Refused { status: 404, .. } | MlflowError::NoDataset { .. } => ErrorKind::NotFound,
            MlflowError::InvalidAnswer { .. } => ErrorKind::Corrupt,
            _ => ErrorKind::Invalid,
        };
        Self::new(kind, error)
    }
}
