//! The connections to the file: one that writes, as many that read as there are reads at once.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use tracing::warn;

use super::schema;
use crate::LineageError;

/// How long a write waits for another process that writes, before it fails.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Statements that a connection keeps prepared.
const PREPARED_STATEMENTS: usize = 64;

#[derive(Debug)]
pub(super) struct Connections {
    path: PathBuf,
    writer: Mutex<Connection>,
    idle_readers: Mutex<Vec<Connection>>,
}

/// An error inside a transaction: SQLite's, which the connection tells the file of, or one that is complete.
#[derive(Debug)]
pub(super) enum TransactionError {
    Sqlite(rusqlite::Error),
    Lineage(LineageError),
}

impl From<rusqlite::Error> for TransactionError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<LineageError> for TransactionError {
    fn from(error: LineageError) -> Self {
        Self::Lineage(error)
    }
}

impl Connections {
    pub(super) fn open(path: PathBuf) -> Result<Self, LineageError> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder)
                .map_err(|source| LineageError::Folder { path: folder.to_owned(), source })?;
        }
        let writer = open_writer(&path).map_err(LineageError::sqlite("open", &path))?;
        Ok(Self { path, writer: Mutex::new(writer), idle_readers: Mutex::default() })
    }

    /// Runs `ask` on one state of the file.
    pub(super) fn read<T>(
        &self,
        ask: impl FnOnce(Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, LineageError> {
        let idle = self.idle_readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let read = || {
            let mut reader = match idle {
                Some(reader) => reader,
                None => open_reader(&self.path)?,
            };
            let answer = ask(reader.transaction_with_behavior(TransactionBehavior::Deferred)?)?;
            self.idle_readers.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
            Ok(answer)
        };
        read().map_err(LineageError::sqlite("read", &self.path))
    }

    /// Runs `work` as one transaction: all of it takes effect, durably, or nothing.
    pub(super) fn write<T>(
        &self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, TransactionError>,
    ) -> Result<T, LineageError> {
        // After a panic the transaction has been rolled back, and the connection is as good as before.
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let write = || {
            // Takes the writer's place at once, since a reader that wants to write later may be refused.
            let mut transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let outcome = work(&mut transaction)?;
            transaction.commit()?;
            Ok(outcome)
        };
        write().map_err(|error| match error {
            TransactionError::Sqlite(source) => LineageError::sqlite("write", &self.path)(source),
            TransactionError::Lineage(error) => error,
        })
    }
}

fn open_writer(path: &Path) -> rusqlite::Result<Connection> {
    let mut connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    // Commits wait for the disk, so that what was acknowledged survives a power cut.
    connection.pragma_update(None, "synchronous", "FULL")?;
    let mode = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0));
    if !mode.as_ref().is_ok_and(|mode| mode.eq_ignore_ascii_case("wal")) {
        warn!(path = %path.display(), "the file is not in WAL mode; reads and writes will wait for each other");
    }
    schema::create(&mut connection)?;
    Ok(connection)
}

fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    // Also readers write, to the index of the WAL.
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn open(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    // One thread at a time has a connection, so it needs no lock of its own.
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(PREPARED_STATEMENTS);
    Ok(connection)
}
