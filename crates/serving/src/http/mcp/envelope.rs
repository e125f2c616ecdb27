//! What a request that stands for itself says of itself: in `params._meta`, and, over HTTP, in headers by which proxies
//! may route it. Both must say the same, or whoever reads one is deceived about the other.
//!
//! ```text
//! MCP-Protocol-Version: 2026-07-28     params._meta["io.modelcontextprotocol/protocolVersion"]
//! Mcp-Method: tools/call               method
//! Mcp-Name: push_push_post             params.name, of a call
//! ```

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value};

use super::message::RpcError;

pub(super) const VERSION: &str = "mcp-protocol-version";
const METHOD: &str = "mcp-method";
const NAME: &str = "mcp-name";

const VERSION_KEY: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES_KEY: &str = "io.modelcontextprotocol/clientCapabilities";

/// The version of the protocol that a message names.
pub(super) fn said_version(message: &Value) -> Option<&str> {
    message.get("params")?.get("_meta")?.get(VERSION_KEY)?.as_str()
}

/// # Errors
///
/// [`RpcError`] if something is missing, or said in two ways.
pub(super) fn check(
    headers: Option<&HeaderMap>,
    method: &str,
    params: &Map<String, Value>,
) -> Result<(), RpcError> {
    let meta = params.get("_meta").and_then(Value::as_object);
    let has = |key: &str| meta.is_some_and(|meta| meta.contains_key(key));
    if !has(VERSION_KEY) || !has(CAPABILITIES_KEY) {
        let text = format!("`params._meta` holds `{VERSION_KEY}` and `{CAPABILITIES_KEY}`");
        return Err(RpcError::invalid_params(text));
    }
    let Some(headers) = headers else { return Ok(()) };
    let said = meta.and_then(|meta| meta.get(VERSION_KEY)).and_then(Value::as_str);
    agree(headers, VERSION, said)?;
    agree(headers, METHOD, Some(method))?;
    match params.get("name").and_then(Value::as_str) {
        Some(name) if method == "tools/call" => agree(headers, NAME, Some(name)),
        _ => Ok(()),
    }
}

fn agree(headers: &HeaderMap, name: &str, said: Option<&str>) -> Result<(), RpcError> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().and_then(|value| value.to_str().ok()).and_then(decoded);
    if values.next().is_none() && value.is_some() && value.as_deref() == said {
        return Ok(());
    }
    Err(RpcError::header_mismatch(format!("the header `{name}` does not say what the body says")))
}

/// A value that a header cannot hold as it is comes as `=?base64?…?=`.
fn decoded(value: &str) -> Option<String> {
    match value.strip_prefix("=?base64?").and_then(|value| value.strip_suffix("?=")) {
        None => Some(value.to_owned()),
        Some(encoded) => String::from_utf8(BASE64.decode(encoded).ok()?).ok(),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};
    use serde_json::json;

    use super::*;

    fn checked(headers: &[(&'static str, &'static str)], params: Value) -> Result<(), i32> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let Value::Object(params) = params else { panic!("{params}") };
        check(Some(&map), "tools/call", &params).map_err(|error| error.code())
    }

    #[test]
    fn headers_and_body_say_the_same() {
        let params = json!({"name": "é", "_meta": {VERSION_KEY: "2026-07-28", CAPABILITIES_KEY: {}}});
        let (version, method) = ((VERSION, "2026-07-28"), (METHOD, "tools/call"));
        let name = (NAME, "=?base64?w6k=?=");
        assert_eq!(checked(&[version, method, name], params.clone()), Ok(()));
        for headers in [
            &[version, method][..],
            &[version, name],
            &[method, name],
            &[version, method, (NAME, "e")],
            &[version, method, (NAME, "=?base64?w6k?=")],
            &[version, method, name, name],
            &[version, (METHOD, "tools/list"), name],
            &[(VERSION, "2025-11-25"), method, name],
        ] {
            assert_eq!(checked(headers, params.clone()), Err(-32_020), "{headers:?}");
        }
        for meta in [json!({}), json!({VERSION_KEY: "2026-07-28"}), json!(null)] {
            let params = json!({"name": "é", "_meta": meta});
            assert_eq!(checked(&[version, method, name], params), Err(-32_602));
        }
        let params = json!({"name": "é", "_meta": {VERSION_KEY: null, CAPABILITIES_KEY: {}}});
        assert_eq!(checked(&[version, method, name], params), Err(-32_020));
    }
}
