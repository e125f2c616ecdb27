//! From a request of HTTP to messages, and back.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request as HttpRequest;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use futures::FutureExt as _;
use larder_registry::{ErrorStatus, McpTransport};
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use super::McpServerInfo;
use super::call::{Client, call};
use super::message::{Message, Request, RpcError, result};
use super::protocol::Version;
use super::sse::Sessions;
use super::{envelope, protocol, tools};
use crate::http::audit::Peer;
use crate::http::body::{RequestBody, off_thread};
use crate::http::described_routes::{DescribedRoute, described_routes};
use crate::http::error::{HttpError, error_response, json_response};
use crate::http::guard::App;
use crate::http::intake::Intake;

/// Messages that may come at once.
const MAX_BATCH: usize = 50;

/// What the protocol needs of the server around it.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    /// The limits of messages.
    pub(crate) intake: Arc<Intake>,
    /// True once the shutdown has begun, which ends streams.
    pub(crate) closing: watch::Receiver<bool>,
    /// Which statuses mistakes get.
    pub(crate) error_status: ErrorStatus,
    /// The routes that are tools.
    pub(crate) tools: Arc<[&'static DescribedRoute]>,
}

impl Host {
    pub(crate) fn of_app(app: &App) -> Self {
        Self {
            intake: Arc::clone(&app.intake),
            closing: app.closing.subscribe(),
            error_status: app.options.error_status,
            tools: described_routes(app.options.jobs.is_some()).collect(),
        }
    }
}

/// The server of the protocol.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    host: Host,
    info: McpServerInfo,
    /// Everything else that the server answers.
    routes: Router,
    sessions: Arc<Sessions>,
}

impl Door {
    pub(crate) fn new(host: Host, info: McpServerInfo, routes: Router) -> Self {
        Self { host, info, routes, sessions: Arc::default() }
    }

    pub(super) fn transport(&self) -> McpTransport {
        self.info.transport
    }

    /// Opens a stream of events.
    pub(super) fn open(&self, request: &HttpRequest) -> Response {
        let opened = welcome(request.headers()).and_then(|()| self.sessions.open(self.host.closing.clone()));
        opened.unwrap_or_else(|error| error_response(&error, self.host.error_status))
    }

    /// Takes a message whose answer goes to the stream of its session.
    pub(super) async fn post_to_session(self: &Arc<Self>, request: HttpRequest) -> Response {
        let (head, body) = request.into_parts();
        let query = head.uri.query().unwrap_or_default();
        let session = query.split('&').find_map(|pair| pair.strip_prefix("session_id="));
        let place = match self.sessions.place(session) {
            Ok(place) => place,
            Err(error) => return error_response(&error, self.host.error_status),
        };
        let (version, value) = match self.read(&head.headers, body).await {
            Ok(read) => read,
            Err(Refusal::Http(error)) => return error_response(&error, self.host.error_status),
            Err(Refusal::Rpc(status, error)) => return json_response(status, error.answer(None).to_string()),
        };
        let peer = head.extensions.get::<Peer>().copied();
        let client = Client { headers: head.headers, peer, has_headers: true };
        let door = Arc::clone(self);
        // The client waits for no answer here, and sends nothing more before it has been told so.
        tokio::spawn(async move {
            let answered = AssertUnwindSafe(door.answer_of(version, value, &client)).catch_unwind().await;
            match answered {
                Ok(Ok(None)) => {}
                Ok(Ok(Some(answer)) | Err((_, answer))) => place.answer(&answer.to_string()),
                // The panic hook has printed message and place; without an answer the client would wait for ever.
                Err(_panic) => tracing::error!("a message of the Model Context Protocol panicked"),
            }
        });
        let mut response = Response::new(Body::from("Accepted"));
        *response.status_mut() = StatusCode::ACCEPTED;
        response
    }

    pub(super) async fn answer_of(&self, version: Version, value: Value, client: &Client) -> Answer {
        match version {
            Version::SelfContained => self.answer_self_contained(value, client).await,
            Version::WithHandshake { .. } => self.answer(value, client).await,
        }
    }

    /// Answers a POST.
    pub(crate) async fn post(&self, request: HttpRequest) -> Response {
        let (head, body) = request.into_parts();
        let (version, value) = match self.read(&head.headers, body).await {
            Ok(read) => read,
            Err(Refusal::Http(error)) => return error_response(&error, self.host.error_status),
            Err(Refusal::Rpc(status, error)) => return json_response(status, error.answer(None).to_string()),
        };
        let peer = head.extensions.get::<Peer>().copied();
        let client = Client { headers: head.headers, peer, has_headers: true };
        if !accepts_json(&client.headers) {
            let error = RpcError::invalid_request("Not Acceptable: answers are application/json");
            return json_response(StatusCode::NOT_ACCEPTABLE, error.answer(None).to_string());
        }
        match self.answer_of(version, value, &client).await {
            Ok(Some(answer)) => json_response(StatusCode::OK, answer.to_string()),
            Ok(None) => {
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::ACCEPTED;
                response
            }
            Err((status, answer)) => json_response(status, answer.to_string()),
        }
    }

    /// The JSON of a request whose head is as the protocol wants it.
    async fn read(&self, headers: &HeaderMap, body: Body) -> Result<(Version, Value), Refusal> {
        welcome(headers)?;
        let named = headers.get(envelope::VERSION).map(|version| version.to_str().unwrap_or("?"));
        let version = Version::of_request(named)?;
        // Given back when the body is read: a call of a tool waits for a turn of its own.
        let _turn = self.host.intake.turn().await?;
        let RequestBody { bytes, is_json } = self.host.intake.body(headers, body).await?;
        if !is_json {
            let text = "Unsupported Media Type: messages are application/json";
            return Err(Refusal::Rpc(StatusCode::UNSUPPORTED_MEDIA_TYPE, RpcError::invalid_request(text)));
        }
        let parsed = off_thread(bytes.len(), move || serde_json::from_slice::<Value>(&bytes)).await?;
        let value = parsed.map_err(|error| RpcError::parse(format!("Parse error: {error}")))?;
        let batch = value.as_array().map(Vec::len);
        let mistake = match (batch, version) {
            (None, _) => return Ok((version, value)),
            (Some(0), _) => "a batch holds messages".to_owned(),
            (Some(messages), Version::WithHandshake { allows_batches: true }) => {
                if messages <= MAX_BATCH {
                    return Ok((version, value));
                }
                format!("a batch holds at most {MAX_BATCH} messages, not {messages}")
            }
            _ => "this version of the protocol has no batches; send one message at a time".to_owned(),
        };
        Err(RpcError::invalid_request(mistake).into())
    }

    /// The answer to what came after a handshake, or begins one; none where nobody waits for one.
    ///
    /// # Errors
    ///
    /// The answer to a single value that is no message, with its status.
    async fn answer(&self, value: Value, client: &Client) -> Answer {
        let Value::Array(batch) = value else {
            return match Message::try_from_json(value) {
                Ok(Message::Request(request)) => Ok(Some(self.answer_request(request, client).await)),
                Ok(Message::Notification | Message::Response) => Ok(None),
                // Whoever has an id waits for its answer.
                Err((error, Some(id))) => Ok(Some(error.answer(Some(&id)))),
                Err((error, None)) => Err((error.status(), error.answer(None))),
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
            "tools/list" => self.list_tools(&params),
            "tools/call" => call(&self.routes, &self.host.tools, client, &id, params).await,
            _ => Err(RpcError::method_not_found(&method)),
        };
        match answer {
            Ok(answer) => result(id, answer),
            Err(error) => error.answer(Some(&id)),
        }
    }

    /// The answer to a message that stands for itself.
    ///
    /// # Errors
    ///
    /// The answer that is an error, with its status.
    async fn answer_self_contained(&self, value: Value, client: &Client) -> Answer {
        let refused = |error: &RpcError, id: Option<&Value>| Err((error.status(), error.answer(id)));
        let Request { id, method, params } = match Message::try_from_json(value) {
            Ok(Message::Request(request)) => request,
            Ok(Message::Notification) => return Ok(None),
            Ok(Message::Response) => {
                return refused(&RpcError::invalid_request("a client is asked nothing"), None);
            }
            Err((error, id)) => return refused(&error, id.as_ref()),
        };
        let headers = client.has_headers.then_some(&client.headers);
        if let Err(error) = envelope::check(headers, &method, &params) {
            return refused(&error, Some(&id));
        }
        let answer = match method.as_str() {
            "server/discover" => Ok(protocol::to_be_kept(protocol::discover())),
            "tools/list" => self.list_tools(&params).map(protocol::to_be_kept),
            "tools/call" => call(&self.routes, &self.host.tools, client, &id, params).await,
            _ => Err(RpcError::method_not_found(&method)),
        };
        match answer {
            Ok(answer) => Ok(Some(result(id, protocol::complete(&self.info, answer)))),
            Err(error) => refused(&error, Some(&id)),
        }
    }

    fn list_tools(&self, params: &Map<String, Value>) -> Result<Value, RpcError> {
        if params.get("cursor").is_some_and(|cursor| !cursor.is_null()) {
            return Err(RpcError::invalid_params("all tools come at once, so there is no such `cursor`"));
        }
        Ok(tools::list(&self.host.tools))
    }
}

/// What is answered, if anything; or a refusal with its status.
pub(super) type Answer = Result<Option<Value>, (StatusCode, Value)>;

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

impl From<RpcError> for Refusal {
    fn from(error: RpcError) -> Self {
        Self::Rpc(error.status(), error)
    }
}

/// Refuses pages of other origins.
fn welcome(headers: &HeaderMap) -> Result<(), HttpError> {
    if headers.get(header::ORIGIN).is_some_and(|origin| !is_of_this_machine(origin)) {
        let text = "A page of another origin may not use this server";
        return Err(HttpError::detail(StatusCode::FORBIDDEN, text));
    }
    Ok(())
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
