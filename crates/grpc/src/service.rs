//! A service of single calls: a table from the names of methods to functions.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request as HttpRequest;
use axum::http::header;
use axum::routing::post;
use bytes::Bytes;
use futures::FutureExt as _;
use larder_serving::{Access, Authorization};
use prost::Message;
use tokio::time::timeout;
use tonic::server::Grpc;
use tonic::{Request, Response, Status};

use crate::encoded::{Encoded, RequestCodec};
use crate::gate::Gate;

/// Limits of a service, and who may call it.
#[derive(Clone, Debug)]
pub struct ServiceOptions {
    /// Bytes of one request; a larger one is refused.
    pub max_message_bytes: usize,
    /// Calls that are worked on at the same time; others wait.
    pub max_concurrent_calls: usize,
    /// How long a call may wait for its turn before it is refused.
    pub queue_timeout: Duration,
    /// How long a client may take to send its request.
    pub message_timeout: Duration,
    /// Finds out who calls; `None` means that everybody may do everything.
    pub authorization: Option<Arc<Authorization>>,
}

impl Default for ServiceOptions {
    /// 16 MiB, 1,024 calls at a time, 5 s of waiting, 30 s for a request; open to everybody.
    fn default() -> Self {
        Self {
            max_message_bytes: 16 << 20,
            max_concurrent_calls: 1024,
            queue_timeout: Duration::from_secs(5),
            message_timeout: Duration::from_secs(30),
            authorization: None,
        }
    }
}

/// A service whose methods share `S`, in the making.
#[derive(Debug)]
pub(crate) struct Service<S> {
    /// As paths begin: `package.Service`.
    name: &'static str,
    gate: Arc<Gate>,
    max_message_bytes: usize,
    message_timeout: Duration,
    shared: Arc<S>,
    router: Router,
}

impl<S: Send + Sync + 'static> Service<S> {
    pub(crate) fn new(name: &'static str, shared: Arc<S>, options: ServiceOptions) -> Self {
        let gate = Gate::new(options.authorization, options.max_concurrent_calls, options.queue_timeout);
        Self {
            name,
            gate: Arc::new(gate),
            max_message_bytes: options.max_message_bytes,
            message_timeout: options.message_timeout,
            shared,
            router: Router::new(),
        }
    }

    /// Adds a method. `call` is handed what the service shares, what the caller may do, and the request.
    ///
    /// Whatever `call` does, there is an answer: a panic is the status `INTERNAL`.
    pub(crate) fn method<M, F, A>(mut self, method: &str, call: F) -> Self
    where
        M: Message + Default + 'static,
        F: Fn(Arc<S>, Access, M) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Result<Encoded, Status>> + Send + 'static,
    {
        let path = format!("/{}/{method}", self.name);
        let (gate, shared) = (Arc::clone(&self.gate), Arc::clone(&self.shared));
        let (limit, message_timeout) = (self.max_message_bytes, self.message_timeout);
        let answer = async move |request: HttpRequest| {
            let (head, body) = request.into_parts();
            let header = head.headers.get(header::AUTHORIZATION).and_then(|header| header.to_str().ok());
            let received = async {
                // Before the message is read: who may not call, or has to wait, takes up no room.
                let access = gate.access(header).await?;
                let turn = gate.turn().await?;
                Ok((access, turn, receive(body, limit, message_timeout).await?))
            };
            let (access, _turn, message) = match received.await {
                Ok(received) => received,
                Err(refusal) => return Status::into_http::<Body>(refusal),
            };
            let mut grpc =
                Grpc::new(RequestCodec::<M>::default()).apply_max_message_size_config(Some(limit), None);
            let handle = tower::service_fn(|request: Request<M>| {
                let call = call(Arc::clone(&shared), access.clone(), request.into_inner());
                async move {
                    // The panic hook has printed message and place.
                    let panicked =
                        |_| Err(Status::internal("internal error; the server's log has the details"));
                    AssertUnwindSafe(call).catch_unwind().await.unwrap_or_else(panicked).map(Response::new)
                }
            });
            let request = HttpRequest::from_parts(head, Body::from(message));
            grpc.unary(handle, request).await.map(Body::new)
        };
        self.router = self.router.route(&path, post(answer));
        self
    }

    /// The service as a router; methods that it does not have are `UNIMPLEMENTED`.
    pub(crate) fn into_router(self) -> Router {
        self.router
    }
}

/// Bytes before a message: whether it is compressed, and how long it is.
const PREFIX_BYTES: usize = 5;

/// A whole request.
async fn receive(body: Body, limit: usize, message_timeout: Duration) -> Result<Bytes, Status> {
    match timeout(message_timeout, to_bytes(body, limit + PREFIX_BYTES)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_broken_or_too_long)) => Err(Status::resource_exhausted(format!(
            "the request broke off, or is longer than {limit} bytes; send fewer rows at a time"
        ))),
        Err(_elapsed) => Err(Status::deadline_exceeded("the request did not arrive in time")),
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures::stream;
    use tonic::Code;

    use super::*;

    #[tokio::test]
    async fn a_request_comes_whole_within_its_length_and_its_time_or_not_at_all() {
        let soon = Duration::from_millis(10);
        let code = async |body: Body| receive(body, 3, soon).await.map_err(|status| status.code());
        assert_eq!(code(Body::from("01234567")).await, Ok(Bytes::from("01234567")));
        assert_eq!(code(Body::from("012345678")).await, Err(Code::ResourceExhausted));
        let never = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
        assert_eq!(code(never).await, Err(Code::DeadlineExceeded));
    }
}
