//! `POST /push` and `POST /write-to-online-store`

use std::sync::Arc;

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use larder_core::{PushMode, RequestError};

use crate::PushRequest;
use crate::http::body::{Push, RequestBody, WriteToOnlineStore};
use crate::http::error::{HttpError, json_response};
use crate::http::guard::App;
use crate::http::metrics;
use crate::http::offline_batches::{Added, OfflineBatches};
use crate::{Access, Protected};

/// Answers nothing at all, as Feast does: 200 once the rows are written, 202 if some of it is to come.
pub(crate) async fn push(app: Arc<App>, access: Access, body: RequestBody) -> Result<Response, HttpError> {
    let request = body.read::<Push>().await?.into_request()?;
    access.require_push(&*app.server, &request.push_source, request.to).await?;
    let (push_source, mode) = (request.push_source.clone(), request.to.name());
    let mut response = Response::new(Body::empty());
    match &app.offline_batches {
        Some(batches) if request.to.is_offline() => {
            gather(&app, batches, request).await?;
            *response.status_mut() = StatusCode::ACCEPTED;
        }
        _ => app.server.push(request).await?,
    }
    metrics::pushed(push_source, mode);
    Ok(response)
}

/// Writes what goes online, and gathers what goes offline.
async fn gather(
    app: &Arc<App>,
    batches: &Arc<OfflineBatches>,
    request: PushRequest,
) -> Result<(), HttpError> {
    if request.to.is_online() {
        app.server.push(PushRequest { to: PushMode::Online, ..request.clone() }).await?;
    } else {
        refuse_unknown_source(app, &request.push_source).await?;
    }
    match batches.add(request) {
        Added::Waiting => Ok(()),
        Added::Complete(source) => {
            let (batches, server) = (Arc::clone(batches), Arc::clone(&app.server));
            app.background.spawn(async move { batches.write(&*server, source).await });
            Ok(())
        }
        Added::Refused => {
            let text = "Too many rows wait for the offline store, which does not take them; try again later";
            Err(HttpError::detail(StatusCode::SERVICE_UNAVAILABLE, text))
        }
    }
}

/// What waits is answered for, so a name that nothing will ever be written under is refused at once.
async fn refuse_unknown_source(app: &App, push_source: &str) -> Result<(), HttpError> {
    let snapshot = app.server.snapshot().await?;
    if !Protected::fed_by(&snapshot, push_source).is_empty() {
        return Ok(());
    }
    Err(RequestError::PushSourceNotFound { push_source: push_source.to_owned() }.into())
}

/// Answers `null`, as Feast does.
pub(crate) async fn write_to_online_store(
    app: Arc<App>,
    access: Access,
    body: RequestBody,
) -> Result<Response, HttpError> {
    let request = body.read::<WriteToOnlineStore>().await?.into_request()?;
    access.require_write(&*app.server, &request.feature_view).await?;
    app.server.write_to_online_store(request).await?;
    Ok(json_response(StatusCode::OK, "null"))
}
