//! Feast's gRPC doors.
//!
//! A door is an axum router that [`larder_serving::serve_router`] serves: services of single calls are tables of
//! methods (`service`), and those that stream are made by `tonic`. What a door does is a trait's, which the
//! feature store implements; no door knows a store.

mod blocking;
mod encoded;
mod registry_server;
mod service;
mod status;

pub use registry_server::registry_server;
pub use service::ServiceOptions;
