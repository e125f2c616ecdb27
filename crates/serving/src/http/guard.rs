//! What every request passes: its [`Intake`], a net for panics, the metrics.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::response::Response;
use futures::FutureExt as _;
use larder_core::{Error, ErrorKind};
use tokio::sync::{SemaphorePermit, watch};
use tokio::time::Instant;

use super::ServerOptions;
use super::authentication::access_of;
use super::background::{BackgroundTasks, ViewsInProgress};
use super::body::RequestBody;
use super::error::{HttpError, error_response};
use super::intake::Intake;
use super::metrics::{Endpoint, FeatureCounts, ServerMetrics};
use super::offline_batches::OfflineBatches;
use super::process_usage::ProcessUsage;
use crate::{Access, Authorization, FeatureServer};

/// What all requests of a server share.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) server: Arc<dyn FeatureServer>,
    pub(crate) options: ServerOptions,
    pub(crate) metrics: ServerMetrics,
    pub(crate) usage: ProcessUsage,
    /// Where rows pushed offline wait; `None` where they are written at once.
    pub(crate) offline_batches: Option<Arc<OfflineBatches>>,
    pub(crate) background: BackgroundTasks,
    pub(crate) in_progress: Arc<ViewsInProgress>,
    /// True once the shutdown has begun: what would go on for as long as the client likes ends.
    pub(crate) closing: watch::Sender<bool>,
    /// `None` where everybody may do everything.
    pub(crate) authorization: Option<Arc<Authorization>>,
    pub(crate) intake: Arc<Intake>,
}

impl App {
    pub(crate) fn new(server: Arc<dyn FeatureServer>, options: ServerOptions) -> Self {
        Self {
            server,
            intake: Arc::new(Intake::new(&options)),
            metrics: ServerMetrics::new(&options.metrics),
            usage: ProcessUsage::new(),
            offline_batches: options
                .offline_push_batching
                .map(|options| Arc::new(OfflineBatches::new(options))),
            background: BackgroundTasks::default(),
            in_progress: Arc::default(),
            closing: watch::Sender::new(false),
            authorization: options.authenticator.clone().map(|asked| Arc::new(Authorization::new(asked))),
            options,
        }
    }

    async fn permit(&self, endpoint: Endpoint) -> Result<Option<SemaphorePermit<'_>>, HttpError> {
        if endpoint.is_short() { self.turn().await.map(Some) } else { Ok(None) }
    }

    /// As [`Intake::turn`].
    pub(crate) async fn turn(&self) -> Result<SemaphorePermit<'_>, HttpError> {
        self.intake.turn().await
    }

    /// As [`Intake::body`].
    pub(crate) async fn body(&self, headers: &HeaderMap, body: Body) -> Result<RequestBody, HttpError> {
        self.intake.body(headers, body).await
    }
}

/// Answers one request. Whatever `handle` does, there is an answer, and it is counted.
pub(crate) async fn answer<F, A>(app: Arc<App>, endpoint: Endpoint, request: Request, handle: F) -> Response
where
    F: FnOnce(Arc<App>, Access, RequestBody) -> A,
    A: Future<Output = Result<Response, HttpError>>,
{
    let started = Instant::now();
    let (head, body) = request.into_parts();
    let handled = AssertUnwindSafe(async {
        let access = access_of(&app, &head.extensions)?;
        let _permit = app.permit(endpoint).await?;
        let body = app.body(&head.headers, body).await?;
        handle(Arc::clone(&app), access, body).await
    })
    .catch_unwind()
    .await;
    let answer = handled.unwrap_or_else(|_panic| {
        // The panic hook has printed message and place.
        Err(Error::new(ErrorKind::Internal, format!("a request to {} panicked", endpoint.path())).into())
    });
    let response = answer.unwrap_or_else(|error| error_response(&error, app.options.error_status));
    let counts = response.extensions().get::<FeatureCounts>().copied();
    app.metrics.answered(endpoint, response.status().is_success(), counts, started.elapsed());
    response
}
