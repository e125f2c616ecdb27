//! `POST /materialize`, `POST /materialize-incremental` and `POST /v1/materialize`
//!
//! Feast's two run to their end even if the client goes away. Ours stops when its client does, as a
//! command that is interrupted does.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use futures::stream;
use larder_core::{Error, ErrorKind, PermittedAction, RequestError, Result, Timestamp};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use crate::http::background::InProgress;
use crate::http::body::{
    Materialize, MaterializeIncremental, MaterializeWithProgress, RequestBody, read_end, read_time,
};
use crate::http::error::{HttpError, error_text, json_response};
use crate::http::fields::{invalid_query_boolean, lenient_boolean};
use crate::http::guard::App;
use crate::http::metrics::CountingObserver;
use crate::{Access, Protected};
use crate::{
    MaterializeEvent, MaterializeObserver, MaterializeRange, MaterializeRequest, MaterializeSummary,
};

/// So many progress lines may wait for a slow client before further ones are left out.
const MAX_WAITING_LINES: usize = 64;

/// The switches in the query.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Switches {
    in_background: bool,
    force: bool,
}

impl Switches {
    pub(crate) fn try_from_query(query: &HashMap<String, String>) -> Result<Self, HttpError> {
        let switch = |name: &str| match query.get(name) {
            None => Ok(false),
            Some(text) => {
                lenient_boolean(&Value::from(text.as_str())).ok_or_else(|| invalid_query_boolean(name, text))
            }
        };
        Ok(Self { in_background: switch("async")?, force: switch("force")? })
    }
}

pub(crate) async fn materialize(
    app: Arc<App>,
    access: Access,
    body: RequestBody,
    query: HashMap<String, String>,
) -> Result<Response, HttpError> {
    let switches = Switches::try_from_query(&query)?;
    let body: Materialize = body.read().await?;
    let range = range_of(&body, app.options.clock.now())?;
    let request = MaterializeRequest { range, feature_views: body.feature_views, version: body.version };
    run(app, &access, request, switches).await
}

pub(crate) async fn materialize_incremental(
    app: Arc<App>,
    access: Access,
    body: RequestBody,
    query: HashMap<String, String>,
) -> Result<Response, HttpError> {
    let switches = Switches::try_from_query(&query)?;
    let body: MaterializeIncremental = body.read().await?;
    let range = MaterializeRange::Incremental { end: read_end(&body.end_ts)? };
    let request = MaterializeRequest { range, feature_views: body.feature_views, version: body.version };
    run(app, &access, request, switches).await
}

pub(crate) async fn materialize_with_progress(
    app: Arc<App>,
    access: Access,
    body: RequestBody,
) -> Result<Response, HttpError> {
    let body: MaterializeWithProgress = body.read().await?;
    let end = read_time(&body.end)?;
    let range = match (&body.start, body.incremental) {
        (None, true) => MaterializeRange::Incremental { end },
        (Some(start), false) => MaterializeRange::Between { start: read_time(start)?, end },
        (Some(_), true) => {
            return Err(
                RequestError::other("an incremental run has no `start`; remove it or `incremental`").into()
            );
        }
        (None, false) => {
            return Err(
                RequestError::other("`start` is missing; give it, or set `incremental` to true").into()
            );
        }
    };
    let mut request = MaterializeRequest { range, feature_views: body.feature_views, version: body.version };
    let views = permitted_views(&app, &access, &mut request).await?;
    let in_progress = app.in_progress.begin(views);
    Ok(stream_progress(&app, request, in_progress))
}

fn range_of(body: &Materialize, now: Timestamp) -> Result<MaterializeRange, RequestError> {
    if body.disable_event_timestamp {
        return Ok(MaterializeRange::Between { start: Timestamp::EPOCH, end: now });
    }
    // As to Python, an empty text is no time at all.
    let given = |time: &'_ Option<String>| time.clone().filter(|text| !text.is_empty());
    let (Some(start), Some(end)) = (given(&body.start_ts), given(&body.end_ts)) else {
        return Err(RequestError::other(
            "start_ts and end_ts are required when disable_event_timestamp is False",
        ));
    };
    let (start, end) = (read_time(&start)?, read_time(&end)?);
    if start >= end {
        let (start, end) = (start.to_python_seconds(), end.to_python_seconds());
        return Err(RequestError::other(format!("start_ts ({start}) must be before end_ts ({end})")));
    }
    Ok(MaterializeRange::Between { start, end })
}

async fn run(
    app: Arc<App>,
    access: &Access,
    mut request: MaterializeRequest,
    switches: Switches,
) -> Result<Response, HttpError> {
    let views = permitted_views(&app, access, &mut request).await?;
    let in_progress = if switches.in_background && !switches.force {
        match app.in_progress.begin_alone(views.clone()) {
            Ok(in_progress) => in_progress,
            Err(busy) => return Ok(conflict(&busy)),
        }
    } else {
        app.in_progress.begin(views.clone())
    };
    let (sender, receiver) = oneshot::channel();
    let task_app = Arc::clone(&app);
    app.background.spawn(async move {
        let result = observed(&task_app, request, Arc::new(|_: MaterializeEvent| {})).await;
        drop(in_progress);
        if let Err(Err(unheard)) = sender.send(result) {
            tracing::error!(error = unheard.chain(), "materialization in the background failed");
        }
    });
    if switches.in_background {
        let accepted = json!({ "status": "accepted", "feature_views": views });
        return Ok(json_response(StatusCode::ACCEPTED, accepted.to_string()));
    }
    match receiver.await {
        Ok(result) => result.map(|_summary| json_response(StatusCode::OK, "null")).map_err(HttpError::from),
        Err(_ended) => Err(stopped().into()),
    }
}

/// The views that a request means, if its sender may write them all. Where that depends, the request then
/// names them, so that no view is materialized that was not asked about.
async fn permitted_views(
    app: &App,
    access: &Access,
    request: &mut MaterializeRequest,
) -> Result<Vec<String>> {
    // The work begins with a look at the registry, and must find neither other views there nor other permissions.
    app.server.refresh().await?;
    let views = views_of(app, request).await?;
    let write = [PermittedAction::WriteOnline];
    access
        .require(&*app.server, &write, |registry| {
            Ok(views.iter().map(|view| Protected::named(registry, view)).collect::<Result<_, _>>()?)
        })
        .await?;
    if access.is_limited() {
        request.feature_views = Some(views.clone());
    }
    Ok(views)
}

/// The views that a request means; all of them exist, also in the version that it names.
async fn views_of(app: &App, request: &MaterializeRequest) -> Result<Vec<String>> {
    let snapshot = app.server.snapshot().await?;
    snapshot.version_to_materialize(request.feature_views.as_deref(), request.version.as_deref())?;
    let Some(names) = &request.feature_views else {
        let views = snapshot.feature_views().iter().map(|view| &view.object);
        return Ok(views
            .filter(|view| view.online && view.enabled && view.is_materialized())
            .map(|view| view.name.clone())
            .collect());
    };
    for name in names {
        if snapshot.on_demand_feature_view(name).is_err() {
            snapshot.feature_view(name)?;
        }
    }
    Ok(names.clone())
}

fn conflict(busy: &[String]) -> Response {
    let names: Vec<String> = busy.iter().map(|view| format!("'{view}'")).collect();
    let text = format!(
        "Cannot start async materialization — the following feature views are already in MATERIALIZING state: \
         [{}]. Use ?force=true to override.",
        names.join(", ")
    );
    json_response(StatusCode::CONFLICT, json!({ "error": text, "feature_views": busy }).to_string())
}

async fn observed(
    app: &App,
    request: MaterializeRequest,
    observer: Arc<dyn MaterializeObserver>,
) -> Result<MaterializeSummary> {
    let observer = Arc::new(CountingObserver::new(observer));
    let result = app.server.materialize(request, Arc::clone(&observer) as Arc<dyn MaterializeObserver>).await;
    if result.is_err() {
        observer.failed();
    }
    result
}

/// Lines of progress for one client.
struct ProgressLines {
    sender: mpsc::UnboundedSender<Bytes>,
    waiting: Arc<AtomicUsize>,
}

impl MaterializeObserver for ProgressLines {
    fn observe(&self, event: MaterializeEvent) {
        // A slow client misses steps, not their outcome; and the lines that wait stay few.
        let is_step = matches!(event, MaterializeEvent::Wrote { .. });
        if is_step && self.waiting.load(Ordering::Relaxed) >= MAX_WAITING_LINES {
            return;
        }
        self.send(&json!(event));
    }
}

impl ProgressLines {
    fn send(&self, line: &Value) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        // Without a receiver the work is about to be stopped.
        let _gone = self.sender.send(Bytes::from(format!("{line}\n")));
    }
}

/// Ends the work when its client goes away.
struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn stream_progress(app: &Arc<App>, request: MaterializeRequest, in_progress: InProgress) -> Response {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let waiting = Arc::new(AtomicUsize::new(0));
    let lines = Arc::new(ProgressLines { sender, waiting: Arc::clone(&waiting) });
    let task_app = Arc::clone(app);
    let task = app.background.spawn(async move {
        let result = observed(&task_app, request, Arc::clone(&lines) as Arc<dyn MaterializeObserver>).await;
        drop(in_progress);
        lines.send(&match result {
            Ok(summary) => json!({ "done": summary }),
            Err(error) => json!({ "error": error_line(&error) }),
        });
    });
    let guard = AbortOnDrop(task);
    let lines = stream::poll_fn(move |context| {
        let _stops_with_the_stream = &guard;
        receiver.poll_recv(context).map(|line| {
            waiting.fetch_sub(usize::from(line.is_some()), Ordering::Relaxed);
            line.map(Ok::<_, std::convert::Infallible>)
        })
    });
    let mut response = Response::new(Body::from_stream(lines));
    let content_type = HeaderValue::from_static("application/x-ndjson");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

fn error_line(error: &Error) -> Value {
    let class = error.downcast_ref::<RequestError>().and_then(RequestError::feast_class);
    let message = match class {
        // The envelope is for Feast's client.
        Some(_) => error.to_string(),
        None => error_text(error),
    };
    json!({ "kind": format!("{:?}", error.kind()), "class": class, "message": message })
}

fn stopped() -> Error {
    Error::new(ErrorKind::Unavailable, "the materialization was stopped because the server shuts down")
}
