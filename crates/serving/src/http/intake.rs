//! What a request may take up before it is understood: a turn, and a body of some size in some time.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, StatusCode, header};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::ServerOptions;
use super::body::RequestBody;
use super::error::HttpError;
use super::foreign_page;

/// The limits of all requests of a server.
#[derive(Debug)]
pub(crate) struct Intake {
    permits: Semaphore,
    queue_timeout: Duration,
    max_body_bytes: usize,
    body_timeout: Duration,
}

impl Intake {
    pub(crate) fn new(options: &ServerOptions) -> Self {
        Self {
            permits: Semaphore::new(options.max_concurrent_requests.min(Semaphore::MAX_PERMITS)),
            queue_timeout: options.queue_timeout,
            max_body_bytes: options.max_body_bytes,
            body_timeout: options.body_timeout,
        }
    }

    /// Waits for the turn of a request among those that are worked on at the same time.
    pub(crate) async fn turn(&self) -> Result<SemaphorePermit<'_>, HttpError> {
        if let Ok(permit) = self.permits.try_acquire() {
            return Ok(permit);
        }
        if let Ok(Ok(permit)) = timeout(self.queue_timeout, self.permits.acquire()).await {
            return Ok(permit);
        }
        let text = "Too many requests at the same time; try again later";
        Err(HttpError::detail(StatusCode::SERVICE_UNAVAILABLE, text))
    }

    /// The body of a request, within its limits.
    pub(crate) async fn body(&self, headers: &HeaderMap, body: Body) -> Result<RequestBody, HttpError> {
        let limit = self.max_body_bytes;
        let too_large = || {
            let text = format!("The body is larger than {limit} bytes; send fewer rows at a time");
            HttpError::detail(StatusCode::PAYLOAD_TOO_LARGE, &text)
        };
        let declared =
            headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if declared.is_some_and(|length: u64| length > limit as u64) {
            return Err(too_large());
        }
        let read = match timeout(self.body_timeout, to_bytes(body, limit)).await {
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
