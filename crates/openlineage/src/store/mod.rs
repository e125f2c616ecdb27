//! The store of events: a SQLite file in the layout that Feast gives it, so that either may open it.
//!
//! # Layout
//!
//! Ten tables, all named `openlineage_…` ([`schema`]). Two hold what happened, and are pruned: `events`, each as it was
//! sent, and `runs` with what each read and wrote (`run_io`). The others hold what is known by now: `jobs`, `datasets`
//! with their owners, versions and columns, and the edges and symlinks between them.
//!
//! ```text
//! dataset ──input──▶ job ──output──▶ dataset       of every event of a run or a job
//! dataset ─────────derived─────────▶ dataset       of every event of a run: each input to each output
//! dataset ◀───────symlink──────────▶ dataset       where two names stand for one place
//! job ───────────parent────────────▶ job           where a run was started by another
//! ```
//!
//! larder adds one index that Feast does not know, `idx_larder_ol_dataset_place`, since a dataset is looked up by its
//! place with every event.
//!
//! # Events are hostile
//!
//! An event is taken as a whole or not at all ([`received`]): its shape is checked first, credentials in its locations
//! go before anything is written, and what one request may tie together is bounded.

mod connections;
mod graph;
mod ingest;
mod lists;
mod received;
mod removal;
mod runs;
mod schema;
mod visible;
mod write;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use larder_core::{Clock, Result};
use rusqlite::Transaction;
use serde_json::{Map, Value};
use tracing::{debug, instrument};

use self::connections::{Connections, TransactionError};
pub use self::graph::{NodeKind, Steps};
use self::ingest::{EdgeBudget, ingest};
use self::received::Received;
pub use self::visible::VisibleNamespaces;
use crate::LineageError;
use larder_blocking::Lane;

/// Readers at once; more wait.
const CONCURRENT_READS: usize = 4;

/// Events of all producers, and what they say of each other.
///
/// Several processes may have the file open. What [`receive`](Self::receive) acknowledges is durable.
#[derive(Debug)]
pub struct LineageStore {
    connections: Arc<Connections>,
    namespace_mapping: Arc<BTreeMap<String, String>>,
    clock: Arc<dyn Clock>,
    reads: Lane,
    /// One wide: SQLite has one writer at a time.
    writes: Lane,
}

/// What became of several events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// How many were sent.
    pub received: usize,
    /// How many were taken.
    pub successful: usize,
    /// How many were not.
    pub failed: usize,
}

/// A part of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// How many at most.
    pub limit: u32,
    /// How many are passed over first.
    pub offset: i64,
}

/// The store as it is at one moment.
#[derive(Debug)]
pub struct Lineage<'c> {
    state: Transaction<'c>,
}

impl LineageStore {
    /// Opens the file, which is created with its folder if it is missing. Blocks the thread.
    ///
    /// `namespace_mapping` says which namespaces of others stand for which projects.
    ///
    /// # Errors
    ///
    /// [`LineageError::Folder`] if the folder cannot be made, [`LineageError::Sqlite`] if the file cannot be opened, is
    /// no SQLite database, or has tables of another shape.
    pub fn open(
        path: impl Into<PathBuf>,
        namespace_mapping: BTreeMap<String, String>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        Ok(Self {
            connections: Arc::new(Connections::open(path.into())?),
            namespace_mapping: Arc::new(namespace_mapping),
            clock,
            reads: Lane::new(CONCURRENT_READS),
            writes: Lane::new(1),
        })
    }

    /// Takes an event; returns its id.
    ///
    /// # Errors
    ///
    /// [`EventFault`](crate::EventFault) if it is none or too large; as the file.
    #[instrument(name = "larder_openlineage.receive", level = "debug", skip_all)]
    pub async fn receive(&self, event: Value) -> Result<String> {
        let receive = self.receiving();
        Ok(self.writes.run(move || receive(event)).await?)
    }

    /// Takes several events, each as a whole or not at all.
    ///
    /// # Errors
    ///
    /// As the file.
    #[instrument(name = "larder_openlineage.receive_all", level = "debug", skip_all, fields(events = events.len()))]
    pub async fn receive_all(&self, events: Vec<Value>) -> Result<Batch> {
        let (connections, mapping) = (Arc::clone(&self.connections), Arc::clone(&self.namespace_mapping));
        let now = millis(&*self.clock);
        let receive = move || {
            connections.write(|transaction| {
                let mut batch = Batch { received: events.len(), ..Batch::default() };
                let mut budget = EdgeBudget::default();
                for event in events {
                    let savepoint = transaction.savepoint()?;
                    let taken = Received::read(event)
                        .map_err(|fault| LineageError::from(fault).into())
                        .and_then(|event| ingest(&savepoint, &event, now, &mapping, &mut budget));
                    match taken {
                        Ok(_id) => {
                            savepoint.commit()?;
                            batch.successful += 1;
                        }
                        Err(TransactionError::Lineage(LineageError::Event(fault))) => {
                            debug!(%fault, "an event of a batch was refused");
                            batch.failed += 1;
                        }
                        Err(error) => return Err(error),
                    }
                }
                Ok(batch)
            })
        };
        Ok(self.writes.run(receive).await?)
    }

    /// As [`receive`](Self::receive); blocks the thread.
    pub(crate) fn receive_blocking(&self, event: Value) -> Result<String, LineageError> {
        self.receiving()(event)
    }

    fn receiving(&self) -> impl FnOnce(Value) -> Result<String, LineageError> + Send + 'static {
        let (connections, mapping) = (Arc::clone(&self.connections), Arc::clone(&self.namespace_mapping));
        let now = millis(&*self.clock);
        move |event| {
            let event = Received::read(event)?;
            connections
                .write(|transaction| ingest(transaction, &event, now, &mapping, &mut EdgeBudget::default()))
        }
    }

    /// Asks several things of one state of the store.
    ///
    /// # Errors
    ///
    /// As the file, and as `ask`.
    pub async fn read<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Lineage<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let connections = Arc::clone(&self.connections);
        Ok(self.reads.run(move || connections.read(|state| ask(&Lineage { state }))).await?)
    }

    async fn remove<T: Send + 'static>(
        &self,
        remove: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let connections = Arc::clone(&self.connections);
        let remove = move || connections.write(|transaction| Ok(remove(transaction)?));
        Ok(self.writes.run(remove).await?)
    }

    /// Removes everything.
    ///
    /// # Errors
    ///
    /// As the file.
    pub async fn purge_all(&self) -> Result<()> {
        self.remove(|transaction| removal::all(transaction)).await
    }

    /// Removes what belongs to a namespace.
    ///
    /// # Errors
    ///
    /// As the file.
    pub async fn purge_namespace(&self, namespace: &str) -> Result<()> {
        let namespace = namespace.to_owned();
        self.remove(move |transaction| removal::namespace(transaction, &namespace)).await
    }

    /// Removes a dataset, and jobs of a namespace, with what belongs to them. Blocks the thread.
    ///
    /// # Errors
    ///
    /// As the file.
    pub fn remove_objects(&self, namespace: &str, dataset: &str, jobs: &[String]) -> Result<()> {
        Ok(self.connections.write(|transaction| {
            removal::dataset(transaction, namespace, dataset)?;
            Ok(jobs.iter().try_for_each(|job| removal::job(transaction, namespace, job))?)
        })?)
    }

    /// Removes events, runs and versions of datasets that are older than so many days; how many of each, by the name of
    /// the table. What is known by now stays.
    ///
    /// # Errors
    ///
    /// As the file.
    #[instrument(name = "larder_openlineage.prune", level = "debug", skip_all)]
    pub async fn prune(&self, days: u64) -> Result<Map<String, Value>> {
        let age = i64::try_from(days.saturating_mul(86_400_000)).unwrap_or(i64::MAX);
        let before = millis(&*self.clock).saturating_sub(age);
        self.remove(move |transaction| removal::older(transaction, before)).await
    }
}

/// Now, as the file says it.
fn millis(clock: &dyn Clock) -> i64 {
    clock.now().micros().div_euclid(1_000)
}

#[cfg(test)]
mod tests;
