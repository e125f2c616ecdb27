//! The routes, and what every request passes.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, Query, Request, State};
use axum::http::request::Parts;
use axum::http::uri::Uri;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use larder_core::Clock;
use larder_registry::ErrorStatus;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::openlineage::{self, LineageConsumer};
use super::parameters::Parameters;
use super::refusal::Refusal;
use super::visits::Visits;
use super::{
    RegistryServer, apply, compute_engines, datasets, described, features, lineage, lists, metrics,
    monitoring, objects, search,
};
use crate::http::{
    DescribedRoute, Intake, McpDoor, McpHost, OPENAPI_PATH, docs_page, docs_routes, json_response,
    mcp_routes, openapi_document,
};
use crate::{Access, Authorization, McpServerInfo, ServerOptions};

/// Where the routes lie.
pub(super) const PREFIX: &str = "/api/v1";

/// What lies behind the routes.
#[derive(Clone, Debug)]
pub struct RegistryBackend {
    /// The registry.
    pub server: Arc<dyn RegistryServer>,
    /// Who may do what; `None` where everybody may do everything. What the permissions of a request's project do not
    /// grant is left out of lists and refused where it is named.
    pub authorization: Option<Arc<Authorization>>,
    /// Says when something is looked at.
    pub clock: Arc<dyn Clock>,
}

/// The routes as tools of the Model Context Protocol.
#[derive(Clone, Debug)]
pub struct RegistryMcp {
    /// What the server says of itself.
    pub info: McpServerInfo,
    /// True once the shutdown has begun.
    pub closing: watch::Receiver<bool>,
}

/// What all requests share.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) server: Arc<dyn RegistryServer>,
    authorization: Option<Arc<Authorization>>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) visits: Visits,
}

/// The routes of Feast's registry server: under `/api/v1`, and as Feast has them without it too, and what describes
/// them. With `lineage` events of OpenLineage are kept and told of; with `mcp` all routes are tools as well.
pub fn registry_router(
    backend: RegistryBackend,
    lineage: Option<LineageConsumer>,
    mcp: Option<RegistryMcp>,
) -> Router {
    let door = Arc::new(Door::new(backend));
    let mut routes = routes().with_state(Arc::clone(&door));
    let mut described: Vec<&'static DescribedRoute> = described::ROUTES.iter().collect();
    if let Some(consumer) = lineage {
        routes = routes.merge(openlineage::routes(Arc::clone(&door), consumer));
        described.extend(&openlineage::ROUTES);
    }
    let description = description(&described);
    let mut router = Router::new().nest(PREFIX, routes.clone().merge(description.clone()));
    router = router.merge(description).route("/", get(docs_page)).merge(routes.clone());
    if let Some(mcp) = mcp {
        router = router.merge(tools(door, mcp, described.into(), routes));
    }
    router.fallback(not_found).method_not_allowed_fallback(method_not_allowed)
}

/// What tells of the routes, to programs and people, whoever they are.
fn description(routes: &[&'static DescribedRoute]) -> Router {
    let document = openapi_document("larder registry", Some(PREFIX), routes.iter().copied()).to_string();
    let document = move || async move { json_response(StatusCode::OK, document) };
    Router::new().route(OPENAPI_PATH, get(document)).merge(docs_routes())
}

/// The routes as tools, for whoever may ask the routes.
fn tools(
    door: Arc<Door>,
    mcp: RegistryMcp,
    described: Arc<[&'static DescribedRoute]>,
    routes: Router,
) -> Router {
    let host = McpHost {
        intake: Arc::new(Intake::new(&ServerOptions::default())),
        closing: mcp.closing,
        error_status: ErrorStatus::default(),
        tools: described,
    };
    let asked =
        from_fn_with_state(door, async |State(door): State<Arc<Door>>, request: Request, next: Next| {
            match door.access(request.headers()).await {
                Ok(_) => next.run(request).await,
                Err(refusal) => refusal.into_response(),
            }
        });
    mcp_routes(Router::new(), McpDoor::new(host, mcp.info, routes)).route_layer(asked)
}

/// The routes without their prefix.
pub(super) fn routes() -> Router<Arc<Door>> {
    let visited = Router::new()
        .route("/entities/{name}", get(objects::entity).delete(apply::delete_entity))
        .route("/data_sources/{name}", get(objects::data_source).delete(apply::delete_data_source))
        .route("/feature_views/{name}", get(objects::feature_view).delete(apply::delete_feature_view))
        .route(
            "/feature_services/{name}",
            get(objects::feature_service).delete(apply::delete_feature_service),
        )
        .route(
            "/saved_datasets/{name}",
            get(objects::saved_dataset).delete(apply::delete_saved_dataset).post(datasets::create),
        );
    visited
        .route("/entities", get(lists::entities).post(apply::entity))
        .route("/entities/all", get(lists::all_entities))
        .route("/data_sources", get(lists::data_sources).post(apply::data_source))
        .route("/data_sources/all", get(lists::all_data_sources))
        .route("/feature_views", get(lists::feature_views).post(apply::feature_view))
        .route("/feature_views/all", get(lists::all_feature_views))
        .route("/label_views", get(lists::label_views))
        .route("/label_views/all", get(lists::all_label_views))
        .route("/label_views/{name}", get(objects::label_view))
        .route("/feature_services", get(lists::feature_services).post(apply::feature_service))
        .route("/feature_services/all", get(lists::all_feature_services))
        .route("/saved_datasets", get(lists::saved_datasets).post(apply::saved_dataset))
        .route("/saved_datasets/all", get(lists::all_saved_datasets))
        .route("/saved_datasets/jobs", get(datasets::jobs))
        .route("/saved_datasets/jobs/{id}", get(datasets::job))
        .route("/saved_datasets/data/{name}", get(datasets::data))
        .route("/permissions", get(lists::permissions).post(apply::permission))
        .route("/permissions/{name}", get(objects::permission).delete(apply::delete_permission))
        .route("/projects", get(lists::projects))
        .route("/projects/{name}", get(objects::project))
        .route("/features", get(features::features))
        .route("/features/all", get(features::all_features))
        .route("/features/{view}/{name}", get(features::feature))
        .route("/labels", get(features::labels))
        .route("/labels/all", get(features::all_labels))
        .route("/lineage/registry", get(lineage::registry))
        .route("/lineage/registry/all", get(lineage::registry_of_all))
        .route("/lineage/objects/{kind}/{name}", get(lineage::object))
        .route("/lineage/complete", get(lineage::complete))
        .route("/lineage/complete/all", get(lineage::complete_of_all))
        .route("/metrics/resource_counts", get(metrics::resource_counts))
        .route("/metrics/popular_tags", get(metrics::popular_tags))
        .route("/metrics/recently_visited", get(metrics::recently_visited))
        .route("/compute_engines", get(compute_engines::engine))
        .route("/compute_engines/all", get(compute_engines::all_engines))
        .route("/materialization_jobs", get(compute_engines::materialization_jobs))
        .route("/monitoring/compute", post(monitoring::compute))
        .route("/monitoring/auto_compute", post(monitoring::auto_compute))
        .route("/monitoring/compute/log", post(monitoring::compute_log))
        .route("/monitoring/auto_compute/log", post(monitoring::auto_compute_log))
        .route("/monitoring/compute/transient", post(monitoring::transient))
        .route("/monitoring/jobs/{job_id}", get(monitoring::job))
        .route("/monitoring/metrics/features", get(monitoring::feature_metrics))
        .route("/monitoring/metrics/timeseries", get(monitoring::feature_metrics))
        .route("/monitoring/metrics/feature_views", get(monitoring::feature_view_metrics))
        .route("/monitoring/metrics/feature_services", get(monitoring::feature_service_metrics))
        .route("/monitoring/metrics/baseline", get(monitoring::baseline))
        .route("/search", get(search::search))
        .route("/version", get(version))
        .route("/registry/refresh", post(refresh))
}

/// A request that was let in.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) access: Access,
    pub(super) parameters: Parameters,
}

impl FromRequestParts<Arc<Door>> for Asked {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, door: &Arc<Door>) -> Result<Self, Refusal> {
        let access = door.access(&parts.headers).await?;
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        let Query(pairs) = pairs.map_err(|error| Refusal::malformed(error.body_text()))?;
        Ok(Self { access, parameters: Parameters::new(pairs) })
    }
}

impl Door {
    pub(super) fn new(backend: RegistryBackend) -> Self {
        let RegistryBackend { server, authorization, clock } = backend;
        Self { server, authorization, clock, visits: Visits::default() }
    }

    pub(super) async fn access(&self, headers: &HeaderMap) -> Result<Access, Refusal> {
        let Some(authorization) = &self.authorization else { return Ok(Access::open()) };
        let header = headers.get(header::AUTHORIZATION).and_then(|header| header.to_str().ok());
        Ok(authorization.access(header).await?)
    }
}

/// What a route answers.
pub(super) type Answer = Result<Json, Refusal>;

/// A good answer.
#[derive(Debug)]
pub(super) struct Json(pub(super) Value);

impl IntoResponse for Json {
    fn into_response(self) -> Response {
        json_response(StatusCode::OK, self.0.to_string())
    }
}

/// The version of larder: what Feast's server says here is the version of its package.
async fn version(_asked: Asked) -> Json {
    Json(json!({ "version": env!("CARGO_PKG_VERSION") }))
}

/// Every request looks at the registry anew, so there is nothing to do.
async fn refresh(State(door): State<Arc<Door>>, asked: Asked) -> Result<StatusCode, Refusal> {
    let server = door.server.as_ref();
    let sight = super::sight::Sight::of(server, &asked.access, server.project()).await?;
    let project = sight.find(larder_registry::ObjectKind::Project, server.project())?;
    sight.check(&[larder_core::PermittedAction::Update], project)?;
    Ok(StatusCode::OK)
}

pub(super) async fn method_not_allowed() -> Response {
    json_response(StatusCode::METHOD_NOT_ALLOWED, r#"{"detail":"Method Not Allowed"}"#)
}

/// A path with a slash too many is sent to the one without, as `FastAPI` does.
pub(super) async fn not_found(uri: Uri) -> Response {
    if let Some(path) = uri.path().strip_suffix('/').filter(|path| path.len() > 1 && !path.starts_with("//"))
    {
        let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        if let Ok(location) = HeaderValue::try_from(format!("{path}{query}")) {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
            response.headers_mut().insert(header::LOCATION, location);
            return response;
        }
    }
    json_response(StatusCode::NOT_FOUND, r#"{"detail":"Not Found"}"#)
}
