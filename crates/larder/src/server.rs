//! Serving: the verbs behind the HTTP doors, and the life of the server.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use larder_core::{Error, ErrorKind, LoggingDestination, RequestError, Result};
use larder_registry::McpTransport;
use larder_serving::{McpServerInfo, ServerOptions};
use tokio::net::TcpListener;
use tracing::warn;

use crate::FeatureStore;
use crate::audit_log::QueuedAuditLog;
use crate::auth::authenticator;
use crate::feature_log::{QueuedFeatureLog, log_folder};
use crate::job::{JobRunner, Scheduler};

impl FeatureStore {
    /// Serves Feast's HTTP on `listener` until `shutdown` completes, then finishes what has begun.
    ///
    /// The online store's folder shows other processes where it is served. The registry is looked at
    /// every `registry_refresh`; zero means only when asked. Answers of feature services, and requests for
    /// auditors, are logged where `feature_store.yaml` asks for it. Jobs run by their schedules, and are stopped
    /// with the server. Who may do what, the statuses of errors, what is measured, and
    /// whether offline pushes are gathered and routes offered as tools are as `feature_store.yaml` asks, whatever `options` say.
    ///
    /// # Errors
    ///
    /// If the online store is held by another process, or the listener fails; and if `auth` or a permission
    /// cannot be enforced, or the audit log cannot be opened.
    pub async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        registry_refresh: Duration,
        mut options: ServerOptions,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<()> {
        let address = listener.local_addr().map_err(|source| Error::new(ErrorKind::Unavailable, source))?;
        let config = self.config();
        options.error_status = config.http.error_status;
        options.metrics = config.feature_server.metrics.clone();
        options.offline_push_batching = config.feature_server.offline_push_batching;
        self.check_auth()?;
        options.mcp = self.mcp_server()?;
        options.authenticator = authenticator(&config.auth, self.clock())?;
        let audit_log = match &config.feature_server.audit_logging {
            Some(audit) => {
                let (log, writer) = QueuedAuditLog::open(audit)?;
                options.audit_log = Some(Arc::clone(&log) as _);
                Some((log, writer))
            }
            None => None,
        };
        let feature_log = config.feature_server.feature_logging.map(|logging| {
            warn_of_unsupported_logs(&self);
            let (log, writer) = QueuedFeatureLog::new(Arc::clone(&self), logging);
            options.feature_log = Some(Arc::clone(&log) as _);
            (log, tokio::spawn(writer.run()))
        });
        let certificate = options.certificate.as_ref().map(|certificate| certificate.der().to_vec());
        let _published = self.publish_address(reachable(address), certificate).await?;
        let runner = Arc::new(JobRunner::new(Arc::clone(&self)));
        options.jobs = Some(Arc::clone(&runner) as _);
        let scheduler = tokio::spawn(Scheduler::new(Arc::clone(&runner)).run());
        let refresher = tokio::spawn(refresh_periodically(Arc::clone(&self), registry_refresh));
        let served = larder_serving::serve(listener, Arc::clone(&self) as _, options, shutdown).await;
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

    /// Refuses a transport of the Model Context Protocol that a server does not have; [`serve`](Self::serve) does
    /// so too.
    ///
    /// # Errors
    ///
    /// If `feature_store.yaml` asks for `sse`.
    pub fn check_mcp(&self) -> Result<()> {
        self.mcp_server().map(|_| ())
    }

    fn mcp_server(&self) -> Result<Option<McpServerInfo>> {
        let Some(mcp) = &self.config().feature_server.mcp else { return Ok(None) };
        match mcp.transport {
            McpTransport::Http => {
                Ok(Some(McpServerInfo { name: mcp.server_name.clone(), version: mcp.server_version.clone() }))
            }
            McpTransport::Sse => Err(RequestError::other(
                "larder does not speak MCP by server-sent events; write `mcp_transport: http` under \
                 `feature_server` in feature_store.yaml, and let clients connect to `/mcp`",
            )
            .into()),
        }
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

async fn refresh_periodically(store: Arc<FeatureStore>, every: Duration) {
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
