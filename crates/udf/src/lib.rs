//! The Wasm host that runs on-demand transformations.
