//! The routes, and what every request passes.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, Query, State};
use axum::http::request::Parts;
use axum::http::uri::Uri;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use larder_core::Clock;
use serde_json::{Value, json};

use super::parameters::Parameters;
use super::refusal::Refusal;
use super::visits::Visits;
use super::{RegistryServer, apply, features, lineage, lists, metrics, objects, search};
use crate::http::json_response;
use crate::{Access, Authorization};

/// Where the routes lie.
pub(super) const PREFIX: &str = "/api/v1";

/// What all requests share.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) server: Arc<dyn RegistryServer>,
    /// `None` where everybody may do everything.
    authorization: Option<Arc<Authorization>>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) visits: Visits,
}

/// The routes of Feast's registry server: under `/api/v1`, and as Feast has them without it too.
///
/// Who sends a request is asked of `authorization`, where there is one, and what the permissions of the request's
/// project do not grant is left out of lists and refused where it is named.
pub fn registry_router(
    server: Arc<dyn RegistryServer>,
    authorization: Option<Arc<Authorization>>,
    clock: Arc<dyn Clock>,
) -> Router {
    let door = Arc::new(Door::new(server, authorization, clock));
    let routes = routes().with_state(door);
    Router::new()
        .nest(PREFIX, routes.clone())
        .merge(routes)
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
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
        .route("/saved_datasets/{name}", get(objects::saved_dataset).delete(apply::delete_saved_dataset));
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
        .route("/search", get(search::search))
        .route("/version", get(version))
        .route("/registry/refresh", axum::routing::post(refresh))
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
    pub(super) fn new(
        server: Arc<dyn RegistryServer>,
        authorization: Option<Arc<Authorization>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
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
