//! Saved datasets that are made on request, and the first rows of those that are there.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use larder_core::{Error, ErrorKind, Timestamp};
use larder_plan::Selection;
use serde_json::{Map, Value, json};

use super::apply::Sent;
use super::door::{Answer, Asked, Door, Json, method_not_allowed};
use super::refusal::Refusal;
use crate::dataset_server::{
    DatasetEntities, DatasetJob, DatasetServer, NewDataset, create_dataset, dataset_job, dataset_jobs,
    dataset_rows,
};

/// Rows of a dataset that are shown at most.
const MAX_ROWS: u32 = 100;

/// `POST /saved_datasets/create`, beside the routes of a dataset that may be called so.
pub(super) async fn create(
    State(door): State<Arc<Door>>,
    Path(verb): Path<String>,
    sent: Sent,
) -> Result<Response, Refusal> {
    if verb != "create" {
        return Ok(method_not_allowed().await);
    }
    let asked = sent.read(|body| SentDataset {
        name: body.text("name"),
        project: body.text("project"),
        service: body.optional_text("feature_service_name").unwrap_or_default(),
        features: body.texts("features"),
        source: body.text_or("entity_source_type", "inline"),
        table: body.optional_text("entity_source_path").unwrap_or_default(),
        keys: body.texts("entity_keys"),
        values: body.optional_text("entity_values").unwrap_or_default(),
        start: body.optional_text("start_date").unwrap_or_default(),
        end: body.optional_text("end_date").unwrap_or_default(),
        extra_columns: body.optional_text("extra_columns").unwrap_or_default(),
        storage: body.text_or("storage_type", "file"),
        path: body.text_or("storage_path", ""),
        tags: body.tags("tags"),
        allow_overwrite: body.optional_flag("allow_overwrite").unwrap_or_default(),
    })?;
    let new = asked.checked()?;
    let job = create_dataset(server(&door)?, &sent.access, new)
        .await
        .map_err(|error| failed("create dataset", error))?;
    Ok(Json(json!({ "job_id": job.id, "status": job.status.word() })).into_response())
}

pub(super) async fn job(State(door): State<Arc<Door>>, Path(id): Path<String>, asked: Asked) -> Answer {
    Ok(Json(shown(&dataset_job(server(&door)?.as_ref(), &asked.access, &id).await?)))
}

pub(super) async fn jobs(State(door): State<Arc<Door>>, asked: Asked) -> Answer {
    let text = |name| asked.parameters.text(name).unwrap_or_default();
    let jobs =
        dataset_jobs(server(&door)?.as_ref(), &asked.access, &text("project"), &text("status")).await?;
    Ok(Json(json!({ "jobs": jobs.iter().map(shown).collect::<Vec<_>>() })))
}

pub(super) async fn data(
    State(door): State<Arc<Door>>,
    Path(name): Path<String>,
    mut asked: Asked,
) -> Answer {
    let project = asked.parameters.required("project");
    let limit = asked.parameters.positive("limit", Some(MAX_ROWS)).unwrap_or(10);
    asked.parameters.finish()?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let read = dataset_rows(server(&door)?.as_ref(), &asked.access, (&project, &name), limit).await;
    let read = read.map_err(|error| failed("read dataset data", error))?;
    let columns: Vec<&str> = read.schema().fields().iter().map(|field| field.name().as_str()).collect();
    let row = |row| {
        let cells =
            columns.iter().enumerate().map(|(column, name)| ((*name).to_owned(), read.value(column, row)));
        Value::Object(cells.collect::<Map<_, _>>())
    };
    Ok(Json(json!({
        "columns": columns,
        "rows": (0..read.rows.num_rows()).map(row).collect::<Vec<_>>(),
        "total_rows": read.total,
        "sample_size": read.rows.num_rows(),
    })))
}

fn server(door: &Door) -> Result<Arc<dyn DatasetServer>, Refusal> {
    let server = Arc::clone(&door.server).datasets();
    server.ok_or_else(|| Refusal::http(StatusCode::NOT_FOUND, "this server makes no datasets"))
}

/// A failure in Feast's words, with a status that fits: Feast says 500 of each.
fn failed(what: &str, error: Error) -> Refusal {
    match error.kind() {
        ErrorKind::Forbidden => error.into(),
        _ => Refusal::from(error).of_route(&format!("Failed to {what}: ")),
    }
}

fn shown(job: &DatasetJob) -> Value {
    json!({
        "job_id": job.id,
        "dataset_name": job.dataset,
        "project": job.project,
        "status": job.status.word(),
        "created_at": job.created.to_isoformat(),
        "completed_at": job.completed.map(Timestamp::to_isoformat).unwrap_or_default(),
        "error": job.error.as_deref().unwrap_or_default(),
    })
}

/// A dataset as a client asks for it.
#[derive(Debug, Default)]
struct SentDataset {
    name: String,
    project: String,
    service: String,
    features: Vec<String>,
    source: String,
    table: String,
    keys: Vec<String>,
    values: String,
    start: String,
    end: String,
    extra_columns: String,
    storage: String,
    path: String,
    tags: Map<String, Value>,
    allow_overwrite: bool,
}

impl SentDataset {
    /// # Errors
    ///
    /// What is missing, one after the other and in Feast's words.
    fn checked(self) -> Result<NewDataset, Refusal> {
        let missing = |is_missing: bool, what: &str| {
            if is_missing { Err(Refusal::http(StatusCode::BAD_REQUEST, what)) } else { Ok(()) }
        };
        let is_inline = self.source == "inline";
        missing(self.name.trim().is_empty(), "Dataset name is required.")?;
        missing(self.project.trim().is_empty(), "Project is required.")?;
        missing(self.path.trim().is_empty(), "Storage path (output destination) is required.")?;
        let has_features = !self.service.is_empty() || !self.features.is_empty();
        missing(!has_features, "Either feature_service_name or features list is required.")?;
        let no_keys = "entity_keys is required when entity_source_type is 'inline'.";
        missing(is_inline && self.keys.is_empty(), no_keys)?;
        let no_values = "entity_values is required when entity_source_type is 'inline'.";
        missing(is_inline && self.values.trim().is_empty(), no_values)?;
        let no_table = "entity_source_path is required when entity_source_type is 'reference'.";
        missing(!is_inline && self.table.is_empty(), no_table)?;
        let tag = |(key, value): (String, Value)| (key, value.as_str().unwrap_or_default().to_owned());
        Ok(NewDataset {
            project: self.project.trim().to_owned(),
            name: self.name.trim().to_owned(),
            selection: if self.service.is_empty() {
                Selection::References(self.features)
            } else {
                Selection::Service(self.service)
            },
            entities: if is_inline {
                DatasetEntities::Inline {
                    keys: self.keys,
                    values: self.values,
                    start: self.start,
                    end: self.end,
                }
            } else {
                DatasetEntities::Table { path: self.table }
            },
            extra_columns: self.extra_columns,
            storage: self.storage,
            path: self.path.trim().to_owned(),
            tags: self.tags.into_iter().map(tag).collect(),
            allow_overwrite: self.allow_overwrite,
        })
    }
}
