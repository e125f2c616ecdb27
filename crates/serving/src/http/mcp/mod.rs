//! `/mcp`: the routes as tools of the Model Context Protocol, for programs that think in language.
//!
//! The transport is Streamable HTTP: a client posts a JSON-RPC message and gets its answer as JSON. The server
//! keeps no sessions and never speaks first, so there is nothing to `GET` or `DELETE`. So a version of the
//! protocol that begins with a handshake costs no more than the one that has none.
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
mod tools;

pub(crate) use door::Door;

/// Where the door is.
pub(crate) const PATH: &str = "/mcp";

/// What a server says of itself to clients of the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct McpServerInfo {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}
