//! A service of single calls: a table from the names of methods to functions.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request as HttpRequest;
use axum::http::header;
use axum::routing::post;
use futures::FutureExt as _;
use larder_serving::{Access, Authorization};
use prost::Message;
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
    /// Finds out who calls; `None` means that everybody may do everything.
    pub authorization: Option<Arc<Authorization>>,
}

impl Default for ServiceOptions {
    /// 16 MiB, 1,024 calls at a time, 5 s of waiting; open to everybody.
    fn default() -> Self {
        Self {
            max_message_bytes: 16 << 20,
            max_concurrent_calls: 1024,
            queue_timeout: Duration::from_secs(5),
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
    shared: Arc<S>,
    router: Router,
}

impl<S: Send + Sync + 'static> Service<S> {
    pub(crate) fn new(name: &'static str, shared: Arc<S>, options: ServiceOptions) -> Self {
        let gate = Gate::new(options.authorization, options.max_concurrent_calls, options.queue_timeout);
        let max_message_bytes = options.max_message_bytes;
        Self { name, gate: Arc::new(gate), max_message_bytes, shared, router: Router::new() }
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
        let limit = self.max_message_bytes;
        let answer = async move |request: HttpRequest| {
            let header = request.headers().get(header::AUTHORIZATION).and_then(|header| header.to_str().ok());
            let access = gate.access(header).await;
            let mut grpc =
                Grpc::new(RequestCodec::<M>::default()).apply_max_message_size_config(Some(limit), None);
            let handle = tower::service_fn(move |request: Request<M>| {
                let (gate, shared) = (Arc::clone(&gate), Arc::clone(&shared));
                let (access, call) = (access.clone(), call.clone());
                async move {
                    let access = access?;
                    let _turn = gate.turn().await?;
                    let called = AssertUnwindSafe(call(shared, access, request.into_inner())).catch_unwind();
                    // The panic hook has printed message and place.
                    let panicked =
                        |_| Err(Status::internal("internal error; the server's log has the details"));
                    called.await.unwrap_or_else(panicked).map(Response::new)
                }
            });
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
