//! Definitions in YAML, and the registry file that holds them.

mod binding;
mod byte_size;
mod complete;
mod definitions;
mod describe;
mod problem;
mod proto;
mod registry_diff;
mod registry_file;
mod repo_config;
mod shape;
mod snapshot;
mod suggestion;
mod text_file;
mod yaml;

pub use binding::{BindingError, BoundInput, bind_inputs, check_outputs};
pub use definitions::{Definitions, FeatureRepo, definitions_json_schema};
pub use describe::Listing;
pub use problem::{Excerpt, Problem, Problems};
pub use registry_diff::{Action, ObjectChange, ObjectKind, PropertyChange, RegistryDiff, TableChange};
pub use registry_file::{DamagedContents, RegistryError, RegistryFile};
pub use repo_config::{
    ErrorStatus, FEATURE_STORE_YAML, HttpConfig, MaterializationConfig, OfflineStoreConfig,
    OnlineStoreConfig, RegistryConfig, RepoConfig,
};
pub use snapshot::{Registered, RegistrySnapshot, SnapshotObjects, UnsupportedObject};
