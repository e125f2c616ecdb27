//! Takes note of requests for auditors: of all but those that look after the server's health, and of those to
//! `/mcp` that are not refused, whose calls of tools are told of by themselves.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;
use tokio::time::Instant;

use super::guard::App;
use super::mcp;
use crate::Access;
use crate::{AuditEvent, ToolCall};

/// A longer id of a request is cut.
pub(crate) const MAX_ID_CHARS: usize = 200;

/// Where a connection comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Answers a request and takes note of it.
pub(crate) async fn audit(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let Some(log) = app.options.audit_log.as_ref().map(Arc::clone) else { return next.run(request).await };
    let path = request.uri().path().to_owned();
    if path == "/health" {
        return next.run(request).await;
    }
    let started = Instant::now();
    let method = request.method().to_string();
    let request_id = header(request.headers(), "x-request-id");
    let forwarded = header(request.headers(), "x-forwarded-for");
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0.ip().to_string());
    let tool_call = request.extensions().get::<ToolCall>().cloned();
    let response = next.run(request).await;
    if mcp::is_door(&path) && response.status().is_success() {
        return response;
    }
    let user = response.extensions().get::<Access>().and_then(Access::user).cloned();
    log.log(AuditEvent {
        timestamp: app.options.clock.now(),
        request_id,
        user,
        address: forwarded.as_deref().map(first_of_list).or(peer).unwrap_or_default(),
        method,
        path,
        status: response.status().as_u16(),
        duration: started.elapsed(),
        tool_call,
    });
    response
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    let text = headers.get(name)?.to_str().ok()?;
    (!text.is_empty()).then(|| text.chars().take(MAX_ID_CHARS).collect())
}

/// A proxy adds itself at the end.
fn first_of_list(list: &str) -> String {
    list.split(',').next().unwrap_or_default().trim().to_owned()
}
