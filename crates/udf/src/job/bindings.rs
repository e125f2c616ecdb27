//! The host's side of `wit/job/larder-job.wit`, generated. Tables go in and out as vectors.

#![allow(
    missing_docs,
    missing_debug_implementations,
    rust_2018_idioms,
    unreachable_pub,
    unsafe_code,
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    reason = "generated"
)]

wasmtime::component::bindgen!({
    path: ["../../wit", "../../wit/job"],
    world: "larder:job/feature-job",
    imports: { default: trappable },
    with: {
        "larder:job/tables.reader": crate::job::tables::Reader,
        "larder:job/offline-store.entity-rows": crate::job::tables::EntityRows,
        "larder:job/offline-store.writer": crate::job::tables::Writer,
    },
});
