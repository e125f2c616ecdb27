//! The tools: one for each route.

use serde_json::{Value, json};

use crate::http::described_routes::{DescribedRoute, described_routes, object_schema};

/// The answer to `tools/list`.
pub(super) fn list(with_jobs: bool) -> Value {
    json!({ "tools": described_routes(with_jobs).map(tool).collect::<Vec<_>>() })
}

fn tool(route: &DescribedRoute) -> Value {
    json!({
        "name": route.name,
        "description": route.description,
        "inputSchema": object_schema(route.arguments.iter()),
        "annotations": { "readOnlyHint": route.reads },
    })
}
