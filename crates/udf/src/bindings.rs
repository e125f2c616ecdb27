//! The host's side of `wit/larder-udf.wit`, generated. Buffers go in as slices and come out as vectors.

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
    path: "../../wit",
    world: "on-demand-feature-view",
    ownership: Borrowing { duplicate_if_necessary: true },
});
