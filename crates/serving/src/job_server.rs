//! Jobs as a server offers them, in the words that go over a connection.

use std::fmt::Debug;

use async_trait::async_trait;
use larder_core::{Result, Timestamp};
use serde::{Deserialize, Serialize};

/// The jobs of a project, and their runs.
///
/// Shared by all requests; methods never block the caller's thread.
#[async_trait]
pub trait JobServer: Debug + Send + Sync + 'static {
    /// All jobs, by name.
    ///
    /// # Errors
    ///
    /// If the registry or a history cannot be read.
    async fn jobs(&self) -> Result<Vec<JobSummary>>;

    /// Starts a run, and returns when it has begun.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`](larder_core::ErrorKind::NotFound) if there is no such job; [`JobIsRunning`] if it
    /// runs already.
    async fn start(&self, job: &str, request: StartJob) -> Result<JobRunReport>;

    /// The runs of a job, the latest first: those that are remembered.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    async fn runs(&self, job: &str) -> Result<Vec<JobRunReport>>;
}

/// What a run by hand is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StartJob {
    /// The arguments; those of the definition, without them.
    pub arguments: Option<Vec<String>>,
    /// The time that the run is for; now, without it.
    pub time: Option<Timestamp>,
}

/// A job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobSummary {
    /// Its name.
    pub name: String,
    /// What it is, for people.
    pub description: String,
    /// When it is due, as a cron text in UTC.
    pub schedule: Option<String>,
    /// When it is due next.
    pub next_time: Option<String>,
    /// What it may do.
    pub allow: Vec<String>,
    /// What it is told.
    pub arguments: Vec<String>,
    /// Its latest run, without the log.
    pub last_run: Option<JobRunReport>,
}

/// A run of a job, or times at which it should have run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobRunReport {
    /// Its name among the runs of the job.
    pub id: String,
    /// The job.
    pub job: String,
    /// How it ended.
    pub outcome: JobOutcome,
    /// Who started it.
    pub trigger: JobTrigger,
    /// The time that it is for; of missed times the last.
    pub time: String,
    /// When it began, or was found to be missed.
    pub started: String,
    /// When it ended.
    pub ended: Option<String>,
    /// How long it took, in seconds.
    pub seconds: Option<f64>,
    /// Why it failed, or was missed.
    pub error: Option<String>,
    /// How many times were missed.
    pub missed: Option<u64>,
    /// What it logged, cut to its limit.
    pub log: Vec<JobLogLine>,
}

/// One line of the log of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobLogLine {
    /// `debug`, `info`, `warn` or `error`.
    pub level: String,
    /// The text, without control characters.
    pub line: String,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobOutcome {
    /// It goes on.
    Running,
    /// It ended well.
    Succeeded,
    /// It failed.
    Failed,
    /// The process ended before it did.
    Interrupted,
    /// It was due and did not run.
    Missed,
}

impl JobOutcome {
    /// The name, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Missed => "missed",
        }
    }
}

/// Who starts a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobTrigger {
    /// Its schedule.
    Schedule,
    /// Somebody.
    Hand,
}

/// A job is asked to run while it does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("job `{job}` is running; wait for its end, which `larder job history {job}` shows")]
pub struct JobIsRunning {
    /// The job.
    pub job: String,
}
