//! `tools/call`: a tool's request, through the routes, and its answer as the protocol wants it.

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use axum::response::Response;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use serde_json::{Map, Value};

use super::message::RpcError;
use crate::ToolCall;
use crate::http::audit::{MAX_ID_CHARS, Peer};
use crate::http::body::off_thread;
use crate::http::described_routes::{DescribedRoute, Place};
use crate::http::error::HttpError;

/// Headers of the client that its calls bring along: who it is, and what auditors know it by.
const FORWARDED: [&str; 3] = ["authorization", "x-forwarded-for", "x-request-id"];

/// The client of a call.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pub(super) headers: HeaderMap,
    pub(super) peer: Option<Peer>,
    /// Whether messages come with headers at all, which then say the same as they do.
    pub(super) has_headers: bool,
}

/// Calls a tool. What goes wrong behind the route is a result too, one that says that it is an error: whoever
/// called can read it and do better.
///
/// # Errors
///
/// [`RpcError`] if there is no such tool, or the parameters are not those of a call.
pub(super) async fn call(
    routes: &Router,
    tools: &[&'static DescribedRoute],
    client: &Client,
    id: &Value,
    mut params: Map<String, Value>,
) -> Result<Value, RpcError> {
    let Some(Value::String(name)) = params.get("name") else {
        return Err(RpcError::invalid_params("`name` is the name of a tool"));
    };
    let tool = tools.iter().find(|tool| tool.name == name);
    let tool = tool.ok_or_else(|| RpcError::invalid_params(format!("Unknown tool: {name}")))?;
    let arguments = match params.remove("arguments") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(arguments)) => arguments,
        Some(_) => return Err(RpcError::invalid_params("`arguments` is an object")),
    };
    let mut request = match request(tool, arguments) {
        Ok(request) => request,
        Err(mistake) => return Ok(text_result(mistake, true)),
    };
    for name in FORWARDED {
        if let Some(value) = client.headers.get(name) {
            request.headers_mut().insert(name, value.clone());
        }
    }
    if let Some(peer) = client.peer {
        request.extensions_mut().insert(peer);
    }
    let jsonrpc_id = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
    let jsonrpc_id = jsonrpc_id.chars().take(MAX_ID_CHARS).collect();
    request.extensions_mut().insert(ToolCall { tool: tool.name.to_owned(), jsonrpc_id });
    let routes = TowerToHyperService::new(routes.clone());
    let response = routes.call(request).await.unwrap_or_else(|never| match never {});
    Ok(tool_result(tool, response).await)
}

/// The request that a call of a tool stands for.
///
/// # Errors
///
/// What is wrong with the arguments, as far as they are not for the route to judge.
fn request(tool: &DescribedRoute, mut arguments: Map<String, Value>) -> Result<Request<Body>, String> {
    let mut target = String::new();
    for part in tool.path.split('/').skip(1) {
        target.push('/');
        match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            None => target.push_str(part),
            Some(name) => match arguments.remove(name) {
                None => return Err(format!("Input validation error: '{name}' is a required property")),
                Some(Value::String(text)) if !text.is_empty() => push_encoded(&mut target, &text),
                Some(_) => {
                    return Err(format!("Input validation error: '{name}' is a text that is not empty"));
                }
            },
        }
    }
    let mut separator = '?';
    for argument in tool.arguments.iter().filter(|argument| tool.place(argument) == Place::Query) {
        // Several of one name stand behind each other.
        let values = match arguments.remove(argument.name) {
            None | Some(Value::Null) => continue,
            Some(Value::Array(values)) => values,
            Some(value) => vec![value],
        };
        for value in values {
            target.push(separator);
            target.push_str(argument.name);
            target.push('=');
            push_encoded(&mut target, &value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            separator = '&';
        }
    }
    let request = Request::builder().uri(target);
    let request = match tool.method {
        Method::GET | Method::DELETE => request.method(tool.method.clone()).body(Body::empty()),
        _ => request
            .method(Method::POST)
            .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(Body::from(Value::Object(arguments).to_string())),
    };
    Ok(request.expect("the path is encoded"))
}

/// Writes a text so that it stands for itself within a part of a path or a query.
fn push_encoded(target: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                target.push(char::from(byte));
            }
            _ => target.push_str(&format!("%{byte:02X}")),
        }
    }
}

/// The answer of a route as the result of a call: JSON in lines where it went well, and word for word else.
async fn tool_result(tool: &DescribedRoute, response: Response) -> Value {
    let status = response.status();
    let body = match to_bytes(response.into_body(), usize::MAX).await {
        Ok(body) => body,
        Err(error) => return text_result(format!("Error calling {}. {error}", tool.name), true),
    };
    let is_error = status.is_client_error() || status.is_server_error();
    let text = match off_thread(body.len(), move || readable(status, &body)).await {
        Ok(text) => text,
        Err(HttpError::Verb(error)) => error.chain(),
        Err(HttpError::Detail(_, detail)) => detail.to_string(),
    };
    if !is_error {
        return text_result(text, false);
    }
    let text = format!("Error calling {}. Status code: {}. Response: {text}", tool.name, status.as_u16());
    text_result(text, true)
}

fn readable(status: StatusCode, body: &Bytes) -> String {
    let pretty = || {
        let value: Value = serde_json::from_slice(body).ok()?;
        serde_json::to_string_pretty(&value).ok()
    };
    let pretty = if status.is_success() { pretty() } else { None };
    pretty.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned())
}

fn text_result(text: String, is_error: bool) -> Value {
    let content = Map::from_iter([("type".to_owned(), "text".into()), ("text".to_owned(), text.into())]);
    let content = Value::Array(vec![Value::Object(content)]);
    let result = [("content".to_owned(), content), ("isError".to_owned(), is_error.into())];
    Value::Object(Map::from_iter(result))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::http::described_routes::described_routes;

    fn of(tool: &str, arguments: Value) -> Result<(String, String), String> {
        let Value::Object(arguments) = arguments else { panic!("{arguments}") };
        let tool = described_routes(true).find(|route| route.name == tool).unwrap();
        let request = request(tool, arguments)?;
        Ok((request.method().to_string(), request.uri().to_string()))
    }

    #[test]
    fn arguments_go_into_the_path_the_query_and_the_body() {
        let run =
            |name: &str| of("get_job_run_v1_jobs__name__runs__id__get", json!({"name": name, "id": "1"}));
        assert_eq!(run("nightly").unwrap().1, "/v1/jobs/nightly/runs/1");
        assert_eq!(run("../../é?x=#").unwrap().1, "/v1/jobs/..%2F..%2F%C3%A9%3Fx%3D%23/runs/1");
        let materialize = json!({"async": true, "force": null, "start_ts": "2024-01-01"});
        let expected = ("POST".to_owned(), "/materialize?async=true".to_owned());
        assert_eq!(of("materialize_materialize_post", materialize), Ok(expected));
        let odd = of("materialize_materialize_post", json!({"async": "a&b=c", "force": [1]})).unwrap();
        assert_eq!(odd.1, "/materialize?async=a%26b%3Dc&force=1");
    }

    #[test]
    fn a_missing_part_of_a_path_is_told_of() {
        let tool = "get_vector_store_v1_vector_stores__vector_store_id__get";
        for arguments in [json!({}), json!({"vector_store_id": 5}), json!({"vector_store_id": ""})] {
            let mistake = of(tool, arguments).unwrap_err();
            assert!(mistake.starts_with("Input validation error: 'vector_store_id' is a "), "{mistake}");
        }
    }
}
