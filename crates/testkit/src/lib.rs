//! Conformance suites, naive references and compiled guests for tests.

pub mod conformance;
pub mod guests;
pub mod naive_join;
pub mod row_generator;
