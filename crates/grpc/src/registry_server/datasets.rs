//! Jobs over saved datasets, which Feast's web page starts. Its clients in Python do not call them.

use std::sync::Arc;

use axum::Router;
use larder_core::{RequestError, Result, Timestamp};
use larder_plan::Selection;
use larder_serving::{
    Access, DatasetEntities, DatasetJob, DatasetServer, NewDataset, create_dataset, dataset_job,
    dataset_jobs, dataset_rows,
};
use prost::Message;

use super::messages::{
    CreateDataset, DatasetData, DatasetJobMessage, DatasetJobsMessage, GetDatasetData, GetDatasetJobStatus,
    ListDatasetJobs, StartedDataset, TabularRow,
};
use super::{REGISTRY_SERVICE, feast_status_of};
use crate::encoded::Encoded;
use crate::service::{Service, ServiceOptions};

/// Rows of a dataset that are shown where a request does not say how many.
const ROWS: i32 = 10;

/// Rows of a dataset that are shown at most.
const MAX_ROWS: usize = 10_000;

/// A larger request is refused, since it may wait for its turn.
const MAX_REQUEST_BYTES: usize = 1 << 20;

/// What the methods share.
#[derive(Debug)]
struct Datasets(Arc<dyn DatasetServer>);

/// The methods, as a router.
pub(super) fn methods(server: Arc<dyn DatasetServer>, options: ServiceOptions) -> Router {
    let service = Service::new(REGISTRY_SERVICE, Arc::new(Datasets(server)), options);
    let service = call(service, "CreateDatasetFromRetrieval", async |server, access, request| {
        let new = new_dataset(request, &*server)?;
        let job = create_dataset(server, &access, new).await?;
        Ok(Encoded::of(&StartedDataset { job_id: job.id, status: job.status.word().to_owned() }))
    });
    let service = call(service, "GetDatasetData", async |server, access, request| {
        data(&*server, &access, &request).await
    });
    let service =
        call(service, "GetDatasetJobStatus", async |server, access, request: GetDatasetJobStatus| {
            Ok(Encoded::of(&message(dataset_job(&*server, &access, &request.job_id).await?)))
        });
    let service = call(service, "ListDatasetJobs", async |server, access, request: ListDatasetJobs| {
        let jobs = dataset_jobs(&*server, &access, &request.project, &request.status_filter).await?;
        Ok(Encoded::of(&DatasetJobsMessage { jobs: jobs.into_iter().map(message).collect() }))
    });
    service.into_router()
}

fn call<M, F, A>(service: Service<Datasets>, method: &str, work: F) -> Service<Datasets>
where
    M: Message + Default + 'static,
    F: Fn(Arc<dyn DatasetServer>, Access, M) -> A + Copy + Send + Sync + 'static,
    A: Future<Output = Result<Encoded>> + Send + 'static,
{
    service.method(method, move |datasets: Arc<Datasets>, access, request| async move {
        work(Arc::clone(&datasets.0), access, request).await.map_err(|error| feast_status_of(&error))
    })
}

fn new_dataset(request: CreateDataset, server: &dyn DatasetServer) -> Result<NewDataset, RequestError> {
    let bytes = request.encoded_len();
    if bytes > MAX_REQUEST_BYTES {
        return Err(RequestError::other(format!(
            "the request has {bytes} bytes, and may have at most {MAX_REQUEST_BYTES}; name a file of entity rows"
        )));
    }
    let project = request.project.trim();
    let name = request.name.trim().to_owned();
    for (is_missing, what) in [
        (name.is_empty(), "Dataset name is required."),
        (request.storage_path.trim().is_empty(), "Storage path (output destination) is required."),
    ] {
        if is_missing {
            return Err(RequestError::other(what));
        }
    }
    Ok(NewDataset {
        project: if project.is_empty() { server.project() } else { project }.to_owned(),
        name,
        selection: if request.feature_service_name.is_empty() {
            Selection::References(request.features)
        } else {
            Selection::Service(request.feature_service_name)
        },
        entities: if request.entity_source_type == "inline" {
            DatasetEntities::Inline {
                keys: request.entity_keys,
                values: request.entity_values,
                start: request.start_date,
                end: request.end_date,
            }
        } else {
            DatasetEntities::Table { path: request.entity_source_path }
        },
        extra_columns: request.extra_columns,
        storage: if request.storage_type.is_empty() { "file".to_owned() } else { request.storage_type },
        path: request.storage_path.trim().to_owned(),
        tags: request.tags,
        allow_overwrite: request.allow_overwrite,
    })
}

async fn data(server: &dyn DatasetServer, access: &Access, request: &GetDatasetData) -> Result<Encoded> {
    let project = if request.project.is_empty() { server.project() } else { &request.project };
    let limit = if request.limit > 0 { request.limit } else { ROWS };
    let limit = usize::try_from(limit).unwrap_or(MAX_ROWS).min(MAX_ROWS);
    let read = dataset_rows(server, access, (project, &request.name), limit).await?;
    let row = |row| TabularRow {
        values: (0..read.rows.num_columns()).map(|column| read.value(column, row).to_string()).collect(),
    };
    let count = |rows: usize| i32::try_from(rows).unwrap_or(i32::MAX);
    Ok(Encoded::of(&DatasetData {
        columns: read.schema().fields().iter().map(|field| field.name().clone()).collect(),
        rows: (0..read.rows.num_rows()).map(row).collect(),
        total_rows: count(read.total),
        sample_size: count(read.rows.num_rows()),
    }))
}

fn message(job: DatasetJob) -> DatasetJobMessage {
    DatasetJobMessage {
        job_id: job.id,
        dataset_name: job.dataset,
        project: job.project,
        status: job.status.word().to_owned(),
        created_at: job.created.to_isoformat(),
        completed_at: job.completed.map(Timestamp::to_isoformat).unwrap_or_default(),
        error: job.error.unwrap_or_default(),
    }
}
