//! The embedded store.

mod catalog;
pub(crate) mod data_folder;
mod durable_flush;
mod newest_wins;
mod read;
mod row_key;
mod stored_view;
mod write;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use larder_core::{
    EntityKey, OnlineRead, OnlineRows, OnlineStore, OnlineWrite, Result, WriteOutcome, WritePolicy,
};
use tracing::{instrument, warn};

use self::catalog::Catalog;
use self::data_folder::DataFolder;
use self::durable_flush::DurableFlush;
use self::row_key::ViewId;
use self::stored_view::{StoredView, StoredViews};
use crate::OnlineError;
use crate::server_address::{PublishedAddress, ServerAddress};
use crate::surviving_rows::check_even;
use larder_blocking::Lane;

/// How sled runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SledOptions {
    /// How many bytes of pages sled keeps in memory. Sled holds up to about twice as much while it
    /// writes.
    pub cache_bytes: u64,
    /// Requests for at most so many rows are read on the caller's thread, as long as the store's files
    /// are no larger than `cache_bytes`; 0 sends every read to the blocking pool.
    ///
    /// A row that is in memory is read and decoded in 1-2 µs, and a hop to the blocking pool and back
    /// costs 10-30 µs of CPU, as much as all the rest of a small request. While the whole store fits
    /// into the cache a page is read from disk at most once, after the start; when it does not, any
    /// read may wait for the disk and goes to the pool.
    pub inline_read_rows: usize,
    /// Reads that run on the blocking pool at once; more wait, in order.
    pub concurrent_reads: usize,
    /// Writes, flushes and removals that run at once; more wait, in order. Reads do not wait for them.
    pub concurrent_writes: usize,
    /// Which of two rows of one key stays.
    pub write_policy: WritePolicy,
}

impl Default for SledOptions {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self {
            cache_bytes: 1 << 30,
            inline_read_rows: 64,
            // Reads may wait for the disk, writes go to memory and a sequential log.
            concurrent_reads: 4 * cores,
            concurrent_writes: 2 * cores,
            write_policy: WritePolicy::NewestWins,
        }
    }
}

/// Sled writes its log and cleans up its old parts in one background task, this often. Without the task
/// the log would never shrink, so it stays on. Nothing relies on it for durability: that is
/// [`flush`](OnlineStore::flush). It also bounds what a crash can take of writes nobody flushed.
const BACKGROUND_FLUSH: Duration = Duration::from_millis(500);

/// How long a store that this process has just dropped may take to let go of sled's files.
const SLED_RELEASE_ATTEMPTS: usize = 500;
const SLED_RELEASE_PAUSE: Duration = Duration::from_millis(10);

/// Rows in sled, in one folder of this machine.
///
/// One process at a time has the folder open; see [`OnlineError::Locked`] and
/// [`publish_address`](Self::publish_address). Rows are laid out by the bytes of
/// [`row`](crate::row) under keys that begin with the entity, so that all views of an entity lie
/// together. Reads of one request that share their `keys` (the same `Arc`) are answered entity by entity
/// and use that.
///
/// Writes decide which row stays inside one atomic step per row, and go to sled in the order of their keys.
/// A write that was cancelled may still take effect.
#[derive(Debug)]
pub struct SledOnlineStore {
    store: Arc<Store>,
    reads: Lane,
    writes: Lane,
    inline_read_rows: usize,
}

impl SledOnlineStore {
    /// Opens the store in `folder`, which is created if it is missing. Blocks the thread, for as long as
    /// sled takes to recover after a crash.
    ///
    /// # Errors
    ///
    /// [`OnlineError::Locked`] if another process has it open, [`OnlineError::UnknownFormat`] if it was
    /// written by an unknown version or not by larder, [`OnlineError::Folder`] and
    /// [`OnlineError::Open`] if its files cannot be used.
    pub fn open(folder: impl AsRef<Path>, options: SledOptions) -> Result<Self, OnlineError> {
        Ok(Self {
            store: Arc::new(Store::open(folder.as_ref(), options)?),
            reads: Lane::new(options.concurrent_reads),
            writes: Lane::new(options.concurrent_writes),
            inline_read_rows: options.inline_read_rows,
        })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        self.store.folder.path()
    }

    /// Tells other processes, through [`ServerAddress::read`] and [`OnlineError::Locked`], that this one
    /// answers at `http` for the store, by TLS with this certificate if there is one. The address is taken back when the returned value is dropped;
    /// until then the folder stays locked.
    ///
    /// # Errors
    ///
    /// [`OnlineError::Folder`] if the file cannot be written.
    pub fn publish_address(
        &self,
        http: SocketAddr,
        certificate: Option<Vec<u8>>,
    ) -> Result<PublishedAddress, OnlineError> {
        let address = ServerAddress { http, pid: std::process::id(), certificate };
        PublishedAddress::publish(Arc::clone(&self.store.folder), &address)
    }

    fn reads_inline(&self, reads: &[OnlineRead]) -> bool {
        self.store.fits_cache.load(Ordering::Relaxed)
            && reads.iter().map(|read| read.keys.len()).sum::<usize>() <= self.inline_read_rows
    }
}

#[async_trait]
impl OnlineStore for SledOnlineStore {
    fn kind(&self) -> &'static str {
        "sled"
    }

    fn write_policy(&self) -> WritePolicy {
        self.store.write_policy
    }

    #[instrument(name = "larder_online.read", level = "debug", skip_all, fields(reads = reads.len()))]
    async fn read(&self, reads: Vec<OnlineRead>) -> Result<Vec<OnlineRows>> {
        if self.reads_inline(&reads) {
            return Ok(self.store.read(&reads)?);
        }
        let store = Arc::clone(&self.store);
        Ok(self.reads.run(move || store.read(&reads)).await?)
    }

    #[instrument(
        name = "larder_online.write", level = "debug", skip_all,
        fields(view = write.view.name, rows = write.keys.len())
    )]
    async fn write(&self, write: OnlineWrite) -> Result<WriteOutcome> {
        let store = Arc::clone(&self.store);
        Ok(self.writes.run(move || store.write(&write)).await?)
    }

    #[instrument(name = "larder_online.keys", level = "debug", skip_all, fields(project, view))]
    async fn keys(&self, project: &str, view: &str) -> Result<Vec<EntityKey>> {
        let store = Arc::clone(&self.store);
        let (project, view) = (project.to_owned(), view.to_owned());
        Ok(self.reads.run(move || store.keys(&project, &view)).await?)
    }

    #[instrument(name = "larder_online.flush", level = "debug", skip_all)]
    async fn flush(&self) -> Result<()> {
        let store = Arc::clone(&self.store);
        Ok(self.writes.run(move || store.flush()).await?)
    }

    #[instrument(name = "larder_online.remove_view", level = "debug", skip_all, fields(project, view))]
    async fn remove_view(&self, project: &str, view: &str) -> Result<()> {
        let store = Arc::clone(&self.store);
        let (project, view) = (project.to_owned(), view.to_owned());
        Ok(self.writes.run(move || store.remove_view(&project, &view)).await?)
    }
}

/// The synchronous store. Fields are dropped in order, the lock of the folder last.
#[derive(Debug)]
struct Store {
    catalog: Catalog,
    views: StoredViews,
    flush: DurableFlush,
    fits_cache: AtomicBool,
    cache_bytes: u64,
    write_policy: WritePolicy,
    db: sled::Db,
    folder: Arc<DataFolder>,
}

impl Store {
    fn open(path: &Path, options: SledOptions) -> Result<Self, OnlineError> {
        let folder = DataFolder::open(path)?;
        let db = open_sled(&folder, options)?;
        let store = Self {
            catalog: Catalog::open(&db)?,
            views: StoredViews::default(),
            flush: DurableFlush::open(&folder.sled())?,
            fits_cache: AtomicBool::new(false),
            cache_bytes: options.cache_bytes,
            write_policy: options.write_policy,
            db,
            folder: Arc::new(folder),
        };
        store.flush()?;
        Ok(store)
    }

    fn read(&self, reads: &[OnlineRead]) -> Result<Vec<OnlineRows>, OnlineError> {
        let views: Vec<Arc<StoredView>> = reads
            .iter()
            .map(|read| self.views.get(&self.db, &self.catalog, &read.view))
            .collect::<Result<_, _>>()?;
        read::read(&self.catalog, &views, reads)
    }

    fn write(&self, write: &OnlineWrite) -> Result<WriteOutcome, OnlineError> {
        check_even(write)?;
        let view = self.views.get(&self.db, &self.catalog, &write.view)?;
        let _entered = view.enter(&self.catalog, || self.flush())?;
        write::write(&view, write, self.write_policy)
    }

    fn flush(&self) -> Result<(), OnlineError> {
        self.flush.flush(&self.db)?;
        self.fits_cache.store(self.flush.log_bytes()? <= self.cache_bytes, Ordering::Relaxed);
        Ok(())
    }

    /// Walks the whole project, as [`remove_view`](Self::remove_view).
    fn keys(&self, project: &str, view: &str) -> Result<Vec<EntityKey>, OnlineError> {
        let id = ViewId::of(view);
        if !self.catalog.contains(project, id)? {
            return Ok(Vec::new());
        }
        let mut keys = Vec::new();
        for key in catalog::open_rows(&self.db, project)?.iter().keys() {
            let key = key.map_err(OnlineError::io(view))?;
            if let Some((entity, owner)) = ViewId::split(&key)
                && owner == id
            {
                keys.push(EntityKey::from_bytes(entity));
            }
        }
        Ok(keys)
    }

    /// Walks the whole project, since rows lie by entity; not at all if the view never had rows.
    fn remove_view(&self, project: &str, view: &str) -> Result<(), OnlineError> {
        let id = ViewId::of(view);
        let gate = self.catalog.gate(project, id);
        let mut known = gate.write().unwrap_or_else(PoisonError::into_inner);
        if self.catalog.contains(project, id)? {
            let rows = catalog::open_rows(&self.db, project)?;
            for key in rows.iter().keys() {
                let key = key.map_err(OnlineError::io(view))?;
                if id.owns(&key) {
                    rows.remove(&key).map_err(OnlineError::io(view))?;
                }
            }
            // Last, so that a removal cut short by a crash is not taken for done.
            self.catalog.remove(project, id)?;
        }
        *known = false;
        self.flush()
    }
}

fn open_sled(folder: &DataFolder, options: SledOptions) -> Result<sled::Db, OnlineError> {
    let every = u64::try_from(BACKGROUND_FLUSH.as_millis()).expect("half a second");
    let config = sled::Config::new()
        .path(folder.sled())
        .cache_capacity(options.cache_bytes)
        .flush_every_ms(Some(every));
    let mut attempt = 1;
    loop {
        match config.open() {
            Ok(db) => return Ok(db),
            // The folder is ours, so this is a store of this process whose last background task ends.
            Err(error) if is_lock_error(&error) && attempt < SLED_RELEASE_ATTEMPTS => {
                if attempt == 1 {
                    warn!(folder = %folder.path().display(), "waiting for the last user of the store to let go");
                }
                attempt += 1;
                thread::sleep(SLED_RELEASE_PAUSE);
            }
            Err(source) => return Err(OnlineError::Open { path: folder.path().to_owned(), source }),
        }
    }
}

fn is_lock_error(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(error) if error.to_string().starts_with("could not acquire lock"))
}
