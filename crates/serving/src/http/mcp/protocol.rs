//! What the server says of itself, in the version of the protocol that counts.

use serde_json::{Map, Value, json};

use super::McpServerInfo;
use super::message::RpcError;

/// The version whose requests stand for themselves, without a handshake before them.
const SELF_CONTAINED: &str = "2026-07-28";

/// The versions that begin with a handshake, the latest first. What they differ in is nothing that this server
/// has, but for batches.
const WITH_HANDSHAKE: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];

/// How long a client may keep what does not change while the server runs.
const KEEP_MILLISECONDS: u32 = 300_000;

/// The version that a request is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// One of those that begin with a handshake.
    WithHandshake {
        /// Whether several messages may come at once: later versions have taken that out again.
        allows_batches: bool,
    },
    /// The one whose requests stand for themselves.
    SelfContained,
}

impl Version {
    /// The version that a request names; one of those with a handshake where it names none.
    ///
    /// # Errors
    ///
    /// [`RpcError`] for a version that is not spoken, with those that are.
    pub(super) fn of_request(named: Option<&str>) -> Result<Self, RpcError> {
        match named {
            None | Some("2025-03-26" | "2024-11-05") => Ok(Self::WithHandshake { allows_batches: true }),
            Some(SELF_CONTAINED) => Ok(Self::SelfContained),
            Some(named) if WITH_HANDSHAKE.contains(&named) => {
                Ok(Self::WithHandshake { allows_batches: false })
            }
            Some(named) => Err(RpcError::unsupported_version(named, &spoken())),
        }
    }
}

/// All versions that are spoken, the latest first.
fn spoken() -> Vec<&'static str> {
    [&[SELF_CONTAINED], &WITH_HANDSHAKE[..]].concat()
}

/// The answer to `initialize`: the client's version where it has a handshake, and else the latest that has, which
/// the client may refuse.
///
/// # Errors
///
/// [`RpcError`] if the client says no version.
pub(super) fn initialize(info: &McpServerInfo, params: &Map<String, Value>) -> Result<Value, RpcError> {
    let asked = params.get("protocolVersion").and_then(Value::as_str);
    let asked = asked.ok_or_else(|| RpcError::invalid_params("`protocolVersion` is a text"))?;
    let [latest, ..] = WITH_HANDSHAKE;
    let version = if WITH_HANDSHAKE.contains(&asked) { asked } else { latest };
    Ok(json!({
        "protocolVersion": version,
        "capabilities": capabilities(),
        "serverInfo": server_info(info),
    }))
}

/// The answer to `server/discover`.
pub(super) fn discover() -> Value {
    json!({ "supportedVersions": spoken(), "capabilities": capabilities() })
}

/// A result as the self-contained version wants it.
pub(super) fn complete(info: &McpServerInfo, mut result: Value) -> Value {
    if let Some(fields) = result.as_object_mut() {
        fields.insert("resultType".to_owned(), "complete".into());
        fields.insert("_meta".to_owned(), json!({ "io.modelcontextprotocol/serverInfo": server_info(info) }));
    }
    result
}

/// A result that clients may keep for a while, each for itself.
pub(super) fn to_be_kept(mut result: Value) -> Value {
    if let Some(fields) = result.as_object_mut() {
        fields.insert("ttlMs".to_owned(), KEEP_MILLISECONDS.into());
        fields.insert("cacheScope".to_owned(), "private".into());
    }
    result
}

fn capabilities() -> Value {
    json!({ "tools": { "listChanged": false } })
}

fn server_info(info: &McpServerInfo) -> Value {
    json!({ "name": info.name, "version": info.version })
}

#[cfg(test)]
mod tests {
    use larder_registry::McpTransport;

    use super::*;

    #[test]
    fn the_clients_version_is_spoken_or_the_latest_with_a_handshake_proposed() {
        let info = McpServerInfo { name: "n".into(), version: "v".into(), transport: McpTransport::Http };
        let agreed = |asked: Value| {
            let params = Map::from_iter([("protocolVersion".to_owned(), asked)]);
            initialize(&info, &params).map(|answer| answer["protocolVersion"].clone())
        };
        for version in WITH_HANDSHAKE {
            assert_eq!(agreed(json!(version)), Ok(json!(version)));
        }
        for version in ["1999-01-01", SELF_CONTAINED] {
            assert_eq!(agreed(json!(version)), Ok(json!("2025-11-25")));
        }
        assert!(agreed(json!(20_250_618)).is_err() && initialize(&info, &Map::new()).is_err());
    }

    #[test]
    fn batches_are_of_the_versions_that_have_them() {
        for (named, expected) in [
            (None, Version::WithHandshake { allows_batches: true }),
            (Some("2025-03-26"), Version::WithHandshake { allows_batches: true }),
            (Some("2025-06-18"), Version::WithHandshake { allows_batches: false }),
            (Some("2025-11-25"), Version::WithHandshake { allows_batches: false }),
            (Some("2026-07-28"), Version::SelfContained),
        ] {
            assert_eq!(Version::of_request(named), Ok(expected), "{named:?}");
        }
        assert!(Version::of_request(Some("2026-07-29")).is_err());
    }
}
