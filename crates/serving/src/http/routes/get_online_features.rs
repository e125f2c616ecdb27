//! `POST /get-online-features`

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use larder_plan::Selection;

use crate::Access;
use crate::LoggedAnswer;
use crate::http::body::{GetOnlineFeatures, RequestBody};
use crate::http::error::{HttpError, json_response};
use crate::http::guard::App;

pub(crate) async fn get_online_features(
    app: Arc<App>,
    access: Access,
    body: RequestBody,
) -> Result<Response, HttpError> {
    let body: GetOnlineFeatures = body.read().await?;
    let metadata = body.include_feature_view_version_metadata;
    let request = body.into_request();
    let service = match &request.selection {
        Selection::Service(name) if app.options.feature_log.is_some() => Some(name.clone()),
        _ => None,
    };
    let answer = access
        .read(
            &*app.server,
            request,
            |request| &request.selection,
            |request| app.server.get_online_features(request),
        )
        .await?;
    if let (Some(log), Some(feature_service)) = (&app.options.feature_log, service)
        && log.wants(&feature_service)
    {
        let logged_at = app.options.clock.now();
        log.log(LoggedAnswer { feature_service, logged_at, response: answer.clone() });
    }
    app.metrics.answered_features(&answer);
    let counts = answer.feature_counts();
    let json = if answer.is_large() {
        larder_blocking::run(move || Ok(answer.to_json(metadata))).await?
    } else {
        answer.to_json(metadata)
    };
    let mut response = json_response(StatusCode::OK, json);
    response.extensions_mut().insert(counts);
    Ok(response)
}
