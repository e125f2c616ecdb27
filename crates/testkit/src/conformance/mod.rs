//! One suite per trait, run against every implementation.
//!
//! A suite takes the implementation and panics with the promise that was broken. Each of its checks
//! stands for one sentence of the trait's documentation.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a suite is test code: a check that fails panics, and says where"
)]

pub mod online_store;
