//! Feast's gRPC doors.
//!
//! A door is an axum router that [`larder_serving::serve_router`] serves: services of single calls are tables of
//! methods (`service.rs`), and those that stream are made by `tonic`. What a door does is a trait's, which the
//! feature store implements; no door knows a store.

mod encoded;
mod every_server;
mod feature_server;
mod gate;
mod offline_server;
mod registry_server;
mod service;
mod status;
mod transformation_server;

pub use every_server::complete;
pub use feature_server::{FEATURE_SERVICES, feature_server};
pub use offline_server::{
    OfflineRead, OfflineServer, OfflineServerOptions, PersistTarget, SourceRows, TrainingRows,
    TrainingSetRequest, offline_server,
};
pub use registry_server::{REGISTRY_SERVICE, RegistryObserver, registry_server};
pub use service::ServiceOptions;
pub use transformation_server::{TRANSFORMATION_SERVICE, TransformationServer, transformation_server};
