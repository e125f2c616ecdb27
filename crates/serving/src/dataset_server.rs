//! Saved datasets that clients of a registry have made, and look into.
//!
//! Both doors of the registry server, REST and gRPC, come through the functions here, which ask the permissions of the
//! dataset's project; what is behind them is a [`DatasetServer`].

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema};
use async_trait::async_trait;
use larder_core::column::json_value;
use larder_core::{PermissionType, PermittedAction, RequestError, Result, Timestamp};
use larder_plan::Selection;
use larder_registry::RegistrySnapshot;
use serde_json::Value;

use crate::authorization::history_read_by;
use crate::{Access, Protected, RegistryServer};

/// The verbs behind the doors, beside those of the registry. Methods may run concurrently and never block the caller's thread.
#[async_trait]
pub trait DatasetServer: RegistryServer {
    /// The registered objects of a project whose rows lie in a file from which entity rows are to be read.
    ///
    /// # Errors
    ///
    /// [`RequestError`] for a file that clients may not have read.
    async fn owners_of_table(&self, project: &RegistrySnapshot, path: &str) -> Result<Vec<TableOwner>>;

    /// Starts making a dataset, and answers the job as it is then. The dataset is registered once it is complete.
    ///
    /// # Errors
    ///
    /// [`RequestError`] if it may not lie where it is to; [`ErrorKind::Unavailable`](larder_core::ErrorKind) if too
    /// many wait already.
    async fn start_dataset(self: Arc<Self>, new: NewDataset) -> Result<DatasetJob>;

    /// The jobs of this process, the latest first. Those that ended long ago may be forgotten.
    fn dataset_jobs(&self) -> Vec<DatasetJob>;

    /// The first rows of a dataset.
    ///
    /// # Errors
    ///
    /// [`RequestError::SavedDatasetNotFound`]; what is wrong with its file, or where it lies.
    async fn dataset_rows(&self, project: &RegistrySnapshot, name: &str, limit: usize)
    -> Result<DatasetRows>;
}

/// A dataset that is to be made.
#[derive(Clone, Debug)]
pub struct NewDataset {
    /// The project whose features it holds.
    pub project: String,
    /// Its name, unique in the project.
    pub name: String,
    /// Its features.
    pub selection: Selection,
    /// What its rows are about.
    pub entities: DatasetEntities,
    /// `name=value` lines: columns with one value in all rows, such as request data.
    pub extra_columns: String,
    /// In what it is to be kept, in Feast's word; larder knows `file`.
    pub storage: String,
    /// Where: a file, Parquet, CSV or NDJSON by its ending.
    pub path: String,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
    /// Whether a file that is there, and a dataset of this name, may be replaced.
    pub allow_overwrite: bool,
}

/// Entity rows as a client names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatasetEntities {
    /// In words.
    Inline {
        /// The columns of keys.
        keys: Vec<String>,
        /// Values of one key, between commas or on lines; of several, a line a row with commas between keys.
        values: String,
        /// The time of the first row; empty for none. Rows in between are spread evenly.
        start: String,
        /// The time of the last row, or of all without a start; empty for now.
        end: String,
    },
    /// A file.
    Table {
        /// Its path; a relative one starts at the feature repo.
        path: String,
    },
}

/// What a file belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableOwner {
    /// A data source, by its name.
    DataSource(String),
    /// A saved dataset, by its name.
    SavedDataset(String),
}

/// The making of a dataset, as far as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatasetJob {
    /// A UUID.
    pub id: String,
    /// The dataset.
    pub dataset: String,
    /// Its project.
    pub project: String,
    /// Its labels, which permissions may be about.
    pub tags: BTreeMap<String, String>,
    /// How far it is.
    pub status: DatasetJobStatus,
    /// When it was asked for.
    pub created: Timestamp,
    /// When it ended.
    pub completed: Option<Timestamp>,
    /// Why it failed.
    pub error: Option<String>,
}

/// How far a [`DatasetJob`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatasetJobStatus {
    /// It waits for others.
    Pending,
    /// It is being made.
    Running,
    /// The dataset is there.
    Completed,
    /// There is none, or still the one before.
    Failed,
}

impl DatasetJobStatus {
    /// Feast's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }

    /// The status of a word; `None` if it is none of Feast's.
    pub fn of_word(word: &str) -> Option<Self> {
        [Self::Pending, Self::Running, Self::Completed, Self::Failed]
            .into_iter()
            .find(|status| status.word() == word)
    }
}

/// Some rows of a dataset.
#[derive(Clone, Debug)]
pub struct DatasetRows {
    /// The rows.
    pub rows: RecordBatch,
    /// How many the dataset has.
    pub total: usize,
}

impl DatasetRows {
    /// The value of a cell as JSON: times as Python writes them, a float that JSON cannot write as null.
    pub fn value(&self, column: usize, row: usize) -> Value {
        let Some(array) = self.rows.columns().get(column) else { return Value::Null };
        match (array.data_type(), json_value(array, row)) {
            (DataType::Timestamp(..), Value::String(time)) => {
                Timestamp::parse(&time).map_or(Value::Null, |time| time.to_python().into())
            }
            (DataType::Float16 | DataType::Float32 | DataType::Float64, Value::String(_)) => Value::Null,
            (_, value) => value,
        }
    }

    /// The columns.
    pub fn schema(&self) -> &Schema {
        self.rows.schema_ref()
    }
}

/// Starts making a dataset for a caller who may make it, of what they may read.
///
/// Feast asks only for the former, so that a dataset would show what its features' views hide.
///
/// # Errors
///
/// [`RequestError::PermissionDenied`]; else as [`DatasetServer::start_dataset`], and for features that are not there.
pub async fn create_dataset(
    server: Arc<dyn DatasetServer>,
    access: &Access,
    new: NewDataset,
) -> Result<DatasetJob> {
    let snapshot = server.project_snapshot(&new.project).await?;
    let existing = snapshot.saved_dataset(&new.name).map(|dataset| Protected::from(dataset.object.as_ref()));
    access.check_put(&snapshot, existing.ok().as_ref(), &protected(&new.name, &new.tags))?;
    let read = [PermittedAction::ReadOffline];
    for object in history_read_by(&snapshot, &new.selection)? {
        access.check(&snapshot, &read, &object)?;
    }
    if let DatasetEntities::Table { path } = &new.entities {
        for owner in server.owners_of_table(&snapshot, path).await? {
            access.check(&snapshot, &read, &owner_in(&snapshot, &owner)?)?;
        }
    }
    server.start_dataset(new).await
}

/// The job of an id, if the caller may know of its dataset.
///
/// # Errors
///
/// [`RequestError::DatasetJobNotFound`], [`RequestError::PermissionDenied`].
pub async fn dataset_job(server: &dyn DatasetServer, access: &Access, id: &str) -> Result<DatasetJob> {
    let Some(job) = server.dataset_jobs().into_iter().find(|job| job.id == id) else {
        return Err(RequestError::DatasetJobNotFound { id: id.to_owned() }.into());
    };
    check_sees(server, access, &job).await?;
    Ok(job)
}

/// The jobs of a project and status that the caller may know of, the latest first; of all, where either is empty or
/// no status.
///
/// # Errors
///
/// If the registry cannot be read.
pub async fn dataset_jobs(
    server: &dyn DatasetServer,
    access: &Access,
    project: &str,
    status: &str,
) -> Result<Vec<DatasetJob>> {
    let status = DatasetJobStatus::of_word(status);
    let mut jobs = server.dataset_jobs();
    jobs.retain(|job| {
        (project.is_empty() || job.project == project) && status.is_none_or(|status| job.status == status)
    });
    let mut seen = Vec::with_capacity(jobs.len());
    for job in jobs {
        match check_sees(server, access, &job).await {
            Ok(()) => seen.push(job),
            Err(error) if error.downcast_ref::<RequestError>().is_some() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(seen)
}

/// The first rows of a dataset, if the caller may read it.
///
/// # Errors
///
/// [`RequestError::PermissionDenied`]; else as [`DatasetServer::dataset_rows`].
pub async fn dataset_rows(
    server: &dyn DatasetServer,
    access: &Access,
    (project, name): (&str, &str),
    limit: usize,
) -> Result<DatasetRows> {
    let snapshot = server.project_snapshot(project).await?;
    let dataset = snapshot.saved_dataset(name)?;
    access.check(&snapshot, &[PermittedAction::ReadOffline], &dataset.object.as_ref().into())?;
    server.dataset_rows(&snapshot, name, limit).await
}

async fn check_sees(server: &dyn DatasetServer, access: &Access, job: &DatasetJob) -> Result<()> {
    if !access.is_limited() {
        return Ok(());
    }
    let snapshot = server.project_snapshot(&job.project).await?;
    let protected = protected(&job.dataset, &job.tags);
    Ok(access.check_unregistered(&snapshot, &[PermittedAction::Describe], &protected)?)
}

fn protected<'a>(name: &'a str, tags: &'a BTreeMap<String, String>) -> Protected<'a> {
    Protected { kind: PermissionType::SavedDataset, name, tags }
}

fn owner_in<'s>(snapshot: &'s RegistrySnapshot, owner: &TableOwner) -> Result<Protected<'s>, RequestError> {
    match owner {
        TableOwner::DataSource(name) => Ok(snapshot.data_source(name)?.object.as_ref().into()),
        TableOwner::SavedDataset(name) => Ok(snapshot.saved_dataset(name)?.object.as_ref().into()),
    }
}
