//! What every request passes: a permit, the limits of its body, a net for panics, the metrics.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use futures::FutureExt as _;
use larder_core::{Error, ErrorKind};
use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio::time::{Instant, timeout};

use super::ServerOptions;
use super::authentication::access_of;
use super::background::{BackgroundTasks, ViewsInProgress};
use super::body::RequestBody;
use super::error::{HttpError, error_response};
use super::foreign_page;
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
    permits: Semaphore,
}

impl App {
    pub(crate) fn new(server: Arc<dyn FeatureServer>, options: ServerOptions) -> Self {
        let permits = Semaphore::new(options.max_concurrent_requests.min(Semaphore::MAX_PERMITS));
        Self {
            server,
            metrics: ServerMetrics::new(&options.metrics),
            usage: ProcessUsage::new(),
            offline_batches: options
                .offline_push_batching
                .map(|options| Arc::new(OfflineBatches::new(options))),
            background: BackgroundTasks::default(),
            in_progress: Arc::default(),
            closing: watch::Sender::new(false),
            authorization: options.authenticator.clone().map(|asked| Arc::new(Authorization::new(asked))),
            permits,
            options,
        }
    }

    async fn permit(&self, endpoint: Endpoint) -> Result<Option<SemaphorePermit<'_>>, HttpError> {
        if endpoint.is_short() { self.turn().await.map(Some) } else { Ok(None) }
    }

    /// Waits for the turn of a request among those that are worked on at the same time.
    pub(crate) async fn turn(&self) -> Result<SemaphorePermit<'_>, HttpError> {
        if let Ok(permit) = self.permits.try_acquire() {
            return Ok(permit);
        }
        if let Ok(Ok(permit)) = timeout(self.options.queue_timeout, self.permits.acquire()).await {
            return Ok(permit);
        }
        let text = "Too many requests at the same time; try again later";
        Err(HttpError::detail(StatusCode::SERVICE_UNAVAILABLE, text))
    }

    /// The body of a request, within its limits.
    pub(crate) async fn body(&self, headers: &HeaderMap, body: Body) -> Result<RequestBody, HttpError> {
        let limit = self.options.max_body_bytes;
        let too_large = || {
            let text = format!("The body is larger than {limit} bytes; send fewer rows at a time");
            HttpError::detail(StatusCode::PAYLOAD_TOO_LARGE, &text)
        };
        let declared =
            headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if declared.is_some_and(|length: u64| length > limit as u64) {
            return Err(too_large());
        }
        let read = match timeout(self.options.body_timeout, to_bytes(body, limit)).await {
            Ok(read) => read,
            Err(_elapsed) => {
                let text = "The body did not arrive in time";
                return Err(HttpError::detail(StatusCode::REQUEST_TIMEOUT, text));
            }
        };
        match read {
            Ok(bytes) => Ok(RequestBody { bytes, is_json: is_json(headers) }),
            Err(error) if is_over_limit(&error) => Err(too_large()),
            Err(_broken) => {
                Err(HttpError::detail(StatusCode::BAD_REQUEST, "There was an error parsing the body"))
            }
        }
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

/// Whether a body is to be read as JSON, by `FastAPI`'s rule; without a content type it is, unless a page sends it.
fn is_json(headers: &HeaderMap) -> bool {
    match headers.get(header::CONTENT_TYPE) {
        Some(content_type) => content_type.to_str().is_ok_and(foreign_page::is_json),
        None => !foreign_page::is_unasked(headers),
    }
}

fn is_over_limit(error: &axum::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if error.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        source = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn json_is_what_fastapi_takes_for_json() {
        for (content_type, expected) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/vnd.api+json", true),
            ("text/json", false),
            ("text/plain", false),
            ("application/x-www-form-urlencoded", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
            assert_eq!(is_json(&headers), expected, "{content_type}");
        }
        assert!(is_json(&HeaderMap::new()));
    }
}
