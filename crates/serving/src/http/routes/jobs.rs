//! `GET /v1/jobs`, `POST /v1/jobs/{name}/runs`, `GET /v1/jobs/{name}/runs` and `GET /v1/jobs/{name}/runs/{id}`.

use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use larder_core::{Error, ErrorKind, PermittedAction, Timestamp};
use serde::{Deserialize, Serialize};

use crate::http::error::{HttpError, error_response, json_response};
use crate::http::guard::App;
use crate::http::{FOREIGN_PAGE, is_unasked};
use crate::{Access, Protected};
use crate::{JobIsRunning, JobServer, StartJob};

/// Arguments are short.
const MAX_BODY_BYTES: usize = 64 << 10;

/// What starts a run: `{"arguments": ["x"], "time": "2024-01-31T12:00:00Z"}`, both optional; or no body.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct StartBody {
    arguments: Option<Vec<String>>,
    time: Option<String>,
}

pub(crate) async fn list(State(app): State<Arc<App>>, access: Access) -> Response {
    let jobs = async {
        may(&app, &access, PermittedAction::Describe).await?;
        Ok(server(&app)?.jobs().await?)
    };
    answer(&app, StatusCode::OK, jobs.await)
}

pub(crate) async fn start(
    State(app): State<Arc<App>>,
    access: Access,
    Path(job): Path<String>,
    request: Request,
) -> Response {
    let started = async {
        may(&app, &access, PermittedAction::Update).await?;
        if is_unasked(request.headers()) {
            return Err(HttpError::detail(StatusCode::FORBIDDEN, FOREIGN_PAGE));
        }
        let request = read(&app, request).await?;
        server(&app)?.start(&job, request).await.map_err(|error| match error.downcast_ref::<JobIsRunning>() {
            Some(running) => HttpError::detail(StatusCode::CONFLICT, &running.to_string()),
            None => error.into(),
        })
    };
    answer(&app, StatusCode::ACCEPTED, started.await)
}

pub(crate) async fn runs(State(app): State<Arc<App>>, access: Access, Path(job): Path<String>) -> Response {
    let runs = async {
        may(&app, &access, PermittedAction::Describe).await?;
        Ok(server(&app)?.runs(&job).await?)
    };
    answer(&app, StatusCode::OK, runs.await)
}

pub(crate) async fn run(
    State(app): State<Arc<App>>,
    access: Access,
    Path((job, id)): Path<(String, String)>,
) -> Response {
    let run = async {
        may(&app, &access, PermittedAction::Describe).await?;
        let runs = server(&app)?.runs(&job).await?;
        let unknown =
            || Error::new(ErrorKind::NotFound, format!("job `{job}` has no run `{id}` that is remembered"));
        Ok(runs.into_iter().find(|run| run.id == id).ok_or_else(unknown)?)
    };
    answer(&app, StatusCode::OK, run.await)
}

/// Refuses those who may not look at the project, or not change it: a job may do whatever its definition allows.
async fn may(app: &App, access: &Access, action: PermittedAction) -> Result<(), HttpError> {
    Ok(access.require(&*app.server, &[action], |snapshot| Ok(vec![Protected::project(snapshot)])).await?)
}

fn server(app: &App) -> Result<&Arc<dyn JobServer>, HttpError> {
    app.options.jobs.as_ref().ok_or_else(|| HttpError::detail(StatusCode::NOT_FOUND, "Not Found"))
}

async fn read(app: &App, request: Request) -> Result<StartJob, HttpError> {
    let wrong = |text: String| HttpError::detail(StatusCode::UNPROCESSABLE_ENTITY, &text);
    let body = tokio::time::timeout(app.options.body_timeout, to_bytes(request.into_body(), MAX_BODY_BYTES));
    let body =
        body.await.map_err(|_| HttpError::detail(StatusCode::REQUEST_TIMEOUT, "the body does not arrive"))?;
    let body =
        body.map_err(|_| HttpError::detail(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 64 KiB"))?;
    if body.trim_ascii().is_empty() {
        return Ok(StartJob::default());
    }
    let body: StartBody = serde_json::from_slice(&body).map_err(|error| {
        wrong(format!("the body is not {{\"arguments\": [\"…\"], \"time\": \"…\"}}: {error}"))
    })?;
    let time = body.time.as_deref().map(Timestamp::parse).transpose();
    let time = time.map_err(|error| wrong(error.to_string()))?;
    Ok(StartJob { arguments: body.arguments, time })
}

fn answer<T: Serialize>(app: &App, status: StatusCode, result: Result<T, HttpError>) -> Response {
    match result.map(|value| serde_json::to_vec(&value).expect("names and numbers are JSON")) {
        Ok(body) => json_response(status, body),
        Err(error) => error_response(&error, app.options.error_status),
    }
}
