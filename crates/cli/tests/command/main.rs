//! The command as a user runs it: real processes, a real folder, real signals.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the harness of a test fails as tests do"
)]

mod auth;
mod chained_views;
mod compat;
mod configuration;
mod dbt;
mod definitions;
mod demo;
mod demo_notebooks;
mod feast_repo;
mod feast_texts;
mod hostile_views;
mod hot_swap;
mod jobs;
mod kill;
mod kinds_of_views;
mod larder;
mod late_rows;
mod monitoring;
mod objects;
mod openlineage;
mod permissions;
mod recording;
mod server;
mod training_sets;
mod udf;
mod udf_projects;
mod validation;
mod versions;
mod wide_types;
mod words_of_feast;
