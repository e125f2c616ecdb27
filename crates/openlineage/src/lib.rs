//! Lineage in the words of OpenLineage: events that tell what feeds what.
//!
//! Two halves share this crate, since they share the form of an event:
//!
//! - **Telling.** [`LineageAuthor`] makes the events of an apply and of a materialization, in Feast's shape, and
//!   [`LineageEmitter`] sends them out, on a thread of its own, without anybody waiting for it.
//! - **Keeping.** [`LineageStore`] takes events of any producer, and answers what feeds what. It is a SQLite file in
//!   Feast's layout, which Feast may have open too.
//!
//! It speaks no HTTP to clients, and asks nobody who they are: `larder-serving` has the routes.
//!
//! ```
//! # use std::sync::Arc;
//! use larder_core::SystemClock;
//! use larder_openlineage::{LineageStore, VisibleNamespaces};
//! use serde_json::json;
//!
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("openlineage.db");
//! let store = LineageStore::open(path, Default::default(), Arc::new(SystemClock))?;
//! let event = json!({
//!     "eventType": "COMPLETE", "run": {"runId": "r"}, "job": {"namespace": "n", "name": "j"},
//!     "inputs": [{"namespace": "n", "name": "a"}], "outputs": [{"namespace": "n", "name": "b"}],
//! });
//! store.receive(event).await?;
//! let edges = store.read(|lineage| lineage.edges(&VisibleNamespaces::All)).await?;
//! assert_eq!(edges.len(), 3, "a → j, j → b, and a → b");
//! # Ok::<(), larder_core::Error>(())
//! # }).unwrap();
//! ```
//!
//! Read next: [`LineageAuthor`], and [`store`](LineageStore) for the layout of the file.

mod emitter;
mod error;
mod event;
mod location;
mod namespace;
mod store;
mod transport;

pub use emitter::LineageEmitter;
pub use error::{EventFault, LineageError, TransportError};
pub use event::{LineageAuthor, MaterializationRun};
pub use namespace::{namespace_of_project, project_of_namespace};
pub use store::{Batch, Lineage, LineageStore, NodeKind, Page, Steps, VisibleNamespaces};
