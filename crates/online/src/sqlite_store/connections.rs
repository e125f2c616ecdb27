//! The connections to one file: one that writes, as many that read as there are reads at once.

use std::fs;
#[cfg(unix)]
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};
use tracing::warn;

use crate::OnlineError;

/// Statements that a connection keeps prepared: a few for each of many views.
const PREPARED_STATEMENTS: usize = 512;

#[derive(Debug)]
pub(super) struct Connections {
    path: PathBuf,
    busy_timeout: Duration,
    /// Changes when somebody has put another file in the place of the one that was open.
    file: RwLock<Arc<OpenFile>>,
}

/// The connections to the file that lay at the path when they were opened.
#[derive(Debug)]
struct OpenFile {
    identity: Option<FileIdentity>,
    writer: Mutex<Connection>,
    idle_readers: Mutex<Vec<Connection>>,
}

impl Connections {
    pub(super) fn open(path: PathBuf, busy_timeout: Duration) -> Result<Self, OnlineError> {
        let file = RwLock::new(Arc::new(OpenFile::open(&path, busy_timeout)?));
        Ok(Self { path, busy_timeout, file })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `work` on one snapshot of the file.
    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, TransactionError>,
    ) -> Result<T, OnlineError> {
        let file = self.file()?;
        let failed = |source| OnlineError::sqlite("read", &self.path)(source);
        let idle = file.idle_readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut reader = match idle {
            Some(reader) => reader,
            None => open_reader(&self.path, self.busy_timeout).map_err(failed)?,
        };
        let answer = {
            let snapshot = reader.transaction_with_behavior(TransactionBehavior::Deferred).map_err(failed)?;
            work(&snapshot).map_err(|error| error.into_online(&self.path, "read"))?
        };
        file.idle_readers.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
        Ok(answer)
    }

    /// Runs `work` as one transaction: all of it takes effect, durably, or nothing.
    pub(super) fn write<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, TransactionError>,
    ) -> Result<T, OnlineError> {
        let file = self.file()?;
        let failed = |source| OnlineError::sqlite("write", &self.path)(source);
        // After a panic the transaction has been rolled back, and the connection is as good as before.
        let mut writer = file.writer.lock().unwrap_or_else(PoisonError::into_inner);
        // Takes the writer's place at once, since a reader that wants to write later may be refused.
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let outcome = work(&transaction).map_err(|error| error.into_online(&self.path, "write"))?;
        transaction.commit().map_err(failed)?;
        Ok(outcome)
    }

    /// The file at the path. `feast teardown` deletes it, and who still has it open would read and write
    /// what nobody else can see; so each use looks whether it is still there.
    fn file(&self) -> Result<Arc<OpenFile>, OnlineError> {
        let is_there = |file: &OpenFile| file.identity == FileIdentity::of(&self.path);
        let file = Arc::clone(&self.file.read().unwrap_or_else(PoisonError::into_inner));
        if is_there(&file) {
            return Ok(file);
        }
        let mut file = self.file.write().unwrap_or_else(PoisonError::into_inner);
        if !is_there(&file) {
            warn!(path = %self.path.display(), "the file has been replaced or deleted; opening it anew");
            *file = Arc::new(OpenFile::open(&self.path, self.busy_timeout)?);
        }
        Ok(Arc::clone(&file))
    }
}

impl OpenFile {
    fn open(path: &Path, busy_timeout: Duration) -> Result<Self, OnlineError> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|source| OnlineError::Folder {
                action: "create",
                path: folder.to_owned(),
                source,
            })?;
        }
        let writer = open_writer(path, busy_timeout).map_err(OnlineError::sqlite("open", path))?;
        Ok(Self {
            identity: FileIdentity::of(path),
            writer: Mutex::new(writer),
            idle_readers: Mutex::default(),
        })
    }
}

/// What tells a file from another one at the same path. Where it cannot be told, a file that is open can
/// neither be deleted nor replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileIdentity {
    #[cfg(unix)]
    device: u64,
    #[cfg(unix)]
    inode: u64,
}

impl FileIdentity {
    /// `None` if there is no file.
    fn of(path: &Path) -> Option<Self> {
        #[cfg_attr(not(unix), expect(unused_variables, reason = "it says only that there is a file"))]
        let metadata = fs::metadata(path).ok()?;
        Some(Self {
            #[cfg(unix)]
            device: metadata.dev(),
            #[cfg(unix)]
            inode: metadata.ino(),
        })
    }
}

/// An error inside a transaction: SQLite's, which the connection tells the file of, or one that is
/// complete.
#[derive(Debug)]
pub(super) enum TransactionError {
    Sqlite(rusqlite::Error),
    Online(OnlineError),
}

impl TransactionError {
    fn into_online(self, path: &Path, action: &'static str) -> OnlineError {
        match self {
            Self::Sqlite(source) => OnlineError::sqlite(action, path)(source),
            Self::Online(error) => error,
        }
    }
}

impl From<rusqlite::Error> for TransactionError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<OnlineError> for TransactionError {
    fn from(error: OnlineError) -> Self {
        Self::Online(error)
    }
}

fn open_writer(path: &Path, busy_timeout: Duration) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let connection = open(path, flags, busy_timeout)?;
    // Commits wait for the disk, so that rows that were acknowledged survive a power cut.
    connection.pragma_update(None, "synchronous", "FULL")?;
    let mode = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0));
    match mode {
        Ok(mode) if mode.eq_ignore_ascii_case("wal") => {}
        Ok(mode) => warn!(
            path = %path.display(), journal_mode = mode,
            "the file cannot be in WAL mode here; reads and writes will wait for each other"
        ),
        // Somebody is at work in the old mode, and will not mind that larder is too.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => warn!(
            path = %path.display(),
            "another process keeps the file from WAL mode; reads and writes will wait for each other"
        ),
        Err(error) => return Err(error),
    }
    Ok(connection)
}

fn open_reader(path: &Path, busy_timeout: Duration) -> rusqlite::Result<Connection> {
    // Also readers write, to the index of the WAL.
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE, busy_timeout)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn open(path: &Path, flags: OpenFlags, busy_timeout: Duration) -> rusqlite::Result<Connection> {
    // One thread at a time has a connection, so it needs no lock of its own.
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(busy_timeout)?;
    connection.set_prepared_statement_cache_capacity(PREPARED_STATEMENTS);
    Ok(connection)
}
