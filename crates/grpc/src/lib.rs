//! Feast's gRPC doors.
//!
//! A door is an axum router that [`larder_serving::serve_router`] serves: services of single calls are tables of
//! methods ([`service`]), and those that stream are made by `tonic`. What a door does is a trait's, which the
//! feature store implements; no door knows a store.

mod encoded;
mod offline_server;
mod service;
mod status;

pub use offline_server::{
    OfflineRead, OfflineServer, OfflineServerOptions, PersistTarget, SourceRows, TrainingRows,
    TrainingSetRequest, offline_server,
};
pub use service::ServiceOptions;
