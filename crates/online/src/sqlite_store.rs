//! The store that shares its file with Feast.
//!
//! # Layout
//!
//! Feast's own, one table a view, one row a feature:
//!
//! ```text
//! "{project}_{view}"   entity_key BLOB         Feast's entity key
//!                      feature_name TEXT
//!                      value BLOB              feast.types.Value, no bytes for null
//!                      value_text TEXT         Python's str() of text, numbers and truth values
//!                      vector_value BLOB       not touched
//!                      event_ts timestamp      whole seconds since the epoch, rounded down
//!                      created_ts timestamp    the same, or null
//!                      PRIMARY KEY (entity_key, feature_name), index "{project}_{view}_ek" (entity_key)
//! ```
//!
//! Feast cuts times to seconds, and so they are served. To decide which row is newer, larder keeps what
//! was cut in a table of its own that Feast does not know, `"_{project}_{view}_micros"`, made with the
//! first row that has fractions of a second. No table of Feast's has such a name, since projects begin
//! with a letter or digit. An entry counts as long as its seconds are those of Feast's columns; where
//! Feast wrote last, the row is as new as the start of its second.
//!
//! # Writing beside Feast
//!
//! larder replaces a row only by one that is at least as new, unless [`SqliteOptions::write_policy`] says
//! otherwise; Feast replaces always. A row of larder
//! replaces all that is stored of its entity in the view, also features that the view no longer has.
//!
//! The file is in WAL mode, so reading and writing do not wait for each other, in this process or in
//! others; writers wait for one another, at most [`SqliteOptions::busy_timeout`]. If the file is deleted, as
//! `feast teardown` does, or replaced, the one at the path counts from then on.

mod cell;
mod connections;
mod read;
mod table;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use larder_core::{
    EntityKey, OnlineRead, OnlineRows, OnlineStore, OnlineWrite, Result, WriteOutcome, WritePolicy,
};
use tracing::instrument;

pub use self::cell::CellFault;
use self::connections::Connections;
use self::table::Table;
use crate::OnlineError;
use larder_blocking::Lane;

/// How SQLite runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SqliteOptions {
    /// How long a write waits for another process that writes, before it fails.
    pub busy_timeout: Duration,
    /// Reads that run at once, each on a connection of its own; more wait, in order.
    pub concurrent_reads: usize,
    /// Which of two rows of one key stays.
    pub write_policy: WritePolicy,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self {
            busy_timeout: Duration::from_secs(10),
            concurrent_reads: 2 * cores,
            write_policy: WritePolicy::NewestWins,
        }
    }
}

/// Rows in a SQLite file in Feast's layout.
///
/// Several processes may have the file open, Feast's among them. Every write is one transaction and
/// durable when it returns, whatever [`flush`](OnlineStore::flush) promises. Values are those that
/// `feast.types.Value` can say: times in whole seconds, no null items in lists of scalars.
#[derive(Debug)]
pub struct SqliteOnlineStore {
    connections: Arc<Connections>,
    reads: Lane,
    /// One wide: SQLite has one writer at a time.
    writes: Lane,
    write_policy: WritePolicy,
}

impl SqliteOnlineStore {
    /// Opens the file, which is created with its folder if it is missing. Blocks the thread.
    ///
    /// # Errors
    ///
    /// [`OnlineError::Folder`] if the folder cannot be made, [`OnlineError::Sqlite`] if the file cannot be
    /// opened or is no SQLite database.
    pub fn open(path: impl Into<PathBuf>, options: SqliteOptions) -> Result<Self, OnlineError> {
        Ok(Self {
            connections: Arc::new(Connections::open(path.into(), options.busy_timeout)?),
            reads: Lane::new(options.concurrent_reads),
            writes: Lane::new(1),
            write_policy: options.write_policy,
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        self.connections.path()
    }
}

#[async_trait]
impl OnlineStore for SqliteOnlineStore {
    fn kind(&self) -> &'static str {
        "sqlite"
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn write_policy(&self) -> WritePolicy {
        self.write_policy
    }

    #[instrument(name = "larder_online.read", level = "debug", skip_all, fields(reads = reads.len()))]
    async fn read(&self, reads: Vec<OnlineRead>) -> Result<Vec<OnlineRows>> {
        let connections = Arc::clone(&self.connections);
        Ok(self.reads.run(move || connections.read(|reader| read::read(reader, &reads))).await?)
    }

    #[instrument(
        name = "larder_online.write", level = "debug", skip_all,
        fields(view = write.view.name, rows = write.keys.len())
    )]
    async fn write(&self, write: OnlineWrite) -> Result<WriteOutcome> {
        let (connections, policy) = (Arc::clone(&self.connections), self.write_policy);
        Ok(self.writes.run(move || connections.write(|writer| write::write(writer, &write, policy))).await?)
    }

    #[instrument(name = "larder_online.keys", level = "debug", skip_all, fields(project, view))]
    async fn keys(&self, project: &str, view: &str) -> Result<Vec<EntityKey>> {
        let (connections, table) = (Arc::clone(&self.connections), Table::of(project, view));
        Ok(self.reads.run(move || connections.read(|reader| read::keys(reader, &table))).await?)
    }

    /// Does nothing: what has been written is durable.
    async fn flush(&self) -> Result<()> {
        Ok(())
    }

    #[instrument(name = "larder_online.create_view", level = "debug", skip_all, fields(project, view))]
    async fn create_view(&self, project: &str, view: &str) -> Result<()> {
        let (connections, table) = (Arc::clone(&self.connections), Table::of(project, view));
        Ok(self.writes.run(move || connections.write(|writer| table.create(writer))).await?)
    }

    #[instrument(name = "larder_online.remove_view", level = "debug", skip_all, fields(project, view))]
    async fn remove_view(&self, project: &str, view: &str) -> Result<()> {
        let (connections, table) = (Arc::clone(&self.connections), Table::of(project, view));
        Ok(self.writes.run(move || connections.write(|writer| table.remove(writer))).await?)
    }
}
