//! What an operator may set.

use std::sync::Arc;
use std::time::Duration;

use larder_core::{Authenticator, Clock, SystemClock};
use larder_registry::{ErrorStatus, MetricsConfig, OfflinePushBatching};
use tokio::net::TcpListener;

use super::mcp::McpServerInfo;
use super::tls::ServerCertificate;
use crate::{AuditLog, FeatureLog, JobServer};

/// Limits and switches of the HTTP door.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Bytes of one request body; a larger one is refused with 413.
    pub max_body_bytes: usize,
    /// Requests for features, pushes and writes that are worked on at the same time; others wait.
    pub max_concurrent_requests: usize,
    /// How long a request may wait for its turn before it is refused with 503.
    pub queue_timeout: Duration,
    /// How long a client may take to send its body before it is refused with 408.
    pub body_timeout: Duration,
    /// How long a connection may be open without the head of a request before it is closed.
    pub idle_timeout: Duration,
    /// How long requests and materializations may go on after the shutdown has begun.
    pub shutdown_timeout: Duration,
    /// Which statuses mistakes get.
    pub error_status: ErrorStatus,
    /// What is measured.
    pub metrics: MetricsConfig,
    /// Answers with metrics alone, beside `/metrics` of the server itself.
    pub metrics_listener: Option<Arc<TcpListener>>,
    /// Whether rows that are pushed offline are gathered first, and their pushes answered with 202.
    pub offline_push_batching: Option<OfflinePushBatching>,
    /// Takes note of answers of feature services.
    pub feature_log: Option<Arc<dyn FeatureLog>>,
    /// Whether clients may read what requests bring to on-demand views, by `/v1/record`.
    pub recording: bool,
    /// What the server shows to clients, who then speak TLS to it; `None` means plain HTTP. Metrics on a port
    /// of their own are always plain, as in Feast.
    pub certificate: Option<ServerCertificate>,
    /// Takes note of requests for auditors.
    pub audit_log: Option<Arc<dyn AuditLog>>,
    /// Finds out who sends requests; `None` means that everybody may do everything.
    pub authenticator: Option<Arc<dyn Authenticator>>,
    /// The jobs that can be started and watched.
    pub jobs: Option<Arc<dyn JobServer>>,
    /// What the server says of itself to clients of the Model Context Protocol; `None` means that it does not
    /// speak that.
    pub mcp: Option<McpServerInfo>,
    /// Where "now" comes from.
    pub clock: Arc<dyn Clock>,
}

impl Default for ServerOptions {
    /// 16 MiB bodies, 1,024 requests at a time, 5 s of waiting; 30 s for a body and for the shutdown,
    /// 75 s for idle connections.
    fn default() -> Self {
        Self {
            max_body_bytes: 16 << 20,
            max_concurrent_requests: 1024,
            queue_timeout: Duration::from_secs(5),
            body_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(75),
            shutdown_timeout: Duration::from_secs(30),
            error_status: ErrorStatus::default(),
            metrics: MetricsConfig::default(),
            metrics_listener: None,
            offline_push_batching: None,
            feature_log: None,
            recording: false,
            certificate: None,
            audit_log: None,
            authenticator: None,
            jobs: None,
            mcp: None,
            clock: Arc::new(SystemClock),
        }
    }
}
