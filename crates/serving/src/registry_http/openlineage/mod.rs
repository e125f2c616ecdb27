//! An OpenLineage consumer: keeps the events of all producers, and tells what feeds what.
//!
//! | route | does |
//! |---|---|
//! | `POST /lineage` | takes an event, or a list of them |
//! | `POST /lineage/batch` | takes a list of events |
//! | `GET /lineage/openlineage/events`, `/jobs`, `/datasets`, `/namespaces`, `/runs` | lists |
//! | `GET …/graph`, `…/graph/{job or dataset}/{namespace}/{name}` | all nodes and edges; those around one |
//! | `GET …/datasets/{namespace}/{name}/versions`, `…/columns` | a dataset over time; what its columns are made of |
//! | `GET …/runs/{id}`, `…/runs/{id}/tree` | a run with what it read and wrote; the runs of its root |
//! | `GET …/retention`, `POST …/retention/prune`, `DELETE …/reset` | how much is kept; removes what is old, or all |
//!
//! Who sends events shows the consumer's API key, where it has one ([`receive`]). Who reads sees the namespaces of the
//! projects that they may describe ([`sight`]), and nothing that leads out of them.

mod described;
mod queries;
mod receive;
mod sight;
mod upkeep;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::middleware::map_response;
use axum::routing::{delete, get, post};
use larder_openlineage::LineageStore;
use tokio::sync::Semaphore;

pub(super) use self::described::ROUTES;
use super::RegistryBackend;
use super::door::{Door, PREFIX, method_not_allowed, not_found};
use super::refusal::plain;

/// What keeps events, and who may send some.
pub struct LineageConsumer {
    /// Where they are kept.
    pub store: Arc<LineageStore>,
    /// What producers show; `None` means that they need not show anything.
    pub api_key: Option<String>,
    /// The namespace that is configured for the projects of the registry.
    pub namespace: String,
    /// Projects by the namespaces of others that belong to them.
    pub namespace_mapping: BTreeMap<String, String>,
    /// Days after which events and runs go; 0 means never.
    pub retention_days: u64,
    /// Hours between two looks for them.
    pub retention_check_interval_hours: u64,
}

// It holds a key, which no log shows.
impl fmt::Debug for LineageConsumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineageConsumer").field("store", &self.store).finish_non_exhaustive()
    }
}

impl LineageConsumer {
    /// Whether a request shows the key, where there is one: in `X-API-Key`, or as a bearer of it.
    fn is_shown_key(&self, headers: &HeaderMap) -> bool {
        let Some(key) = &self.api_key else { return true };
        let text = |name| headers.get(name).map(axum::http::HeaderValue::as_bytes);
        let bearer = text(AUTHORIZATION.as_str()).and_then(|header| {
            let (scheme, shown) = header.split_at_checked(7)?;
            scheme.eq_ignore_ascii_case(b"bearer ").then_some(shown)
        });
        let is_key = |shown: &[u8]| is_equal(shown, key.as_bytes());
        text("x-api-key").is_some_and(is_key) || bearer.is_some_and(is_key)
    }
}

/// Whether two texts are equal, found out in a time that does not tell how far they are.
fn is_equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differences, (a, b)| differences | (a ^ b)) == 0
}

/// So many requests with events are worked on at the same time, since each may hold a long body.
const CONCURRENT_RECEIVES: usize = 8;

/// What all requests to the consumer share.
#[derive(Debug)]
struct LineageDoor {
    door: Arc<Door>,
    consumer: LineageConsumer,
    turns: Arc<Semaphore>,
}

/// The routes of Feast's lineage server: under `/api/v1` alone, with the refusals of `FastAPI`. The registry of
/// the backend has the projects whose permissions are asked.
pub fn lineage_router(backend: RegistryBackend, consumer: LineageConsumer) -> Router {
    Router::new()
        .nest(PREFIX, routes(Arc::new(Door::new(backend)), consumer))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(map_response(plain))
}

/// The routes without their prefix.
pub(super) fn routes(door: Arc<Door>, consumer: LineageConsumer) -> Router {
    let turns = Arc::new(Semaphore::new(CONCURRENT_RECEIVES));
    Router::new()
        .route("/lineage", post(receive::events))
        .route("/lineage/batch", post(receive::batch))
        .route("/lineage/openlineage/events", get(queries::events))
        .route("/lineage/openlineage/jobs", get(queries::jobs))
        .route("/lineage/openlineage/datasets", get(queries::datasets))
        .route("/lineage/openlineage/namespaces", get(queries::namespaces))
        .route("/lineage/openlineage/graph", get(queries::whole_graph))
        .route("/lineage/openlineage/graph/{kind}/{namespace}/{name}", get(queries::graph))
        .route("/lineage/openlineage/datasets/{namespace}/{name}/versions", get(queries::versions))
        .route("/lineage/openlineage/datasets/{namespace}/{name}/columns", get(queries::columns))
        .route("/lineage/openlineage/runs", get(queries::runs))
        .route("/lineage/openlineage/runs/{id}", get(queries::run))
        .route("/lineage/openlineage/runs/{id}/tree", get(queries::run_tree))
        .route("/lineage/openlineage/retention", get(upkeep::retention))
        .route("/lineage/openlineage/retention/prune", post(upkeep::prune))
        .route("/lineage/openlineage/reset", delete(upkeep::reset))
        .with_state(Arc::new(LineageDoor { door, consumer, turns }))
}
