//! Conformance suites, naive references and compiled guests for tests.

pub mod cluster;
pub mod conformance;
pub mod feast_stores;
mod feast_values;
pub mod guests;
pub mod naive_join;
pub mod oidc_provider;
pub mod raw_guest;
pub mod row_generator;
mod small_server;
pub mod tls;

pub use feast_values::as_feast_value;
