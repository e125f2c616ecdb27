//! The doors that speak gRPC, beside the one that speaks HTTP.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use axum::Router;
use larder_core::{Error, ErrorKind, Result};
use larder_grpc::{
    FEATURE_SERVICES, ServiceOptions, TRANSFORMATION_SERVICE, TransformationServer, complete, feature_server,
    transformation_server,
};
use larder_registry::RegistrySnapshot;
use larder_serving::{DoorOptions, serve_router};
use tokio::net::TcpListener;

use crate::FeatureStore;
use crate::server::refresh_periodically;

impl FeatureStore {
    /// Serves features over gRPC on `listener` until `shutdown` completes, as `feast listen` does.
    ///
    /// The registry is looked at every `registry_refresh`; zero means only when asked. Who may do what is as
    /// `feature_store.yaml` says.
    ///
    /// # Errors
    ///
    /// If the online store is held by another process; and if `auth` or a permission cannot be enforced.
    pub async fn listen(
        self: Arc<Self>,
        listener: TcpListener,
        registry_refresh: Duration,
        door: DoorOptions,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<()> {
        self.open_online_store().await?;
        let router = feature_server(Arc::clone(&self) as _, self.service_options()?);
        let router = complete(router, &FEATURE_SERVICES).await;
        self.serve_grpc(listener, router, registry_refresh, door, shutdown).await
    }

    /// Serves on-demand views to Feast's servers in other languages, as `feast serve_transformations` does. No
    /// online store is opened.
    ///
    /// # Errors
    ///
    /// If `auth` or a permission cannot be enforced.
    pub async fn serve_transformations(
        self: Arc<Self>,
        listener: TcpListener,
        registry_refresh: Duration,
        door: DoorOptions,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<()> {
        let router = transformation_server(Arc::clone(&self) as _, self.service_options()?);
        let router = complete(router, &[TRANSFORMATION_SERVICE]).await;
        self.serve_grpc(listener, router, registry_refresh, door, shutdown).await
    }

    async fn serve_grpc(
        self: Arc<Self>,
        listener: TcpListener,
        router: Router,
        registry_refresh: Duration,
        door: DoorOptions,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<()> {
        let refresher = tokio::spawn(refresh_periodically(Arc::clone(&self), registry_refresh));
        let served = serve_router(listener, router, door, shutdown).await;
        refresher.abort();
        served.map_err(|source| Error::new(ErrorKind::Unavailable, source))
    }

    /// The limits of a service, and who may call it.
    pub(crate) fn service_options(&self) -> Result<ServiceOptions> {
        Ok(ServiceOptions { authorization: self.authorization()?, ..ServiceOptions::default() })
    }
}

#[async_trait]
impl TransformationServer for FeatureStore {
    async fn snapshot(&self) -> Result<Arc<RegistrySnapshot>> {
        Ok(Arc::clone(self.catalog().snapshot()))
    }

    async fn transform(&self, on_demand_feature_view: &str, rows: &RecordBatch) -> Result<RecordBatch> {
        Ok(self.catalog().compute_alone(on_demand_feature_view, rows).await?.rows)
    }
}
