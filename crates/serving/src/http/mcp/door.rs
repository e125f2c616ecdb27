//! From a request of HTTP to messages, and back.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request as HttpRequest;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use serde_json::{Value, json};

use super::McpServerInfo;
use super::call::{Client, call};
use super::message::{Message, Request, RpcError, result};
use super::{protocol, tools};
use crate::http::audit::Peer;
use crate::http::body::{RequestBody, off_thread};
use crate::http::error::{HttpError, error_response, json_response};
use crate::http::guard::App;

/// Messages that may come at once.
const MAX_BATCH: usize = 50;

const VERSION_HEADER: &str = "mcp-protocol-version";

/// The server of the protocol.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    app: Arc<App>,
    info: McpServerInfo,
    /// Everything else that the server answers.
    routes: Router,
}

impl Door {
    pub(crate) fn new(app: Arc<App>, info: McpServerInfo, routes: Router) -> Self {
        Self { app, info, routes }
    }

    /// Answers a POST.
    pub(crate) async fn post(&self, request: HttpRequest) -> Response {
        let (head, body) = request.into_parts();
        match self.read(&head.headers, body).await {
            Err(Refusal::Http(error)) => error_response(&error, self.app.options.error_status),
            Err(Refusal::Rpc(status, error)) => json_response(status, error.answer(None).to_string()),
            Ok(value) => {
                let peer = head.extensions.get::<Peer>().copied();
                let answer = self.answer(value, &Client { headers: head.headers, peer }).await;
                match answer {
                    Ok(Some(answer)) => json_response(StatusCode::OK, answer.to_string()),
                    Ok(None) => {
                        let mut response = Response::new(Body::empty());
                        *response.status_mut() = StatusCode::ACCEPTED;
                        response
                    }
                    Err(answer) => json_response(StatusCode::BAD_REQUEST, answer.to_string()),
                }
            }
        }
    }

    /// The JSON of a request whose head is as the protocol wants it.
    async fn read(&self, headers: &HeaderMap, body: Body) -> Result<Value, Refusal> {
        if headers.get(header::ORIGIN).is_some_and(|origin| !is_of_this_machine(origin)) {
            let text = "A page of another origin may not use this server";
            return Err(HttpError::detail(StatusCode::FORBIDDEN, text).into());
        }
        let version = headers.get(VERSION_HEADER).map(|version| version.to_str().unwrap_or("?"));
        if let Some(version) = version.filter(|version| !protocol::is_spoken(version)) {
            return Err(bad_request(format!("Unsupported protocol version: {version}")));
        }
        if !accepts_json(headers) {
            let text = "Not Acceptable: answers are application/json";
            return Err(Refusal::Rpc(StatusCode::NOT_ACCEPTABLE, RpcError::invalid_request(text)));
        }
        // Given back when the body is read: a call of a tool waits for a turn of its own.
        let _turn = self.app.turn().await?;
        let RequestBody { bytes, is_json } = self.app.body(headers, body).await?;
        if !is_json {
            let text = "Unsupported Media Type: messages are application/json";
            return Err(Refusal::Rpc(StatusCode::UNSUPPORTED_MEDIA_TYPE, RpcError::invalid_request(text)));
        }
        let parsed = off_thread(bytes.len(), move || serde_json::from_slice::<Value>(&bytes)).await?;
        let value = parsed.map_err(|error| {
            Refusal::Rpc(StatusCode::BAD_REQUEST, RpcError::parse(format!("Parse error: {error}")))
        })?;
        match value.as_array().map(Vec::len) {
            Some(_) if !protocol::allows_batches(version) => {
                Err(bad_request("this version of the protocol has no batches; send one message at a time"))
            }
            Some(0) => Err(bad_request("a batch holds messages")),
            Some(messages) if messages > MAX_BATCH => {
                Err(bad_request(format!("a batch holds at most {MAX_BATCH} messages, not {messages}")))
            }
            _ => Ok(value),
        }
    }

    /// The answer to what came; none where nobody waits for one.
    ///
    /// # Errors
    ///
    /// The answer to a single value that is no message.
    async fn answer(&self, value: Value, client: &Client) -> Result<Option<Value>, Value> {
        let Value::Array(batch) = value else {
            return match Message::try_from_json(value) {
                Ok(Message::Request(request)) => Ok(Some(self.answer_request(request, client).await)),
                Ok(Message::Notification | Message::Response) => Ok(None),
                // Whoever has an id waits for its answer.
                Err((error, Some(id))) => Ok(Some(error.answer(Some(&id)))),
                Err((error, None)) => Err(error.answer(None)),
            };
        };
        let mut answers = Vec::new();
        for value in batch {
            match Message::try_from_json(value) {
                Ok(Message::Request(request)) if request.method == "initialize" => {
                    let error = RpcError::invalid_request("`initialize` comes alone");
                    answers.push(error.answer(Some(&request.id)));
                }
                Ok(Message::Request(request)) => answers.push(self.answer_request(request, client).await),
                Ok(Message::Notification | Message::Response) => {}
                Err((error, id)) => answers.push(error.answer(id.as_ref())),
            }
        }
        Ok((!answers.is_empty()).then_some(Value::Array(answers)))
    }

    async fn answer_request(&self, request: Request, client: &Client) -> Value {
        let Request { id, method, params } = request;
        let answer = match method.as_str() {
            "initialize" => protocol::initialize(&self.info, &params),
            "ping" => Ok(json!({})),
            "tools/list" if params.get("cursor").is_some_and(|cursor| !cursor.is_null()) => {
                Err(RpcError::invalid_params("all tools come at once, so there is no such `cursor`"))
            }
            "tools/list" => Ok(tools::list(self.app.options.jobs.is_some())),
            "tools/call" => call(&self.routes, client, &id, params).await,
            _ => Err(RpcError::method_not_found(&method)),
        };
        match answer {
            Ok(answer) => result(id, answer),
            Err(error) => error.answer(Some(&id)),
        }
    }
}

/// Why a request is not read.
enum Refusal {
    Http(HttpError),
    Rpc(StatusCode, RpcError),
}

impl From<HttpError> for Refusal {
    fn from(error: HttpError) -> Self {
        Self::Http(error)
    }
}

fn bad_request(message: impl Into<String>) -> Refusal {
    Refusal::Rpc(StatusCode::BAD_REQUEST, RpcError::invalid_request(message))
}

/// Whether a page comes from this machine. Any other has no business here, whatever name it has given this
/// machine's address.
fn is_of_this_machine(origin: &HeaderValue) -> bool {
    let uri = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
    let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// Whether an answer of JSON is welcome; who does not say takes all.
fn accepts_json(headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all(header::ACCEPT).iter().peekable();
    accepted.peek().is_none()
        || accepted.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(|range| {
            let range = range.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            matches!(range.as_str(), "application/json" | "application/*" | "*/*")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_this_machine_are_welcome_and_no_others() {
        for (origin, expected) in [
            ("http://localhost:3000", true),
            ("https://LOCALHOST", true),
            ("http://127.0.0.1:6566", true),
            ("http://[::1]:6566", true),
            ("http://localhost.evil.example", false),
            ("http://127.0.0.1.evil.example", false),
            ("http://10.0.0.1", false),
            ("null", false),
            ("", false),
        ] {
            assert_eq!(is_of_this_machine(&HeaderValue::from_static(origin)), expected, "{origin}");
        }
    }

    #[test]
    fn json_is_accepted_by_whoever_does_not_say_otherwise() {
        for (accept, expected) in [
            ("application/json, text/event-stream", true),
            ("text/event-stream;q=1, Application/JSON;q=0.5", true),
            ("*/*", true),
            ("text/event-stream", false),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(accepts_json(&headers), expected, "{accept}");
        }
        assert!(accepts_json(&HeaderMap::new()));
    }
}
