//! Requests to a running server.

use std::fmt;
use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use larder::{FeatureStore, connect_to_certificate};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// Makes the servers of a store look at the registry now; they would by themselves within their refresh time.
///
/// # Errors
///
/// As [`ServerClient::post`]. To have no token for the server is none: what was changed is changed.
pub(crate) async fn refresh(store: &FeatureStore) -> Result<()> {
    for server in store.servers().await {
        match ServerClient::of(store, server.http).await {
            Ok(client) => drop(client.post("/v1/refresh", &serde_json::json!({})).await?),
            Err(error) => {
                eprintln!("note: the server is not told now, and will see the change by itself: {error:#}");
            }
        }
    }
    Ok(())
}

/// Talks to the server that holds the online store.
#[derive(Clone)]
pub(crate) struct ServerClient {
    address: SocketAddr,
    /// What the server wants from its clients.
    token: Option<String>,
    /// What the server shows, in DER; `None` if it speaks plain HTTP.
    certificate: Option<Vec<u8>>,
}

impl ServerClient {
    /// A client of a server that asks nobody who they are.
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, token: None, certificate: None }
    }

    /// A client of the server of a store, with the token that it wants, and by TLS if that is what it speaks.
    ///
    /// # Errors
    ///
    /// If `auth` of `feature_store.yaml` says of no token, or it cannot be had.
    pub(crate) async fn of(store: &FeatureStore, address: SocketAddr) -> Result<Self> {
        let published = store.servers().await.into_iter().find(|server| server.http == address);
        let certificate = published.and_then(|server| server.certificate);
        Ok(Self { address, token: store.client_token().await?, certificate })
    }

    /// Posts JSON; the body of a good answer.
    ///
    /// # Errors
    ///
    /// If the server cannot be reached, or with the server's own message if it refuses.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Bytes> {
        whole(self.send(Method::POST, path, Some(body)).await?).await
    }

    /// Asks for something; the body of a good answer.
    ///
    /// # Errors
    ///
    /// As [`post`](Self::post).
    pub(crate) async fn get(&self, path: &str) -> Result<Bytes> {
        whole(self.send(Method::GET, path, None).await?).await
    }

    /// Posts JSON, and hands each line of the answer to `line` as it arrives.
    ///
    /// # Errors
    ///
    /// As [`post`](Self::post), and what `line` returns.
    pub(crate) async fn post_for_lines(
        &self,
        path: &str,
        body: &Value,
        mut line: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let response = self.send(Method::POST, path, Some(body)).await?;
        let status = response.status();
        let mut incoming = response.into_body();
        let mut pending: Vec<u8> = Vec::new();
        while let Some(frame) = incoming.frame().await {
            let frame = frame.context("the server broke off its answer")?;
            if let Some(data) = frame.data_ref() {
                pending.extend_from_slice(data);
            }
            while status.is_success()
                && let Some(end) = pending.iter().position(|byte| *byte == b'\n')
            {
                let rest = pending.split_off(end + 1);
                line(pending.trim_ascii_end())?;
                pending = rest;
            }
        }
        if !status.is_success() {
            return Err(refusal(status, &pending));
        }
        if !pending.is_empty() {
            line(&pending)?;
        }
        Ok(())
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Response<Incoming>> {
        let address = self.address;
        let unreachable = || format!("cannot reach the server at {address}");
        let stream = TcpStream::connect(address).await.with_context(unreachable)?;
        let mut sender = match &self.certificate {
            Some(certificate) => {
                let stream = connect_to_certificate(stream, certificate).await.with_context(unreachable)?;
                handshake(stream).await.with_context(unreachable)?
            }
            None => handshake(stream).await.with_context(unreachable)?,
        };
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", address.to_string())
            .header("content-type", "application/json");
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request
            .body(Full::new(Bytes::from(body.map(serde_json::to_vec).transpose()?.unwrap_or_default())))?;
        sender.send_request(request).await.with_context(unreachable)
    }
}

async fn handshake(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> hyper::Result<SendRequest<Full<Bytes>>> {
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // Ends with the answer; its errors show up there.
    tokio::spawn(connection);
    Ok(sender)
}

// Does not show the token.
impl fmt::Debug for ServerClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerClient").field("address", &self.address).finish_non_exhaustive()
    }
}

/// The body of a good answer.
async fn whole(response: Response<Incoming>) -> Result<Bytes> {
    let status = response.status();
    let body = response.into_body().collect().await.context("the server broke off its answer")?.to_bytes();
    if status.is_success() { Ok(body) } else { Err(refusal(status, &body)) }
}

/// The message inside Feast's error envelope, a JSON string that holds JSON, or else the body.
fn refusal(status: StatusCode, body: &[u8]) -> anyhow::Error {
    let text = String::from_utf8_lossy(body).into_owned();
    let message = match serde_json::from_str::<Value>(&text) {
        Ok(Value::String(inner)) => match serde_json::from_str::<Value>(&inner) {
            Ok(envelope) => {
                envelope.get("message").and_then(Value::as_str).map_or(inner.clone(), str::to_owned)
            }
            Err(_) => inner,
        },
        Ok(Value::Object(object)) => object
            .get("error")
            .or_else(|| object.get("detail"))
            .map_or(text.clone(), |detail| detail.as_str().map_or_else(|| detail.to_string(), str::to_owned)),
        _ => text,
    };
    if message.is_empty() {
        anyhow::anyhow!("the server answered {status}")
    } else {
        anyhow::anyhow!(message)
    }
}
