//! `GET /health`, `GET /metrics` and `POST /v1/refresh`

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use crate::http::error::{error_response, json_response};
use crate::http::guard::App;
use crate::http::metrics::{render, set_freshness};

/// Empty: 200 if requests can be answered, else 503.
pub(crate) async fn health(State(app): State<Arc<App>>) -> Response {
    let mut response = Response::new(Body::empty());
    if let Err(error) = app.server.health().await {
        tracing::warn!(error = error.chain(), "not healthy");
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    response
}

/// Looks at the registry now; whoever has just changed it need not wait for the next look. `null`, or the
/// error as every route answers it.
pub(crate) async fn refresh(State(app): State<Arc<App>>) -> Response {
    match app.server.refresh().await {
        Ok(()) => json_response(StatusCode::OK, "null"),
        Err(error) => error_response(&error.into(), app.options.error_status),
    }
}

/// Prometheus text. Without a registry everything but the freshness of views is there.
pub(crate) async fn metrics(State(app): State<Arc<App>>) -> Response {
    match app.server.snapshot().await {
        Ok(snapshot) => set_freshness(&snapshot, app.options.clock.now()),
        Err(error) => tracing::warn!(error = error.chain(), "no registry to tell how fresh views are"),
    }
    app.usage.set_gauges();
    let mut response = Response::new(Body::from(render(&app.options.metrics)));
    let content_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}
