//! How much is kept, and the removal of it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde_json::json;

use super::LineageDoor;
use super::sight::Looking;
use crate::Access;
use crate::http::{FOREIGN_PAGE, is_unasked};
use crate::registry_http::door::{Answer, Json};
use crate::registry_http::refusal::Refusal;

impl LineageDoor {
    /// Refuses a request that does not show the key.
    pub(super) fn check_key(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        if self.consumer.is_shown_key(headers) {
            return Ok(());
        }
        Err(Refusal::http(StatusCode::UNAUTHORIZED, "Invalid API key"))
    }

    /// Refuses to remove anything for somebody who neither shows the key nor may do everything: no permission is about
    /// events.
    fn check_removal(&self, access: &Access, headers: &HeaderMap) -> Result<(), Refusal> {
        if is_unasked(headers) {
            return Err(Refusal::http(StatusCode::FORBIDDEN, FOREIGN_PAGE));
        }
        self.check_key(headers)?;
        if self.consumer.api_key.is_none() && access.is_limited() {
            let detail = "Events are removed by whoever shows the API key, and there is none; set `api_key` of \
                          `openlineage.consumer` in feature_store.yaml";
            return Err(Refusal::http(StatusCode::FORBIDDEN, detail));
        }
        Ok(())
    }
}

pub(super) async fn retention(State(state): State<Arc<LineageDoor>>, looking: Looking) -> Answer {
    let consumer = &state.consumer;
    let stored = consumer.store.read(move |lineage| lineage.stored(&looking.visible)).await?;
    Ok(Json(json!({
        "retention_days": consumer.retention_days,
        "retention_enabled": consumer.retention_days > 0,
        "check_interval_hours": consumer.retention_check_interval_hours,
        "storage": stored,
    })))
}

pub(super) async fn prune(
    State(state): State<Arc<LineageDoor>>,
    looking: Looking,
    headers: HeaderMap,
) -> Answer {
    state.check_removal(&looking.access, &headers)?;
    let days = state.consumer.retention_days;
    if days == 0 {
        return Ok(Json(json!({ "message": "Retention pruning is disabled (retention_days=0)" })));
    }
    let deleted = state.consumer.store.prune(days).await?;
    Ok(Json(json!({ "message": "Pruning completed", "deleted": deleted })))
}

pub(super) async fn reset(
    State(state): State<Arc<LineageDoor>>,
    looking: Looking,
    headers: HeaderMap,
) -> Answer {
    state.check_removal(&looking.access, &headers)?;
    let message = if let Some(namespace) = looking.parameters.full_text("namespace") {
        state.consumer.store.purge_namespace(&namespace).await?;
        format!("Purged namespace: {namespace}")
    } else {
        state.consumer.store.purge_all().await?;
        "Purged all OpenLineage data".to_owned()
    };
    Ok(Json(json!({ "status": "success", "message": message })))
}
