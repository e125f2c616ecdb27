//! Serving: the verbs behind the HTTP doors, and the life of the server.

use std::fmt;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use larder_core::{Error, ErrorKind, LoggingDestination, Result};
use larder_registry::McpTransport;
use larder_serving::{McpServerInfo, ServerOptions};
use tokio::io::{AsyncBufRead, AsyncWrite};
use tokio::net::TcpListener;
use tracing::warn;

use crate::FeatureStore;
use crate::audit_log::{AuditWriter, QueuedAuditLog};
use crate::auth::authenticator;
use crate::feature_log::{LogWriter, QueuedFeatureLog, log_folder};
use crate::job::{JobRunner, Scheduler};
use crate::online::PublishedServer;

/// A server whose address other processes can find already, and which answers once it is [`run`](Self::run).
///
/// Connections that are made in between wait in the listener. Dropping it takes the address back.
#[must_use = "nothing is answered before it runs"]
pub struct PreparedServer {
    store: Arc<FeatureStore>,
    listener: TcpListener,
    options: ServerOptions,
    feature_log: Option<(Arc<QueuedFeatureLog>, LogWriter)>,
    audit_log: Option<(Arc<QueuedAuditLog>, AuditWriter)>,
    published: Option<PublishedServer>,
}

impl fmt::Debug for PreparedServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedServer").field("published", &self.published).finish_non_exhaustive()
    }
}

impl FeatureStore {
    /// Serves Feast's HTTP on `listener` until `shutdown` completes, then finishes what has begun: a
    /// [prepared server](Self::prepare_server) that runs at once.
    ///
    /// # Errors
    ///
    /// Those of [`prepare_server`](Self::prepare_server) and [`PreparedServer::run`].
    pub async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        registry_refresh: Duration,
        options: ServerOptions,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<()> {
        self.prepare_server(listener, options).await?.run(registry_refresh, shutdown).await
    }

    /// Does all that can fail before a server for Feast's HTTP answers: opens the online store and the logs, and shows
    /// other processes, in the online store's folder, where it is served.
    ///
    /// Answers of feature services, and requests for auditors, are logged where `feature_store.yaml` asks for it. Who
    /// may do what, the statuses of errors, what is measured, and whether offline pushes are gathered and routes
    /// offered as tools are as that file asks, whatever `options` say.
    ///
    /// # Errors
    ///
    /// If the online store is held by another process, `auth` or a permission cannot be enforced, or the audit log
    /// cannot be opened.
    pub async fn prepare_server(
        self: Arc<Self>,
        listener: TcpListener,
        mut options: ServerOptions,
    ) -> Result<PreparedServer> {
        let address = listener.local_addr().map_err(|source| Error::new(ErrorKind::Unavailable, source))?;
        let config = self.config();
        options.error_status = config.http.error_status;
        options.metrics = config.feature_server.metrics.clone();
        options.offline_push_batching = config.feature_server.offline_push_batching;
        self.check_auth()?;
        options.mcp = self.mcp_server();
        options.authenticator = authenticator(&config.auth, self.clock())?;
        let audit_log = config.feature_server.audit_logging.as_ref().map(QueuedAuditLog::open).transpose()?;
        options.audit_log = audit_log.as_ref().map(|(log, _)| Arc::clone(log) as _);
        let feature_log = config.feature_server.feature_logging.map(|logging| {
            warn_of_unsupported_logs(&self);
            QueuedFeatureLog::new(Arc::clone(&self), logging)
        });
        options.feature_log = feature_log.as_ref().map(|(log, _)| Arc::clone(log) as _);
        let certificate = options.certificate.as_ref().map(|certificate| certificate.der().to_vec());
        let published = self.publish_address(reachable(address), certificate).await?;
        Ok(PreparedServer { store: self, listener, options, feature_log, audit_log, published })
    }
}

impl PreparedServer {
    /// Answers until `shutdown` completes, then finishes what has begun.
    ///
    /// The registry is looked at every `registry_refresh`; zero means only when asked. Jobs run by their schedules,
    /// and are stopped with the server.
    ///
    /// # Errors
    ///
    /// If the listener or the audit log fails.
    pub async fn run(
        self,
        registry_refresh: Duration,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<()> {
        let Self { store, listener, mut options, feature_log, audit_log, published: _published } = self;
        let feature_log = feature_log.map(|(log, writer)| (log, tokio::spawn(writer.run())));
        let runner = Arc::new(JobRunner::new(Arc::clone(&store)));
        options.jobs = Some(Arc::clone(&runner) as _);
        let scheduler = tokio::spawn(Scheduler::new(Arc::clone(&runner)).run());
        let refresher = tokio::spawn(refresh_periodically(Arc::clone(&store), registry_refresh));
        let served = larder_serving::serve(listener, store as _, options, shutdown).await;
        refresher.abort();
        scheduler.abort();
        runner.stop().await;
        if let Some((log, writer)) = feature_log {
            log.close();
            writer.await.map_err(|source| Error::new(ErrorKind::Internal, source))?;
        }
        if let Some((log, writer)) = audit_log {
            log.close();
            writer.finish().await?;
        }
        served.map_err(|source| Error::new(ErrorKind::Unavailable, source))
    }
}

impl FeatureStore {
    /// Offers the verbs as tools of the Model Context Protocol to a client that has started this process, and whose
    /// messages are lines of `input`, until that ends. Jobs run when they are started, not by their schedules. Nobody
    /// is asked who they are: whoever starts the process may read the repo.
    ///
    /// # Errors
    ///
    /// If the online store is held by another process, or the streams break.
    pub async fn serve_mcp(
        self: Arc<Self>,
        registry_refresh: Duration,
        input: impl AsyncBufRead + Unpin,
        output: impl AsyncWrite + Unpin + Send + 'static,
    ) -> Result<()> {
        self.open_online_store().await?;
        let config = self.config();
        let runner = Arc::new(JobRunner::new(Arc::clone(&self)));
        let options = ServerOptions {
            error_status: config.http.error_status,
            offline_push_batching: config.feature_server.offline_push_batching,
            jobs: Some(Arc::clone(&runner) as _),
            ..ServerOptions::default()
        };
        let info = self.mcp_server().unwrap_or_else(|| McpServerInfo {
            name: "larder".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            transport: McpTransport::Both,
        });
        let refresher = tokio::spawn(refresh_periodically(Arc::clone(&self), registry_refresh));
        let served = larder_serving::serve_mcp(Arc::clone(&self) as _, info, options, input, output).await;
        refresher.abort();
        runner.stop().await;
        served.map_err(|source| Error::new(ErrorKind::Unavailable, source))
    }

    fn mcp_server(&self) -> Option<McpServerInfo> {
        self.config().feature_server.mcp.as_ref().map(|mcp| McpServerInfo {
            name: mcp.server_name.clone(),
            version: mcp.server_version.clone(),
            transport: mcp.transport,
        })
    }
}

fn warn_of_unsupported_logs(store: &FeatureStore) {
    for service in store.catalog().snapshot().feature_services() {
        let service = &service.object;
        let Some(config) = &service.logging_config else { continue };
        if let LoggingDestination::File { partition_by, .. } = &config.destination
            && !partition_by.is_empty()
        {
            warn!(feature_service = %service.name, "`partition_by` has no effect: a log is one folder of files");
        }
        if log_folder(store.repo(), service).is_none() {
            warn!(feature_service = %service.name, "nothing is logged: its destination is no folder on this machine");
        }
    }
}

/// The address at which this machine reaches a listener that may listen on all interfaces.
fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port())
    } else {
        address
    }
}

pub(crate) async fn refresh_periodically(store: Arc<FeatureStore>, every: Duration) {
    if every.is_zero() {
        return;
    }
    loop {
        tokio::time::sleep(every).await;
        if let Err(error) = store.refresh().await {
            warn!(error = error.chain(), "the registry cannot be read; the last definitions stay in use");
        }
    }
}
