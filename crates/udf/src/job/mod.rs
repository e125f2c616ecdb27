//! Jobs: components that ask for the verbs of the feature store.
//!
//! A job runs on one thread of the blocking pool, from its start to its end. Its imports are functions of
//! this host ([`host_functions`]), which check what the job may do, turn tables of the contract into Arrow and
//! back, and hand everything else to a [`JobHost`](larder_core::JobHost): larder's verbs, with one
//! implementation for the command line, for HTTP and for jobs.
//!
//! ```text
//! guest calls `push` ─▶ granted? ─▶ lift the table ─▶ JobHost::push ─▶ lower the answer ─▶ guest goes on
//!                                   every length and    the thread waits; the time is
//!                                   byte is checked     larder's, not the job's
//! ```
//!
//! **Time.** A job has two budgets ([`JobLimits`](larder_core::JobLimits)). `compute_time` is the time in its
//! own code: the watch stops while a host function works, so a job that waits ten minutes for a
//! materialization has not used it up. `wall_time` is the time from start to end, waiting included: it ends
//! also a host function that hangs. Both are looked at every few ticks of the engine's epoch, and around every
//! host function.
//!
//! **Memory.** The guest's memory is limited as in any sandbox. On the host's side one batch is in flight at a
//! time, of at most `batch_bytes`; entity rows and rows for a source are held until they are used, of at most
//! `table_bytes` for all of them.

mod bindings;
mod budget;
mod error;
mod host_functions;
mod run;
mod tables;

pub use error::{JobCallError, JobError};
pub(crate) use run::{CompiledJob, run};
