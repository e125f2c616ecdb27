//! `/mcp`: the routes as tools of the Model Context Protocol, for programs that think in language.
//!
//! The transport is Streamable HTTP: a client posts a JSON-RPC message and gets its answer as JSON. The server
//! keeps no sessions and never speaks first, so there is nothing to `GET` or `DELETE`. So a version of the
//! protocol that begins with a handshake costs no more than the one that has none. The older transport, which
//! does have sessions, is [`sse`]; for a client that starts the process there is [`stdio`]. Past their streams, everything
//! is the same.
//!
//! ```text
//! POST /mcp ─▶ door      origin, version, form: what is no message is refused with a status
//!          ─▶ message    a request, a notification or an answer; or a JSON-RPC error
//!          ─▶ envelope   what a request without handshake says of itself
//!          ─▶ protocol   initialize, server/discover, ping, tools/list
//!          ─▶ call       tools/call: the request that the tool stands for, through the very same routes
//! ```
//!
//! A call passes everything that a request to its route passes: the token, the permissions, the limits, the
//! audit log, the metrics. They are described, under the names that Feast's server gives them, in
//! [`described_routes`](super::described_routes).

mod call;
mod door;
mod envelope;
mod message;
mod protocol;
mod sse;
mod stdio;
mod tools;

use axum::Router;
use axum::extract::Request;
use axum::routing::{get, post};
use larder_registry::McpTransport;

pub(crate) use door::{Door, Host};
pub use stdio::serve_mcp;

/// Where the door is.
pub(crate) const PATH: &str = "/mcp";

/// Whether requests to a path are messages, of which auditors see the calls instead.
pub(crate) fn is_door(path: &str) -> bool {
    [PATH, sse::PATH, sse::MESSAGES_PATH].contains(&path)
}

/// Adds the doors of the transports that the server has.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>(mut routes: Router<S>, door: Door) -> Router<S> {
    let (transport, door) = (door.transport(), std::sync::Arc::new(door));
    if transport != McpTransport::Sse {
        let door = std::sync::Arc::clone(&door);
        routes = routes.route(PATH, post(async move |request: Request| door.post(request).await));
    }
    if transport != McpTransport::Http {
        let (opened, posted) = (std::sync::Arc::clone(&door), door);
        routes = routes.route(sse::PATH, get(async move |request: Request| opened.open(&request))).route(
            sse::MESSAGES_PATH,
            post(async move |request: Request| posted.post_to_session(request).await),
        );
    }
    routes
}

/// What a server says of itself to clients of the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct McpServerInfo {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// How messages come and go.
    pub transport: McpTransport,
}
