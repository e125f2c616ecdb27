//! Which path leads where, and what the other paths answer.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Query, Request, State};
use axum::http::uri::Uri;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use tokio::time::Instant;

use super::get_online_features::get_online_features;
use super::jobs;
use super::materialize::{materialize, materialize_incremental, materialize_with_progress};
use super::observe::{health, metrics, refresh};
use super::push::{push, write_to_online_store};
use super::record::record;
use super::search::search;
use super::vector_stores;
use crate::http::audit::audit;
use crate::http::authentication::authenticate;
use crate::http::error::{HttpError, error_response};
use crate::http::guard::{App, answer};
use crate::http::mcp::{self, Door, Host};
use crate::http::metrics::Endpoint;
use crate::http::{docs, openapi};

type Parameters = Query<HashMap<String, String>>;

/// Everything under its path. Who sends requests is asked before every route but `/health`, `/openapi.json` and `/docs`, as in Feast, and
/// whatever is answered, auditors see it; each only where the server has it.
pub(crate) fn router(app: Arc<App>) -> Router {
    let Some(info) = app.options.mcp.clone() else { return guarded(app, routes()) };
    // Its tools go through all the others, and not through itself.
    let door = Door::new(Host::of_app(&app), info, guarded(Arc::clone(&app), routes()));
    guarded(app, mcp::routes(routes(), door))
}

/// Everything that tools may call, where nobody is to be asked who they are.
pub(crate) fn unguarded_router(app: Arc<App>) -> Router {
    guarded(app, routes())
}

fn guarded(app: Arc<App>, mut routes: Router<Arc<App>>) -> Router {
    let simple = simple_routes().route_layer(from_fn_with_state(Arc::clone(&app), counted));
    routes = routes.merge(simple);
    if app.authorization.is_some() {
        routes = routes.route_layer(from_fn_with_state(Arc::clone(&app), authenticate));
    }
    let router = routes
        .route("/health", get(health))
        .route(openapi::PATH, get(openapi::openapi))
        .merge(docs::routes())
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .with_state(Arc::clone(&app));
    if app.options.audit_log.is_some() { router.layer(from_fn_with_state(app, audit)) } else { router }
}

fn routes() -> Router<Arc<App>> {
    Router::new()
        .route(
            Endpoint::GetOnlineFeatures.path(),
            post(async |State(app): State<Arc<App>>, request: Request| {
                answer(app, Endpoint::GetOnlineFeatures, request, get_online_features).await
            }),
        )
        .route(
            Endpoint::Push.path(),
            post(async |State(app): State<Arc<App>>, request: Request| {
                answer(app, Endpoint::Push, request, push).await
            }),
        )
        .route(
            Endpoint::WriteToOnlineStore.path(),
            post(async |State(app): State<Arc<App>>, request: Request| {
                answer(app, Endpoint::WriteToOnlineStore, request, write_to_online_store).await
            }),
        )
        .route(
            Endpoint::Search.path(),
            post(async |State(app): State<Arc<App>>, request: Request| {
                answer(app, Endpoint::Search, request, search).await
            }),
        )
        .route(
            Endpoint::RetrieveOnlineDocuments.path(),
            post(async |State(app): State<Arc<App>>, request: Request| {
                answer(app, Endpoint::RetrieveOnlineDocuments, request, search).await
            }),
        )
        .route(
            Endpoint::Materialize.path(),
            post(async |State(app): State<Arc<App>>, Query(query): Parameters, request: Request| {
                answer(app, Endpoint::Materialize, request, |app, access, body| {
                    materialize(app, access, body, query)
                })
                .await
            }),
        )
        .route(
            Endpoint::MaterializeIncremental.path(),
            post(async |State(app): State<Arc<App>>, Query(query): Parameters, request: Request| {
                let handle = |app, access, body| materialize_incremental(app, access, body, query);
                answer(app, Endpoint::MaterializeIncremental, request, handle).await
            }),
        )
        .route(
            Endpoint::MaterializeWithProgress.path(),
            post(async |State(app): State<Arc<App>>, request: Request| {
                answer(app, Endpoint::MaterializeWithProgress, request, materialize_with_progress).await
            }),
        )
        .route("/metrics", get(metrics))
}

/// Routes whose requests pass no [`answer`]: they wait for nobody, and read their bodies themselves.
fn simple_routes() -> Router<Arc<App>> {
    Router::new()
        .route(Endpoint::VectorStores.path(), get(vector_stores::list))
        .route(Endpoint::VectorStore.path(), get(vector_stores::describe))
        .route(Endpoint::SearchVectorStore.path(), post(vector_stores::search))
        .route(Endpoint::Jobs.path(), get(jobs::list))
        .route(Endpoint::JobRuns.path(), get(jobs::runs).post(jobs::start))
        .route(Endpoint::JobRun.path(), get(jobs::run))
        .route(Endpoint::Refresh.path(), post(refresh))
        .route(Endpoint::Record.path(), post(record))
}

/// Counts what they answer. The time is that until an answer begins.
async fn counted(State(app): State<Arc<App>>, path: MatchedPath, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let response = next.run(request).await;
    if let Some(endpoint) = Endpoint::ALL.into_iter().find(|endpoint| endpoint.path() == path.as_str()) {
        app.metrics.answered(endpoint, response.status().is_success(), None, started.elapsed());
    }
    response
}

/// The routes of a port for metrics alone. As in Feast it asks nobody who they are.
pub(crate) fn metrics_router(app: Arc<App>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/", get(metrics))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(async |State(app): State<Arc<App>>| {
            error_response(&HttpError::detail(StatusCode::NOT_FOUND, "Not Found"), app.options.error_status)
        })
        .with_state(app)
}

async fn method_not_allowed(State(app): State<Arc<App>>) -> Response {
    let error = HttpError::detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
    error_response(&error, app.options.error_status)
}

/// A path with a slash too many is sent to the one without, as `FastAPI` does.
async fn not_found(State(app): State<Arc<App>>, uri: Uri, headers: HeaderMap) -> Response {
    let known = |path: &str| {
        Endpoint::ALL.iter().any(|endpoint| endpoint.path() == path)
            || ["/health", openapi::PATH, "/metrics"].contains(&path)
            || path == mcp::PATH && app.options.mcp.is_some()
    };
    if let Some(path) = uri.path().strip_suffix('/').filter(|path| known(path)) {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let scheme = if app.options.certificate.is_some() { "https" } else { "http" };
        let base = host.map(|host| format!("{scheme}://{host}")).unwrap_or_default();
        let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        if let Ok(location) = HeaderValue::try_from(format!("{base}{path}{query}")) {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
            response.headers_mut().insert(header::LOCATION, location);
            return response;
        }
    }
    error_response(&HttpError::detail(StatusCode::NOT_FOUND, "Not Found"), app.options.error_status)
}
