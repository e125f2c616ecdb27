//! Serving the registry to Feast's clients, and to whoever speaks as they do.

use std::future::Future;
use std::sync::Arc;

use larder_core::{Error, ErrorKind, Result};
use larder_grpc::{REGISTRY_SERVICE, complete, registry_server};
use larder_serving::{DoorOptions, serve_router};
use tokio::net::TcpListener;

use crate::FeatureStore;

impl FeatureStore {
    /// Serves the registry over gRPC on `listener` until `shutdown` completes, then finishes what has begun: all
    /// projects in it, to read and to change. Who may do what, `auth` of `feature_store.yaml` and the permissions
    /// of each project say.
    ///
    /// Online rows are not its matter, as in Feast: those of a view that a client changes or deletes go when a
    /// server that holds the store sees the change.
    ///
    /// # Errors
    ///
    /// If `auth` or a permission cannot be enforced, or the listener fails.
    pub async fn serve_registry(
        self: Arc<Self>,
        listener: TcpListener,
        door: DoorOptions,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<()> {
        let (registry, options) = (Arc::clone(self.registry()), self.service_options()?);
        let (datasets, observer) = (Arc::clone(&self) as _, Arc::clone(&self) as _);
        let router = registry_server(registry, Some(datasets), Some(observer), options);
        let router = complete(router, &[REGISTRY_SERVICE]).await;
        let served = serve_router(listener, router, door, shutdown).await;
        self.dataset_job_queue().finish().await;
        served.map_err(|source| Error::new(ErrorKind::Unavailable, source))
    }
}
