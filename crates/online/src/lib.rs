//! Online stores: the newest feature values by entity key.
//!
//! [`SledOnlineStore`] keeps rows in one folder of this machine, [`SqliteOnlineStore`] in a file that
//! Feast reads and writes as well, [`MemoryOnlineStore`] in memory. All are
//! [`OnlineStore`](larder_core::OnlineStore)s and keep every sentence of its documentation, which
//! `larder_testkit::conformance::online_store` checks; SQLite as far as Feast's layout can say.
//!
//! What is here knows nothing of registries, requests or sources: it is given keys and Arrow batches.
//!
//! ```
//! use std::sync::Arc;
//!
//! use arrow::array::{ArrayRef, Int64Array, RecordBatch};
//! use larder_core::{
//!     EntityKey, Field, OnlineRead, OnlineStore, OnlineView, OnlineWrite, RowVersion, Timestamp, ValueType,
//! };
//! use larder_online::{SledOnlineStore, SledOptions};
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path();
//! let store = SledOnlineStore::open(folder, SledOptions::default())?;
//! let view = Arc::new(OnlineView {
//!     project: "rides".into(),
//!     name: "driver_stats".into(),
//!     features: vec![Field::new("trips", ValueType::INT64)],
//! });
//! let key = EntityKey::from_bytes(b"driver 1001");
//! let trips: ArrayRef = Arc::new(Int64Array::from(vec![7]));
//! store
//!     .write(OnlineWrite {
//!         view: Arc::clone(&view),
//!         keys: vec![key.clone()],
//!         versions: vec![RowVersion { event_timestamp: Timestamp::from_micros(1), created_timestamp: None }],
//!         features: RecordBatch::try_from_iter([("trips", trips)])?,
//!     })
//!     .await?;
//! store.flush().await?;
//!
//! let read = OnlineRead { view, features: Arc::new([0]), keys: Arc::new([Some(key)]) };
//! let rows = store.read(vec![read]).await?;
//! assert_eq!(rows[0].event_timestamps, [Some(Timestamp::from_micros(1))]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Read next: [`row`], the bytes of a stored row.

mod error;
mod listed_server;
mod memory_store;
pub mod row;
mod schema;
mod server_address;
mod sled_store;
mod sqlite_store;
mod surviving_rows;
mod text_index;

pub use error::OnlineError;
pub use listed_server::ListedServer;
pub use memory_store::MemoryOnlineStore;
pub use schema::SchemaId;
pub use server_address::{PublishedAddress, ServerAddress};
pub use sled_store::{SledOnlineStore, SledOptions};
pub use sqlite_store::{CellFault, SqliteOnlineStore, SqliteOptions};
pub use text_index::SqliteTextIndexes;
