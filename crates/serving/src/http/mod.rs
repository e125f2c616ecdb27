//! The HTTP door: Feast's routes, bodies, statuses and error envelope, and a few of our own.
//!
//! | route | answers |
//! |---|---|
//! | `POST /get-online-features` | values, statuses and event times, a column each |
//! | `POST /push`, `POST /write-to-online-store` | nothing, `null` |
//! | `POST /search`, `POST /retrieve-online-documents` | the rows nearest to a vector |
//! | `GET /v1/vector_stores` and below | views with vectors, as `OpenAI` shows vector stores |
//! | `POST /materialize`, `POST /materialize-incremental` | `null`, or with `?async=true` at once |
//! | `POST /v1/materialize` | a line of JSON per step |
//! | `POST /v1/record` | a line of JSON per row of an on-demand view, if the server is to record |
//! | `POST /mcp` | the routes as tools, if the server is to offer them so ([`mcp`]) |
//! | `GET /openapi.json`, `GET /docs` | the routes, for programs and for people ([`docs`]) |
//! | `GET /health` | 200 or 503 |
//! | `GET /metrics` | Prometheus text; also on a port of its own |
//!
//! A request passes [`audit`] and [`authentication`] where the server has them, [`guard`] (permit, body limit, panics, metrics), [`body`] (JSON to a request, or the
//! 422 that `FastAPI` gives), its route in [`routes`], and [`error`] if it fails.

mod audit;
mod authentication;
mod background;
mod body;
mod connection;
mod described_routes;
mod docs;
mod error;
mod fields;
mod foreign_page;
mod guard;
mod intake;
mod mcp;
mod metrics;
mod offline_batches;
mod openapi;
mod options;
mod process_usage;
mod python_json;
mod routes;
mod serve;
mod tls;

pub use background::BackgroundTasks;
#[cfg(test)]
pub(crate) use described_routes::assert_well_described;
pub(crate) use described_routes::{Argument, DescribedRoute, Takes, argument};
pub(crate) use docs::{page as docs_page, routes as docs_routes};
pub use error::error_text;
pub(crate) use error::{json_response, python_repr};
pub(crate) use fields::lenient_boolean;
pub(crate) use foreign_page::{REFUSAL as FOREIGN_PAGE, is_unasked};
pub(crate) use intake::Intake;
pub(crate) use mcp::{Door as McpDoor, Host as McpHost, routes as mcp_routes};
pub use mcp::{McpServerInfo, serve_mcp};
pub(crate) use metrics::FeatureCounts;
pub(crate) use openapi::{PATH as OPENAPI_PATH, document as openapi_document};
pub use options::ServerOptions;
pub use serve::{DoorOptions, serve, serve_router, shutdown_signal};
pub use tls::{CertificateError, ServerCertificate, connect_to_certificate};
