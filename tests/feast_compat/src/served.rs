//! A running server and recorded requests to it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper_util::rt::TokioIo;
use larder::ServerOptions;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::GoldenRepo;

/// A repo that is being served.
#[derive(Debug)]
pub struct Served {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<larder_core::Result<()>>,
    _repo: GoldenRepo,
}

/// What came back: status, content type and body.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The content type, if there was one.
    pub content_type: Option<String>,
    /// The body; `None` if it had no bytes.
    pub body: Option<Value>,
}

impl Served {
    /// Serves a repo on a free port.
    pub async fn start(repo: GoldenRepo) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            let _ = stopped.await;
        };
        let serve =
            Arc::clone(&repo.store).serve(listener, Duration::ZERO, ServerOptions::default(), shutdown);
        let server = tokio::spawn(serve);
        Self { address, stop: Some(stop), server, _repo: repo }
    }

    /// Sends a recorded request.
    pub async fn send(&self, request: &Value) -> Answer {
        let body = match (&request["raw_body"], request.get("body")) {
            (Value::String(raw), _) => raw.clone(),
            (_, Some(body)) => body.to_string(),
            _ => String::new(),
        };
        let text = |value: &Value, what: &str| value.as_str().unwrap_or_else(|| panic!("{what}")).to_owned();
        let headers = match request["headers"].as_object() {
            Some(headers) => {
                headers.iter().map(|(name, value)| (name.clone(), text(value, "a header is text"))).collect()
            }
            None => vec![("content-type".to_owned(), "application/json".to_owned())],
        };
        let method = text(&request["method"], "a request has a method");
        let path = text(&request["path"], "a request has a path");
        exchange(self.address, &method, &path, &headers, body).await
    }

    /// Stops the server and waits for its end.
    pub async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        self.server.await.expect("the server does not panic").expect("the server ends well");
    }
}

/// Sends one request to whoever listens.
pub async fn exchange(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(String, String)],
    body: String,
) -> Answer {
    let stream = TcpStream::connect(address).await.expect("the server listens");
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("the server speaks HTTP");
    let connection = tokio::spawn(connection);
    let mut builder = Request::builder().method(method).uri(path).header("host", address.to_string());
    for (name, value) in headers {
        builder = builder.header(name, value);
    }
    let request = builder.body(Full::new(Bytes::from(body))).expect("a well-formed request");
    let response = sender.send_request(request).await.expect("the server answers");
    let status = response.status().as_u16();
    let content_type =
        response.headers().get("content-type").map(|value| value.to_str().expect("text").to_owned());
    let bytes = response.into_body().collect().await.expect("a whole body").to_bytes();
    drop(sender);
    connection.abort();
    let body = (!bytes.is_empty()).then(|| serde_json::from_slice(&bytes).expect("a JSON body"));
    Answer { status, content_type, body }
}

impl Answer {
    /// The recorded answer of a step.
    pub fn recorded(response: &Value) -> Self {
        let empty = response["body_empty"].as_bool().unwrap_or(false);
        Self {
            status: u16::try_from(response["status"].as_u64().expect("a status")).expect("a small number"),
            content_type: response["headers"]["content-type"].as_str().map(str::to_owned),
            body: (!empty).then(|| response["body"].clone()),
        }
        .by_name()
    }

    /// The same answer with the columns of feature values sorted by name, entity columns first as they
    /// came: Feast does not define the order of features.
    pub fn by_name(mut self) -> Self {
        if let Some(body) = &mut self.body
            && let Some(names) = body.pointer("/metadata/feature_names").and_then(Value::as_array).cloned()
            && let Some(results) = body["results"].as_array().cloned()
        {
            assert_eq!(names.len(), results.len(), "a result for each name");
            let mut columns: Vec<(Value, Value)> = names.into_iter().zip(results).collect();
            columns.sort_by_key(|(name, _)| name.to_string());
            let (names, results): (Vec<Value>, Vec<Value>) = columns.into_iter().unzip();
            body["results"] = Value::Array(results);
            body["metadata"]["feature_names"] = Value::Array(names);
        }
        self
    }
}
