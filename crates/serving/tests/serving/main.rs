//! What the online door answers, in process and over a real connection.
//!
//! The server under test is the crate's own, over the in-memory online store; only the history that a
//! materialization would read is made up.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod audit;
mod authorization;
mod bad_input;
mod client;
mod feature_log;
mod get_online_features;
mod http;
mod json_law;
mod materialize;
mod mcp;
mod offline_batches;
mod openapi;
mod openlineage;
mod registry_http;
mod repo;
mod search;
mod server;
mod tls;
