//! `GET /v1/vector_stores`, `GET /v1/vector_stores/{id}` and `POST /v1/vector_stores/{id}/search`: views with
//! an indexed vector as `OpenAI` shows vector stores.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use larder_core::{ErrorKind, FeatureView, PermittedAction};
use larder_registry::{Registered, RegistrySnapshot};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::http::error::{HttpError, error_response, json_response};
use crate::http::guard::App;
use crate::search::is_indexed;
use crate::{Access, Protected};

/// Those whose definition the sender may read.
pub(crate) async fn list(State(app): State<Arc<App>>, access: Access) -> Response {
    match permitted_stores(&app, &access).await {
        Ok(stores) => json_response(StatusCode::OK, json!({ "object": "list", "data": stores }).to_string()),
        Err(error) => error_response(&error, app.options.error_status),
    }
}

pub(crate) async fn describe(
    State(app): State<Arc<App>>,
    access: Access,
    Path(id): Path<String>,
) -> Response {
    match find(&app, &access, PermittedAction::Describe, &id).await {
        Ok(Some(store)) => json_response(StatusCode::OK, store.to_string()),
        Ok(None) => not_found(&id),
        Err(error) => error_response(&error, app.options.error_status),
    }
}

/// A search here is by text, and needs a model that turns text into vectors.
pub(crate) async fn search(State(app): State<Arc<App>>, access: Access, Path(id): Path<String>) -> Response {
    match find(&app, &access, PermittedAction::ReadOnline, &id).await {
        Ok(Some(_)) => {
            let text = "larder has no embedding model; embed the text and send its vector to POST /search";
            refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid_request_error", text)
        }
        Ok(None) => not_found(&id),
        Err(error) => error_response(&error, app.options.error_status),
    }
}

async fn permitted_stores(app: &App, access: &Access) -> Result<Vec<Value>, HttpError> {
    let snapshot = app.server.snapshot().await?;
    let mut stores = Vec::new();
    for view in indexed_views(&snapshot) {
        match require(app, access, PermittedAction::Describe, &view.object).await {
            Ok(()) => stores.push(vector_store(&snapshot, view)),
            Err(error) if error.kind() == ErrorKind::Forbidden => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(stores)
}

async fn find(
    app: &App,
    access: &Access,
    action: PermittedAction,
    id: &str,
) -> Result<Option<Value>, HttpError> {
    let snapshot = app.server.snapshot().await?;
    let has_id =
        |view: &&Registered<FeatureView>| vector_store_id(&snapshot.project.name, &view.object.name) == id;
    let Some(view) = indexed_views(&snapshot).find(has_id) else { return Ok(None) };
    require(app, access, action, &view.object).await?;
    Ok(Some(vector_store(&snapshot, view)))
}

async fn require(
    app: &App,
    access: &Access,
    action: PermittedAction,
    view: &FeatureView,
) -> larder_core::Result<()> {
    access
        .require(&*app.server, &[action], |registry| Ok(vec![Protected::named(registry, &view.name)?]))
        .await
}

fn indexed_views(snapshot: &RegistrySnapshot) -> impl Iterator<Item = &Registered<FeatureView>> {
    snapshot.feature_views().iter().filter(|view| view.object.features.iter().any(is_indexed))
}

fn vector_store(snapshot: &RegistrySnapshot, view: &Registered<FeatureView>) -> Value {
    let name = &view.object.name;
    let id = vector_store_id(&snapshot.project.name, name);
    json!({
        "id": id, "object": "vector_store", "name": name, "status": "completed",
        "created_at": view.created.seconds(),
    })
}

/// Feast's identifier of a view.
fn vector_store_id(project: &str, view: &str) -> String {
    let digest = Sha256::digest(format!("{project}:{view}"));
    let hex: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    format!("vs_{hex}")
}

fn not_found(id: &str) -> Response {
    refused(StatusCode::NOT_FOUND, "not_found_error", &format!("No vector store found with id '{id}'"))
}

fn refused(status: StatusCode, kind: &str, message: &str) -> Response {
    json_response(status, json!({ "error": { "message": message, "type": kind } }).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_feasts() {
        // Of `feature_view_to_vs_id("demo", "docs")`.
        assert_eq!(vector_store_id("demo", "docs"), "vs_752ce3fc0115c59825aa9971");
    }
}
