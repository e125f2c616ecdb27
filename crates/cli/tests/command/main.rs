//! The command as a user runs it: real processes, a real folder, real signals.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the harness of a test fails as tests do"
)]

mod configuration;
mod definitions;
mod demo;
mod feast_repo;
mod jobs;
mod kill;
mod kinds_of_views;
mod larder;
mod objects;
mod server;
mod training_sets;
mod wide_types;
