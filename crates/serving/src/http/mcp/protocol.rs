//! What the server says of itself, in the version that it agrees on with the client.

use serde_json::{Map, Value, json};

use super::McpServerInfo;
use super::message::RpcError;

/// The versions of the protocol that are spoken, the latest first. What they differ in is nothing that this
/// server has, but for [batches](allows_batches).
const VERSIONS: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];

/// The version that counts where a request says none.
const UNSAID: &str = "2025-03-26";

pub(super) fn is_spoken(version: &str) -> bool {
    VERSIONS.contains(&version)
}

/// Whether several messages may come at once: later versions have taken that out again.
pub(super) fn allows_batches(version: Option<&str>) -> bool {
    matches!(version.unwrap_or(UNSAID), "2025-03-26" | "2024-11-05")
}

/// The answer to `initialize`: the client's version where it is spoken, and else the latest, which the client
/// may refuse.
///
/// # Errors
///
/// [`RpcError`] if the client says no version.
pub(super) fn initialize(info: &McpServerInfo, params: &Map<String, Value>) -> Result<Value, RpcError> {
    let asked = params.get("protocolVersion").and_then(Value::as_str);
    let asked = asked.ok_or_else(|| RpcError::invalid_params("`protocolVersion` is a text"))?;
    let version = if is_spoken(asked) { asked } else { VERSIONS[0] };
    Ok(json!({
        "protocolVersion": version,
        "capabilities": { "tools": { "listChanged": false } },
        "serverInfo": { "name": info.name, "version": info.version },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clients_version_is_spoken_or_the_latest_proposed() {
        let info = McpServerInfo { name: "n".into(), version: "v".into() };
        let agreed = |asked: Value| {
            let params = Map::from_iter([("protocolVersion".to_owned(), asked)]);
            initialize(&info, &params).map(|answer| answer["protocolVersion"].clone())
        };
        for version in VERSIONS {
            assert_eq!(agreed(json!(version)), Ok(json!(version)));
        }
        assert_eq!(agreed(json!("1999-01-01")), Ok(json!(VERSIONS[0])));
        assert!(agreed(json!(20_250_618)).is_err() && initialize(&info, &Map::new()).is_err());
    }

    #[test]
    fn batches_are_of_the_versions_that_have_them() {
        assert!(allows_batches(None) && allows_batches(Some("2025-03-26")));
        assert!(!allows_batches(Some("2025-06-18")) && !allows_batches(Some("2025-11-25")));
    }
}
