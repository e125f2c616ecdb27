//! The Wasm host that runs on-demand transformations and jobs.
//!
//! [`WasmRuntime`] turns the bytes of a component of the world in `wit/larder-udf.wit` into
//! [`Transformation`](larder_core::Transformation)s. A user's function is called in a sandbox: it
//! imports nothing (or a WASI that stands still), starts every call from the same memory, and is held to limits of time, memory and
//! output ([`TransformationLimits`](larder_core::TransformationLimits) for each view,
//! [`SandboxLimits`] for all). What it returns is believed only after every length, offset, bitmap and
//! byte of text was checked ([`BrokenContract`]).
//!
//! The life of a call:
//!
//! ```text
//! RecordBatch ─▶ split ─▶ slot ─▶ lower ─▶ fresh instance ─▶ lift ─▶ concat ─▶ RecordBatch
//!                by rows  (wait)  slices   copy in, run,     checks
//!                                          copy out
//! ```
//!
//! Short calls stay on the caller's thread, for two milliseconds at most; the others go to threads that
//! may wait. How it is split does not depend on the machine, so neither does what `fuel` counts.
//!
//! It also runs jobs ([`JobRuntime`](larder_core::JobRuntime)), components of the world in
//! `wit/job/larder-job.wit`: those call back into the verbs of the feature store, each behind a capability, and
//! live as long as their run ([`JobError`] says how one ends badly).
//!
//! What this crate is not: it knows nothing of views, sources or requests, only of batches.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use larder_core::{TransformationLimits, UdfRuntime};
//! use larder_udf::{WasmRuntime, WasmRuntimeOptions};
//!
//! # async fn example(input: arrow::array::RecordBatch) -> larder_core::Result<()> {
//! let runtime = WasmRuntime::try_new(WasmRuntimeOptions::default())?;
//! let bytes: Arc<[u8]> = std::fs::read("driver_features.wasm").expect("readable").into();
//! let component = runtime.inspect(bytes).await?;
//! let limits = TransformationLimits::default();
//! let transformation =
//!     runtime.load("transformed_conv_rate", component.bytes, "transformed_conv_rate", limits).await?;
//! let output = transformation.transform(input).await?;
//! # drop(output);
//! # Ok(())
//! # }
//! ```

mod anatomy;
mod bindings;
mod broken_contract;
mod cache;
mod call_metrics;
mod call_slots;
mod compile_cost;
mod compiled;
mod component_bytes;
mod engine;
mod error;
mod frozen_wasi;
mod input_size;
mod job;
mod lift;
mod limits;
mod lower;
mod machine;
mod machines;
mod metered;
mod quick_calls;
mod sandboxed_call;
mod signature;
mod signature_error;
mod stubbed_system;
mod ticker;
mod type_nodes;
mod wasm_runtime;
mod wasm_transformation;
mod world;

pub use anatomy::{Anatomy, MemorySize, WasmKind};
pub use broken_contract::{BrokenContract, OffsetsProblem};
pub use compiled::digest_of;
pub use error::{CallError, UdfError};
pub use job::{JobCallError, JobError};
pub use limits::SandboxLimits;
pub use metered::{Meter, MeteredCall, MeteredComponent, MeteredFunction};
pub use signature_error::SignatureError;
pub use wasm_runtime::{WasmRuntime, WasmRuntimeOptions};
