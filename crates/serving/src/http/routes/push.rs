//! `POST /push` and `POST /write-to-online-store`

use std::sync::Arc;

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;

use crate::http::body::{Push, RequestBody, WriteToOnlineStore};
use crate::http::error::{HttpError, json_response};
use crate::http::guard::App;
use crate::http::metrics;

/// Answers nothing at all, as Feast does.
pub(crate) async fn push(app: Arc<App>, body: RequestBody) -> Result<Response, HttpError> {
    let request = body.read::<Push>().await?.into_request()?;
    let (push_source, mode) = (request.push_source.clone(), request.to.name());
    app.server.push(request).await?;
    metrics::pushed(push_source, mode);
    Ok(Response::new(Body::empty()))
}

/// Answers `null`, as Feast does.
pub(crate) async fn write_to_online_store(app: Arc<App>, body: RequestBody) -> Result<Response, HttpError> {
    let request = body.read::<WriteToOnlineStore>().await?.into_request()?;
    app.server.write_to_online_store(request).await?;
    Ok(json_response(StatusCode::OK, "null"))
}
