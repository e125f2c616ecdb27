//! Answers requests for features, in process and over HTTP.
//!
//! [`OnlineRetrieval`] is the read path. What it does for one request:
//!
//! 1. finds the plan of the selection, or resolves it once and keeps it;
//! 2. sorts the columns of the request into join keys and request data, cast to their declared types;
//! 3. makes the entity keys, each once, and reads all views in one call of the store;
//! 4. runs the on-demand views over what was read, all at the same time;
//! 5. hands out an [`OnlineResponse`]: Arrow columns, which [`to_json`](OnlineResponse::to_json) writes
//!    as Feast's body without a value type in between.
//!
//! [`serve`] is the HTTP door: Feast's routes, bodies, statuses and error envelope over a
//! [`FeatureServer`], which has the verbs. Feast's client sees nothing unexpected, with one deliberate
//! difference: a user's mistake is a 4xx where Feast often says 500
//! ([`ErrorStatus::Feast`](larder_registry::ErrorStatus::Feast) restores that).
//!
//! The crate knows no store, no runtime and no registry file: it is handed an
//! [`OnlineStore`](larder_core::OnlineStore) and a [`Catalog`](larder_plan::Catalog). Writing is not its
//! matter either; it passes rows and requests on.

mod audit_log;
mod authorization;
mod dataset_server;
mod entity_columns;
mod fan_out;
mod feature_log;
mod feature_server;
mod http;
mod job_server;
mod json;
mod materialize_progress;
mod monitoring;
mod online_request;
mod online_response;
mod online_retrieval;
mod plan_cache;
mod prepared_plan;
mod recording;
mod registry_http;
mod search;

pub use audit_log::{AuditEvent, AuditLog, ToolCall};
pub use authorization::{Access, Authorization, NotLetIn, Protected};
pub use dataset_server::{
    DatasetEntities, DatasetJob, DatasetJobStatus, DatasetRows, DatasetServer, NewDataset, TableOwner,
    create_dataset, dataset_job, dataset_jobs, dataset_rows,
};
pub use feature_log::{FeatureLog, LoggedAnswer};
pub use feature_server::{FeatureServer, MaterializeRange, MaterializeRequest, PushRequest, WriteRequest};
pub use http::{
    BackgroundTasks, CertificateError, DoorOptions, McpServerInfo, ServerCertificate, ServerOptions,
    connect_to_certificate, error_text, serve, serve_mcp, serve_router, shutdown_signal,
};
pub use job_server::{
    JobIsRunning, JobLogLine, JobOutcome, JobRunReport, JobServer, JobSummary, JobTrigger, StartJob,
};
pub use materialize_progress::{MaterializeEvent, MaterializeObserver, MaterializeSummary, MaterializedView};
pub use monitoring::{
    Chosen, Days, Granularity, MetricRow, MetricTable, MetricsQuery, MonitoringReport, MonitoringRun,
    MonitoringServer, RunKind, TransientMetrics,
};
pub use online_request::OnlineRequest;
pub use online_response::{FeatureStatus, OnlineResponse, ResponseColumn};
pub use online_retrieval::OnlineRetrieval;
pub use recording::{RecordedCall, Recording};
pub use registry_http::{
    AllowPut, AllowTake, AllowedOrigins, InvalidOrigin, InvalidRootPath, LineageConsumer, RegistryBackend,
    RegistryMcp, RegistryServer, RootPath, lineage_router, page_router, registry_router,
};
pub use search::{Filter, Join, Metric, Operator, SearchQuery, SearchRequest};
