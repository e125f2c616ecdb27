//! `GET /v1/vector_stores`, `GET /v1/vector_stores/{id}` and `POST /v1/vector_stores/{id}/search`: views with
//! an indexed vector as `OpenAI` shows vector stores.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use larder_registry::RegistrySnapshot;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::http::error::{HttpError, error_response, json_response};
use crate::http::guard::App;
use crate::search::is_indexed;

pub(crate) async fn list(State(app): State<Arc<App>>) -> Response {
    match app.server.snapshot().await {
        Ok(snapshot) => {
            let stores = vector_stores(&snapshot);
            json_response(StatusCode::OK, json!({ "object": "list", "data": stores }).to_string())
        }
        Err(error) => error_response(&error.into(), app.options.error_status),
    }
}

pub(crate) async fn describe(State(app): State<Arc<App>>, Path(id): Path<String>) -> Response {
    match find(&app, &id).await {
        Ok(Some(store)) => json_response(StatusCode::OK, store.to_string()),
        Ok(None) => not_found(&id),
        Err(error) => error_response(&error, app.options.error_status),
    }
}

/// A search here is by text, and needs a model that turns text into vectors.
pub(crate) async fn search(State(app): State<Arc<App>>, Path(id): Path<String>) -> Response {
    match find(&app, &id).await {
        Ok(Some(_)) => {
            let text = "larder has no embedding model; embed the text and send its vector to POST /search";
            refused(StatusCode::UNPROCESSABLE_ENTITY, "invalid_request_error", text)
        }
        Ok(None) => not_found(&id),
        Err(error) => error_response(&error, app.options.error_status),
    }
}

async fn find(app: &App, id: &str) -> Result<Option<Value>, HttpError> {
    let snapshot = app.server.snapshot().await?;
    Ok(vector_stores(&snapshot).into_iter().find(|store| store.get("id").and_then(Value::as_str) == Some(id)))
}

fn vector_stores(snapshot: &RegistrySnapshot) -> Vec<Value> {
    let views = snapshot.feature_views().iter();
    let indexed = views.filter(|view| view.object.features.iter().any(is_indexed));
    let stores = indexed.map(|view| {
        let name = &view.object.name;
        let id = vector_store_id(&snapshot.project.name, name);
        json!({
            "id": id, "object": "vector_store", "name": name, "status": "completed",
            "created_at": view.created.seconds(),
        })
    });
    stores.collect()
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
