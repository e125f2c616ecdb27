//! `POST /search`, and `POST /retrieve-online-documents` as it was called before.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use larder_core::PermittedAction;

use crate::http::authorization::{Access, read_by};
use crate::http::body::{RequestBody, Search};
use crate::http::error::{HttpError, json_response};
use crate::http::guard::App;

pub(crate) async fn search(app: Arc<App>, access: Access, body: RequestBody) -> Result<Response, HttpError> {
    let body: Search = body.read().await?;
    let metadata = body.include_feature_view_version_metadata;
    let request = body.into_request()?;
    access
        .require(&app, &[PermittedAction::ReadOnline], |registry| read_by(registry, &request.selection))
        .await?;
    let answer = app.server.search(request).await?;
    Ok(json_response(StatusCode::OK, answer.to_json(metadata)))
}
