//! The way of feature values into the stores: materialization, pushes and direct writes.
//!
//! [`FeatureWriter`] has Feast's verbs. It knows stores only by their traits, and one catalog (a registry
//! snapshot with its transformations) per call.
//!
//! ```text
//! materialize ─▶ OfflineStore::pull_latest ─▶ parts ─▶ keys ─┐
//! push, write_to_online_store ─▶ InputTable ─▶ columns, keys ─┴▶ OnlineStore::write ─▶ on-demand views that
//!                                                                newest wins           follow the view
//!                              then OnlineStore::flush, and only then the interval enters the registry
//! ```
//!
//! Three promises hold whatever runs at the same time, repeats, or dies half-way:
//!
//! - **Newest wins.** The store compares versions, so the order of writes does not matter.
//! - **Recorded means durable.** An interval is recorded after the store has flushed. A run that died
//!   left no record, and the next one does its work again.
//! - **On-demand views that are written follow their sources.** After a source row is written, the rows
//!   that depend on it are computed again from the store, one computation per view at a time. The last
//!   one to run has read the final sources; its row has the newest event time; so it is what remains.
//!   [`NotFollowing`] says which views cannot follow.
//!
//! Memory does not grow with the length of the history: one batch is being written while the next is
//! read and encoded, and there is never a third.

mod error;
mod feature_writer;
mod interval;
mod load;
mod materialization_log;
mod materialize;
mod not_following;
mod notice;
mod observer;
mod off_thread;
mod on_demand_target;
mod push;
mod recomputation;
mod report;
mod row_keys;
mod selection;
mod source_rows;
mod view_rows;
mod view_target;
mod write_plan;
mod write_to_offline_store;
mod write_to_online_store;

pub use error::MaterializeError;
pub use feature_writer::FeatureWriter;
pub use materialization_log::MaterializationLog;
pub use materialize::{Materialize, MaterializeIncremental};
pub use not_following::NotFollowing;
pub use notice::Notice;
pub use observer::{MaterializationEvent, MaterializationObserver, RunHeader, ViewHeader};
pub use push::Push;
pub use report::{MaterializationReport, PushReport, ViewReport, WrittenView};
pub use write_to_offline_store::write_to_offline_store;
pub use write_to_online_store::WriteToOnlineStore;
