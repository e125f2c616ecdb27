//! Events come in.

use std::sync::Arc;
use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{FromRequest, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use larder_openlineage::Batch;
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::LineageDoor;
use crate::http::{FOREIGN_PAGE, is_unasked, json_response};
use crate::registry_http::refusal::Refusal;

/// A larger body is refused with 413.
const MAX_BODY_BYTES: usize = 16 << 20;

/// How long a producer may take to send it.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a request may wait for its turn before it is refused with 503.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(5);

/// What a producer has sent who may send events: any JSON.
#[derive(Debug)]
pub(super) struct Sent {
    body: Value,
    /// Held until it is stored, since it may be large.
    _turn: OwnedSemaphorePermit,
}

impl FromRequest<Arc<LineageDoor>> for Sent {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &Arc<LineageDoor>) -> Result<Self, Refusal> {
        state.door.access(request.headers()).await?;
        if is_unasked(request.headers()) {
            return Err(Refusal::http(StatusCode::FORBIDDEN, FOREIGN_PAGE));
        }
        state.check_key(request.headers())?;
        if let Some(encoding) =
            request.headers().get(header::CONTENT_ENCODING).filter(|coding| *coding != "identity")
        {
            let encoding = encoding.to_str().unwrap_or("compressed").escape_debug().to_string();
            let detail = format!("The body is {encoding}; send events as they are");
            return Err(Refusal::http(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
        }
        // Before the body is read: who has to wait takes up no room.
        let busy = || {
            let detail = "Too many events at the same time; try again later";
            Refusal::http(StatusCode::SERVICE_UNAVAILABLE, detail)
        };
        let turns = Arc::clone(&state.turns);
        let turn = timeout(QUEUE_TIMEOUT, turns.acquire_owned()).await.map_err(|_elapsed| busy())?;
        let turn = turn.map_err(|_closed| busy())?;
        let read = timeout(BODY_TIMEOUT, to_bytes(request.into_body(), MAX_BODY_BYTES)).await;
        let late = "The body did not arrive in time";
        let bytes = read.map_err(|_elapsed| Refusal::http(StatusCode::REQUEST_TIMEOUT, late))?;
        let bytes = bytes.map_err(|_| {
            let detail = format!("The body is larger than {MAX_BODY_BYTES} bytes, or broke off");
            Refusal::http(StatusCode::PAYLOAD_TOO_LARGE, detail)
        })?;
        let body = serde_json::from_slice(&bytes);
        let body = body.map_err(|_| Refusal::http(StatusCode::BAD_REQUEST, "Invalid JSON body"))?;
        Ok(Self { body, _turn: turn })
    }
}

/// Takes an event, or a list of them.
pub(super) async fn events(State(state): State<Arc<LineageDoor>>, sent: Sent) -> Result<Response, Refusal> {
    let events = match sent.body {
        Value::Array(events) => events,
        event => {
            let id = state.consumer.store.receive(event).await?;
            return Ok(json_response(StatusCode::CREATED, json!({ "event_id": id }).to_string()));
        }
    };
    let batch = state.consumer.store.receive_all(events).await?;
    let (status, word) = match batch.failed {
        0 => (StatusCode::OK, "success"),
        _ => (StatusCode::MULTI_STATUS, "partial_success"),
    };
    Ok(json_response(status, summary(word, batch).to_string()))
}

/// Takes a list of events.
pub(super) async fn batch(State(state): State<Arc<LineageDoor>>, sent: Sent) -> Result<Response, Refusal> {
    let Value::Array(events) = sent.body else {
        return Err(Refusal::http(StatusCode::BAD_REQUEST, "Expected array of events"));
    };
    let batch = state.consumer.store.receive_all(events).await?;
    if batch.failed == 0 {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Ok(json_response(StatusCode::OK, summary("partial_success", batch).to_string()))
}

fn summary(status: &str, batch: Batch) -> Value {
    let Batch { received, successful, failed } = batch;
    json!({
        "status": status,
        "summary": { "received": received, "successful": successful, "failed": failed },
    })
}
