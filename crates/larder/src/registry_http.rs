//! The registry over HTTP: the verbs behind Feast's REST routes, and the life of their server.

use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use larder_core::{Error, ErrorKind, Result};
use larder_registry::{
    McpTransport, ObjectKind, ObjectMessage, RegistryObjects, RegistrySnapshot, SentObject,
};
use larder_serving::{
    AllowPut, AllowTake, AllowedOrigins, DatasetServer, DoorOptions, McpServerInfo, MonitoringServer,
    Protected, RegistryBackend, RegistryMcp, RegistryServer, RootPath, page_router, registry_router,
    serve_router,
};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::FeatureStore;

/// What Feast's server calls itself to clients of the Model Context Protocol.
const MCP_NAME: &str = "feast-registry-mcp";

impl FeatureStore {
    /// Serves Feast's registry routes over HTTP on `listener` until `shutdown` completes, then finishes what has
    /// begun. Who may do what is as `auth` of `feature_store.yaml` and the permissions of each project ask. Where it asks
    /// for a consumer of lineage, that one has its routes there too.
    ///
    /// # Errors
    ///
    /// If the listener fails, if `auth` or a permission cannot be enforced, and if the store of lineage cannot be
    /// opened.
    pub async fn serve_registry_http(
        self: Arc<Self>,
        listener: TcpListener,
        options: DoorOptions,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<()> {
        let closing = watch::Sender::new(false);
        let mcp = self.config().registry.offers_tools.then(|| RegistryMcp {
            info: McpServerInfo {
                name: MCP_NAME.to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                transport: McpTransport::Both,
            },
            closing: closing.subscribe(),
        });
        let backend = Arc::clone(&self).registry_backend()?;
        let (consumer, pruning) = self.lineage_consumer(false).await?.unzip();
        let router = registry_router(backend, consumer, mcp);
        let pruning = pruning.map(|pruning| tokio::spawn(pruning.run()));
        let shutdown = async {
            shutdown.await;
            // Ends the streams of clients, which would go on.
            closing.send_replace(true);
        };
        let served = serve_router(listener, router, options, shutdown).await;
        if let Some(pruning) = pruning {
            pruning.abort();
        }
        self.dataset_job_queue().finish().await;
        served.map_err(|source| Error::new(ErrorKind::Unavailable, source))
    }

    /// Serves a web page over the registry on `listener` until `shutdown` completes, then finishes what has begun.
    /// Pages of `origins` may read it too.
    /// The page only reads; who may see what is as for [`serve_registry_http`](Self::serve_registry_http).
    ///
    /// # Errors
    ///
    /// As [`serve_registry_http`](Self::serve_registry_http).
    pub async fn serve_ui(
        self: Arc<Self>,
        listener: TcpListener,
        root: &RootPath,
        origins: &AllowedOrigins,
        options: DoorOptions,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<()> {
        let backend = Arc::clone(&self).registry_backend()?;
        let consumer = self.lineage_consumer(false).await?.map(|(consumer, _pruning)| consumer);
        let router = page_router(backend, consumer, root, origins);
        let served = serve_router(listener, router, options, shutdown).await;
        served.map_err(|source| Error::new(ErrorKind::Unavailable, source))
    }

    pub(crate) fn registry_backend(self: Arc<Self>) -> Result<RegistryBackend> {
        Ok(RegistryBackend {
            authorization: self.authorization()?,
            clock: Arc::clone(self.clock()),
            server: self as _,
        })
    }
}

#[async_trait]
impl RegistryServer for FeatureStore {
    fn project(&self) -> &str {
        &self.config().project
    }

    async fn objects(&self) -> Result<Arc<RegistryObjects>> {
        let registry = Arc::clone(self.registry());
        larder_blocking::run(move || registry.objects()).await
    }

    async fn project_snapshot(&self, project: &str) -> Result<Arc<RegistrySnapshot>> {
        let (registry, project) = (Arc::clone(self.registry()), project.to_owned());
        larder_blocking::run(move || registry.snapshot_or_nothing(&project)).await
    }

    async fn put_object(&self, project: &str, object: Arc<SentObject>, allow: AllowPut) -> Result<()> {
        let (registry, name) = (Arc::clone(self.registry()), project.to_owned());
        let (kind, sent) = (object.kind(), object.name().to_owned());
        let put =
            move || registry.put_object(&name, &object, |existing| allow(existing.as_ref().map(protected)));
        larder_blocking::run(put).await?;
        self.tell_of_put(project, kind, &sent).await;
        Ok(())
    }

    async fn take_object(&self, project: &str, kind: ObjectKind, name: &str, allow: AllowTake) -> Result<()> {
        let (registry, of, taken) = (Arc::clone(self.registry()), project.to_owned(), name.to_owned());
        larder_blocking::run(move || {
            registry.take_object(&of, kind, &taken, |object| allow(protected(&object)))
        })
        .await?;
        self.forget_taken(project, kind, name).await;
        Ok(())
    }

    fn datasets(self: Arc<Self>) -> Option<Arc<dyn DatasetServer>> {
        Some(self)
    }

    fn monitoring(&self) -> Option<&dyn MonitoringServer> {
        self.config().data_quality_monitoring.map(|_| self as _)
    }
}

fn protected<'a>(object: &ObjectMessage<'a>) -> Protected<'a> {
    Protected { kind: object.permission_type, name: object.name, tags: object.tags }
}
