//! Definitions in YAML, and the registry file that holds them.
//!
//! ```text
//! feature_store.yaml ─▶ RepoConfig ┐
//! *.yaml, *.wasm ─▶ FeatureRepo ───┴─ complete ─▶ Definitions ─ apply ─▶ RegistryFile
//!                                  (offline store,                          │ snapshot
//!                                   udf runtime)                            ▼
//!                                                               Arc<RegistrySnapshot>
//! ```
//!
//! [`FeatureRepo`] reads what people write and tells everything that is wrong with it at once, each
//! [`Problem`] with its file, line and column. [`Definitions`] are complete: every reference resolves and
//! every type is known. [`RegistryFile`] keeps them in Feast's own file format, so Feast's clients open
//! what larder wrote and larder opens what Feast wrote. Requests work on a [`RegistrySnapshot`], which
//! never changes.
//!
//! This crate knows no store and no Wasm engine: it asks larder's traits for the columns of a table and
//! the functions of a component. It answers no request; what a request means is `larder-plan`'s.
//!
//! ```
//! use larder_registry::{FeatureRepo, RepoConfig};
//!
//! let folder = tempfile::tempdir()?;
//! std::fs::write(folder.path().join("feature_store.yaml"), "project: demo\nregistry: data/registry.db\n")?;
//! std::fs::write(folder.path().join("features.yaml"), "entities: [{name: driver, join_key: driver_id}]\n")?;
//!
//! let config = RepoConfig::load(folder.path())?;
//! assert_eq!(config.project, "demo");
//! let repo = FeatureRepo::load(&config)?;
//! // let definitions = repo.complete(&offline_store, &udf_runtime, &job_runtime).await?;
//! // RegistryFile::open(&config.registry.path, Arc::new(SystemClock))?.apply(&definitions)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

/// How the names of request sources begin that are short forms of a view's `input_schema`. As in Feast they
/// are no objects of their own.
pub(crate) const INPUT_SCHEMA_SOURCE_PREFIX: &str = "__input_schema__";

mod aggregation_json;
mod binding;
mod byte_size;
mod complete;
mod data_source_json;
mod dbt;
mod definitions;
mod describe;
mod expectations_json;
mod lineage;
mod object_query;
mod on_demand_chain;
mod permission_rule;
mod problem;
mod proto;
mod registry_diff;
mod registry_file;
mod registry_messages;
mod repo_config;
mod sent_json;
mod sent_object;
mod shape;
mod snapshot;
mod suggestion;
mod test_file;
mod text_file;
mod yaml;

pub use binding::{BindingError, BoundInput, bind_inputs, check_outputs};
pub use data_source_json::data_source_from_json;
pub use dbt::{DbtColumn, DbtDefinitions, DbtImport, DbtManifest, DbtModel, DbtSource, ManifestError};
pub use definitions::{
    DefinitionFiles, Definitions, FeatureRepo, definitions_json_schema, test_file_json_schema,
};
pub use describe::{
    Description, ListFilter, Listing, PermissionCheck, PermittedObjects, RegisteredFeature, RegisteredObject,
    RegistryObjects, value_type_text,
};
pub use lineage::{Lineage, LineageKind, LineageNode, Relation};
pub use object_query::{ObjectQuery, Page, Pagination, SortOrder, SortValue};
pub use on_demand_chain::{ChainLink, OnDemandCycle};
pub use permission_rule::{InvalidPattern, PermissionRule};
pub use problem::{Excerpt, Place, Problem, Problems};
pub use proto::descriptor::{PERMISSION_TYPES, PERMITTED_ACTIONS};
pub use registry_diff::{Action, ObjectChange, ObjectKind, PropertyChange, RegistryDiff, TableChange};
pub use registry_file::{ApplyOptions, DamagedContents, RegistryError, RegistryFile};
pub use registry_messages::{ObjectMessage, RegistryMessages, ViewFilter};
pub use repo_config::{
    AuditLoggingConfig, AuditSink, AuthConfig, CompatConfig, DataQualityConfig, DatasetSyncConfig,
    ErrorStatus, FEATURE_STORE_YAML, FeatureLoggingConfig, FeatureServerConfig, HttpConfig, KubernetesConfig,
    LineageConsumerConfig, LineageTransport, MaterializationConfig, McpConfig, McpTransport, MetricsConfig,
    MlflowConfig, MlflowCredentials, OfflinePushBatching, OfflineStoreConfig, OidcClientConfig, OidcConfig,
    OnlineStoreConfig, OnlineTtl, OpenLineageConfig, RegistryConfig, RepoConfig, Secret, Settings,
};
pub use sent_object::SentObject;
pub use snapshot::{
    FeatureViewVersion, Registered, RegistrySnapshot, SnapshotObjects, UnsupportedObject, VersionedView,
};
pub use test_file::{
    Budgets, Cell, InputDomain, Property, Spread, TEST_FILE_ENDING, TestCase, TestTable, Then, Tolerance,
    TransformationTests, find_test_files, read_test_file,
};
pub use yaml::At;
