//! Flushes that many callers share.

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::data_folder::{failed, sync_parent};
use crate::OnlineError;

/// Makes writes durable, once for all callers that wait at the same time.
///
/// `sled::Db::flush` hands the log to the kernel and waits for `sync_file_range`, which survives the
/// death of the process. It does not write file sizes nor empty the disk's own cache, so an `fdatasync`
/// of the log follows. Values larger than a segment of the log (512 KiB) lie in files of their own,
/// which nobody syncs: they survive the process, not a power cut.
#[derive(Debug)]
pub(super) struct DurableFlush {
    log: File,
    /// Flushes asked for so far.
    asked: AtomicU64,
    /// The last ask that a finished flush covered.
    covered: Mutex<u64>,
}

impl DurableFlush {
    /// Prepares to flush the open sled database in `folder`.
    pub(super) fn open(folder: &Path) -> Result<Self, OnlineError> {
        let path = folder.join("db");
        // Some systems sync only what was opened for writing.
        let log = OpenOptions::new().read(true).write(true).open(&path).map_err(failed("open", &path))?;
        sync_parent(&path).and_then(|()| sync_parent(folder)).map_err(failed("sync", folder))?;
        Ok(Self { log, asked: AtomicU64::new(0), covered: Mutex::new(0) })
    }

    /// How long the log is.
    pub(super) fn log_bytes(&self) -> Result<u64, OnlineError> {
        let metadata = self.log.metadata();
        let length = metadata.map(|metadata| metadata.len());
        length.map_err(|error| OnlineError::Io { subject: "log".to_owned(), source: error.into() })
    }

    /// Returns once everything written before the call is durable.
    pub(super) fn flush(&self, db: &sled::Db) -> Result<(), OnlineError> {
        let ask = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let mut covered = self.covered.lock().unwrap_or_else(PoisonError::into_inner);
        if *covered >= ask {
            return Ok(());
        }
        // Whoever asked up to here wrote before this flush begins.
        let covers = self.asked.load(Ordering::SeqCst);
        db.flush().map_err(OnlineError::io("flush"))?;
        self.log
            .sync_data()
            .map_err(|error| OnlineError::Io { subject: "flush".to_owned(), source: error.into() })?;
        *covered = covers;
        Ok(())
    }
}
