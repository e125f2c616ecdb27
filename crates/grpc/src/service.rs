//! A service of single calls: a table from the names of methods to functions.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request as HttpRequest;
use axum::http::{HeaderMap, header};
use axum::routing::post;
use futures::FutureExt as _;
use larder_serving::{Access, Authorization};
use prost::Message;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;
use tonic::server::Grpc;
use tonic::{Request, Response, Status};

use crate::encoded::{Encoded, RequestCodec};
use crate::status::not_let_in;

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
    door: Arc<Door>,
    shared: Arc<S>,
    router: Router,
}

/// What every call passes.
#[derive(Debug)]
struct Door {
    options: ServiceOptions,
    permits: Semaphore,
}

impl<S: Send + Sync + 'static> Service<S> {
    pub(crate) fn new(name: &'static str, shared: Arc<S>, options: ServiceOptions) -> Self {
        let permits = Semaphore::new(options.max_concurrent_calls.min(Semaphore::MAX_PERMITS));
        Self { name, door: Arc::new(Door { options, permits }), shared, router: Router::new() }
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
        let (door, shared) = (Arc::clone(&self.door), Arc::clone(&self.shared));
        let answer = async move |request: HttpRequest| {
            let access = door.access(request.headers()).await;
            let limit = door.options.max_message_bytes;
            let mut grpc =
                Grpc::new(RequestCodec::<M>::default()).apply_max_message_size_config(Some(limit), None);
            let handle = tower::service_fn(move |request: Request<M>| {
                let (door, shared) = (Arc::clone(&door), Arc::clone(&shared));
                let (access, call) = (access.clone(), call.clone());
                async move {
                    let access = access?;
                    let _permit = door.turn().await?;
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

impl Door {
    async fn access(&self, headers: &HeaderMap) -> Result<Access, Status> {
        let Some(authorization) = &self.options.authorization else { return Ok(Access::open()) };
        let header = headers.get(header::AUTHORIZATION).and_then(|header| header.to_str().ok());
        authorization.access(header).await.map_err(|refusal| not_let_in(&refusal))
    }

    async fn turn(&self) -> Result<SemaphorePermit<'_>, Status> {
        if let Ok(permit) = self.permits.try_acquire() {
            return Ok(permit);
        }
        match timeout(self.options.queue_timeout, self.permits.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(Status::resource_exhausted("Too many calls at the same time; try again later")),
        }
    }
}
