//! larder: a WebAssembly on-demand feature runtime.
//!
//! A feature store that speaks Feast's language: definitions in YAML, a registry file, history in files,
//! newest values in an embedded store, and on-demand feature views that are sandboxed WebAssembly
//! components over Arrow batches, the same bytes of code in training and in serving.
//!
//! [`FeatureStore`] has Feast's verbs; the command line and the HTTP server are doors to the same
//! functions. This crate puts the parts together and is the only one that names concrete stores; what the
//! parts promise stands in `larder-core`.
//!
//! ```no_run
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! use larder::{FeatureServer, FeatureStore, InputColumn, OnlineRequest, Selection};
//!
//! let store = FeatureStore::open("my_repo").await?;
//! store.apply().await?;
//! let features = Selection::References(vec!["driver_hourly_stats:conv_rate".to_owned()]);
//! let entities = vec![("driver_id".to_owned(), InputColumn::Json(vec![1001.into()]))];
//! let request = OnlineRequest { selection: features, entities, full_feature_names: false };
//! let response = store.get_online_features(request).await?;
//! # let _ = response;
//! # Ok::<(), larder_core::Error>(())
//! # }).unwrap();
//! ```
//!
//! Read next: [`FeatureStore::get_historical_features`], the walk of a training set.

mod all_entities;
mod apply;
mod audit_log;
mod auth;
mod change_view;
mod dask_rows;
mod dataset_jobs;
mod delete;
mod describe;
mod feature_log;
mod feature_store;
mod get_historical_features;
mod grpc;
mod job;
mod joined_in_parts;
mod lineage;
mod logged_rows;
mod mlflow;
mod monitoring;
mod offline_server;
mod online;
mod online_changes;
mod project_files;
mod recorder;
mod registry_http;
mod registry_log;
mod registry_server;
mod retrieval_inputs;
mod saved_dataset;
mod server;
mod statistics;
mod udf_runtime;
mod validation;
mod verbs;
mod wire;
mod write_definitions;

pub use all_entities::EntitySpan;
pub use apply::{ApplyOutcome, JobChange, TeardownOutcome};
pub use describe::{DescribedFeature, FeatureViewStatus};
pub use feature_store::FeatureStore;
pub use get_historical_features::{HistoricalRequest, TrainingEntities, TrainingSet, VALUE_TYPE_METADATA};
pub use job::{ComponentRun, JobObserver, JobRunner, Scheduler, StartedRun};
pub use larder_core::{FeatureViewState, InputColumn, InputTable, PermissionType, PushMode};
pub use larder_mlflow::FlatRows;
pub use larder_offline::table;
pub use larder_online::{OnlineError, ServerAddress};
pub use larder_plan::Selection;
pub use larder_registry::{
    ApplyOptions, AuthConfig, DbtImport, DbtManifest, DbtSource, DefinitionFiles, Description,
    FeatureViewVersion, ListFilter, Listing, McpTransport, ObjectKind, PermissionCheck, PermittedObjects,
    Problem, Registered, RegistryFile, RegistrySnapshot, RepoConfig, VersionedView, definitions_json_schema,
    test_file_json_schema,
};
pub use larder_serving::{
    AllowedOrigins, Chosen, Days, DoorOptions, FeatureServer, Granularity, JobIsRunning, JobLogLine,
    JobOutcome, JobRunReport, JobServer, JobSummary, JobTrigger, MaterializeEvent, MaterializeRange,
    MaterializeRequest, MaterializeSummary, MaterializedView, MetricTable, MetricsQuery, MonitoringReport,
    MonitoringRun, MonitoringServer, OnlineRequest, OnlineResponse, PushRequest, RootPath, RunKind,
    SearchRequest, ServerCertificate, ServerOptions, StartJob, WriteRequest, connect_to_certificate,
    shutdown_signal,
};
pub use mlflow::{MlflowSourceCheck, MlflowSync, MlflowSyncReport, MlflowSyncRequest, MlflowView};
pub use monitoring::BaselineJob;
pub use online::PublishedServer;
pub use retrieval_inputs::{ReadView, RetrievalInputs};
pub use saved_dataset::NewSavedDataset;
pub use server::PreparedServer;
pub use udf_runtime::udf_runtime;
pub use validation::{LoggedFeatures, ProfileCache, ValidationFailure, ValidationReport};
pub use write_definitions::WRITTEN_DEFINITIONS;
