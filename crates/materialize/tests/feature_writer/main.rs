//! The feature writer over real files and real stores.

#![cfg(test)]

mod bounded_memory;
mod failing_stores;
mod following;
mod laws;
mod materialize;
mod push;
mod world;
mod write_to_online_store;
