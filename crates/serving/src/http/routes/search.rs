//! `POST /search`, and `POST /retrieve-online-documents` as it was called before.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;

use crate::Access;
use crate::http::body::{RequestBody, Search};
use crate::http::error::{HttpError, json_response};
use crate::http::guard::App;

pub(crate) async fn search(app: Arc<App>, access: Access, body: RequestBody) -> Result<Response, HttpError> {
    let body: Search = body.read().await?;
    let metadata = body.include_feature_view_version_metadata;
    let request = body.into_request()?;
    let answer = access
        .read(&*app.server, request, |request| &request.selection, |request| app.server.search(request))
        .await?;
    Ok(json_response(StatusCode::OK, answer.to_json(metadata)))
}
