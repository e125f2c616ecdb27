//! What can go wrong here that is no mistake in a request.

use larder_core::{Error, ErrorKind, Timestamp};

/// An error of materialization.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MaterializeError {
    /// One view failed. Views before it are done and recorded, views after it untouched.
    #[error(
        "feature view `{view}` could not be materialized from {start} to {end}; nothing was recorded for it"
    )]
    View {
        /// The view.
        view: String,
        /// The earliest event time asked for.
        start: Timestamp,
        /// The latest event time asked for.
        end: Timestamp,
        /// Why.
        source: Error,
    },
    /// The offline store gave a row whose join key is null, which its contract excludes.
    #[error("the offline store gave a row of feature view `{view}` without a join key")]
    NullJoinKey {
        /// The view.
        view: String,
    },
    /// Columns do not form the batch that the stores agreed on.
    #[error("the columns of view `{view}` do not form a batch")]
    Batch {
        /// The view.
        view: String,
        /// Why.
        source: arrow::error::ArrowError,
    },
    /// The process is shutting down.
    #[error("the process is shutting down")]
    ShuttingDown,
}

impl From<MaterializeError> for Error {
    fn from(error: MaterializeError) -> Self {
        let kind = match &error {
            MaterializeError::View { source, .. } => source.kind(),
            MaterializeError::NullJoinKey { .. } | MaterializeError::Batch { .. } => ErrorKind::Internal,
            MaterializeError::ShuttingDown => ErrorKind::Unavailable,
        };
        Self::new(kind, error)
    }
}
