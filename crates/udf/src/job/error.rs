//! How a run of a job ends badly.

use std::error::Error as StdError;
use std::time::Duration;

use larder_core::{Error, ErrorKind};

use crate::error::bytes;

/// A run of a job that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// The run failed.
    #[error("job `{job}` failed")]
    Failed {
        /// The job.
        job: String,
        /// The cause.
        source: JobCallError,
    },
    /// The job asks for more than the sandbox has.
    #[error(
        "job `{job}`: {wanted_bytes} bytes of memory are more than the {limit_bytes} that the runtime sets aside"
    )]
    MemoryLimitTooHigh {
        /// The job.
        job: String,
        /// The memory limit of the job.
        wanted_bytes: usize,
        /// The most that is possible.
        limit_bytes: usize,
    },
}

impl From<JobError> for Error {
    fn from(error: JobError) -> Self {
        let kind = match &error {
            JobError::Failed { source: JobCallError::Cancelled, .. } => ErrorKind::Unavailable,
            JobError::Failed { .. } => ErrorKind::Transformation,
            JobError::MemoryLimitTooHigh { .. } => ErrorKind::Invalid,
        };
        Self::new(kind, error)
    }
}

/// How a run ended badly.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobCallError {
    /// The job itself returned an error.
    #[error("{message}")]
    Guest {
        /// Its message, cut to the sandbox's limit.
        message: String,
    },
    /// Its own code took too long.
    #[error(
        "ran out of time in its own code (`limits: {{compute_time: …}}`, now {limit:?}; waiting for larder does not count)"
    )]
    ComputeTime {
        /// The limit.
        limit: Duration,
    },
    /// The run took too long altogether.
    #[error("ran out of time (`limits: {{wall_time: …}}`, now {limit:?})")]
    WallTime {
        /// The limit.
        limit: Duration,
    },
    /// It asked for more memory than it may have.
    #[error("ran out of memory (`limits: {{memory: …}}`, now {})", bytes(*limit_bytes))]
    Memory {
        /// The limit.
        limit_bytes: usize,
    },
    /// A table of it grew past the most that larder grants to any.
    #[error("grew a table past {limit_elements} entries")]
    Table {
        /// The limit.
        limit_elements: usize,
    },
    /// It passed more bytes in one call than it may.
    #[error("passed too much in one call (`limits: {{batch: …}}`, now {}); pass fewer rows at a time", bytes(*limit_bytes))]
    Batch {
        /// The limit.
        limit_bytes: usize,
    },
    /// It used a reader, writer or entity rows that it does not have, or no longer.
    #[error("used a reader, writer or entity rows that it does not have")]
    UnknownHandle,
    /// It opened more readers, writers and entity rows than it may.
    #[error("has more than {limit} readers, writers and entity rows open")]
    TooManyHandles {
        /// The limit.
        limit: usize,
    },
    /// It was stopped by a trap.
    #[error("{trap}")]
    Trap {
        /// What happened, in plain words.
        trap: &'static str,
    },
    /// It called a function of a system, in place of which its builder has put a stub.
    #[error("asked for a system's {what} (`{function}` of {package}), which jobs do not have")]
    NoSystem {
        /// What there is none of: `clock`, `randomness`, `files`, `network`, …
        what: &'static str,
        /// The package of the function in WASI.
        package: &'static str,
        /// The function in WASI.
        function: String,
    },
    /// The run was ended from outside.
    #[error("was stopped")]
    Cancelled,
    /// Anything else that the engine refuses.
    #[error("was stopped by the wasm engine")]
    Engine {
        /// The cause.
        source: Box<dyn StdError + Send + Sync>,
    },
}
