//! Write jobs for larder in Rust.
//!
//! A job is a program that larder runs by a schedule or by hand, and that asks larder for the verbs of the
//! feature store. This is a complete one, `src/lib.rs` of a library with `crate-type = ["cdylib"]`:
//!
//! ```
//! use larder_guest_job::{Error, Invocation, info, materialize_incremental};
//!
//! /// Keeps the online store up to date.
//! fn run(invocation: Invocation) -> Result<(), Error> {
//!     for view in materialize_incremental(invocation.time, &[])? {
//!         info!("{}: {} rows", view.feature_view, view.rows_written)?;
//!     }
//!     Ok(())
//! }
//!
//! larder_guest_job::export!(run);
//! # fn main() {}
//! ```
//!
//! `cargo build --release --target wasm32-unknown-unknown` makes the `.wasm` file that a definition names, or
//! `larder job run` takes. What a job may do is granted there: this one needs `materialize` and `log`.
//!
//! # Tables
//!
//! A table has named columns, which are the arrays of `larder-guest`. What is long comes in batches, a [`Reader`]
//! one way and a [`Writer`] the other, so a job needs room for one batch and not for the table:
//!
//! ```
//! use larder_guest_job::{
//!     Array, Destination, Entities, Error, Float32Array, Float64Array, HistoricalOptions, Int64Array, Invocation,
//!     Schema, Selection, Writer, get_historical_features, map_rows,
//! };
//!
//! fn run(_: Invocation) -> Result<(), Error> {
//!     let features = Selection::features(["driver_hourly_stats:conv_rate"]);
//!     let training_set = get_historical_features(&features, Entities::all(), HistoricalOptions::default())?;
//!     let columns = Schema::of::<(Int64Array, Float64Array)>(&["driver_id", "conv_percent"]);
//!     let mut percents = Writer::open(Destination::file("data/percents.parquet"), &columns)?;
//!     for rows in training_set {
//!         let rows = rows?;
//!         let rate: Float32Array = rows.column("conv_rate")?;
//!         let percent: Float64Array = map_rows((&rate,), |(rate,)| f64::from(rate) * 100.0);
//!         percents.write((rows.column::<Int64Array>("driver_id")?, percent))?;
//!     }
//!     percents.finish()?;
//!     Ok(())
//! }
//! # larder_guest_job::export!(run);
//! # fn main() {}
//! ```
//!
//! # The rules
//!
//! There is no clock, randomness, network or file but what larder gives. [`Invocation::time`] is the time that
//! the run is for, and stands still. A run that fails, traps or meets a limit is over; what a verb has
//! acknowledged before stays, and a [`Writer`] that was not finished leaves nothing.

#[allow(
    missing_docs,
    missing_debug_implementations,
    rust_2018_idioms,
    unreachable_pub,
    unsafe_code,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    reason = "generated, see `wit/README.md`"
)]
#[doc(hidden)]
pub mod bindings;
mod error;
mod invocation;
mod reader;
mod table;
mod verbs;
mod writer;

pub use error::Error;
pub use invocation::Invocation;
pub use larder_guest::{
    Array, BinaryArray, BooleanArray, DecimalArray, Float32Array, Float64Array, ImageBytesArray, Int32Array,
    Int64Array, JsonArray, List, ListArray, MapArray, PdfBytesArray, ScalarMapArray, SetArray, StringArray,
    StructArray, TimeUuidArray, Timestamp, TimestampArray, UuidArray, ZonedTimestamp, ZonedTimestampArray,
    map_rows, rows, structure,
};
pub use reader::Reader;
pub use table::{Schema, Table, TableColumns};
pub use verbs::{
    Capability, Entities, ErrorKind, HistoricalOptions, Level, MaterializedView, PushMode, Selection,
    get_historical_features, get_online_features, log, materialize, materialize_incremental, push,
    read_saved_dataset, transform,
};
pub use writer::{Destination, EntityRows, Writer};

/// Exports a function as the component's job. Once in a library.
///
/// The function takes an [`Invocation`] and returns a `Result` whose error can be displayed. On other targets
/// than Wasm it only checks that.
#[macro_export]
macro_rules! export {
    ($run:path) => {
        const _: () = {
            struct Component;

            impl $crate::bindings::exports::larder::job::job::Guest for Component {
                fn run(
                    invocation: $crate::bindings::exports::larder::job::job::Invocation,
                ) -> Result<(), String> {
                    $run(invocation.into()).map_err(|error| error.to_string())
                }
            }

            #[cfg(target_arch = "wasm32")]
    $crate::bindings::export!(Component with_types_in $crate::bindings);
            #[cfg(not(target_arch = "wasm32"))]
            const _: fn($crate::bindings::exports::larder::job::job::Invocation) -> Result<(), String> =
                <Component as $crate::bindings::exports::larder::job::job::Guest>::run;
        };
    };
}

/// Adds a line about the normal course to the log of the run; arguments as of `format!`.
///
/// Returns a `Result`, whose error says that the job may not `log`.
#[macro_export]
macro_rules! info {
    ($($argument:tt)+) => { $crate::log($crate::Level::Info, &format!($($argument)+)) };
}

/// Adds a line about something that may be wrong to the log of the run; as [`info!`].
#[macro_export]
macro_rules! warn {
    ($($argument:tt)+) => { $crate::log($crate::Level::Warn, &format!($($argument)+)) };
}
