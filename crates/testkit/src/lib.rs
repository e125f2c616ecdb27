//! Conformance suites, naive references and compiled guests for tests.

pub mod conformance;
pub mod row_generator;
