//! Conformance suites, naive references and compiled guests for tests.
