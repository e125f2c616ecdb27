//! Conformance suites, naive references and compiled guests for tests.

pub mod conformance;
mod feast_values;
pub mod guests;
pub mod naive_join;
pub mod oidc_provider;
pub mod row_generator;

pub use feast_values::as_feast_value;
