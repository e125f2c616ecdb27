//! The tools: one for each route.

use serde_json::{Value, json};

use crate::http::described_routes::{DescribedRoute, object_schema};

/// The answer to `tools/list`.
pub(super) fn list(routes: &[&DescribedRoute]) -> Value {
    json!({ "tools": routes.iter().map(|route| tool(route)).collect::<Vec<_>>() })
}

fn tool(route: &DescribedRoute) -> Value {
    json!({
        "name": route.name,
        "description": route.description,
        "inputSchema": object_schema(route.arguments.iter()),
        "annotations": { "readOnlyHint": route.reads },
    })
}
