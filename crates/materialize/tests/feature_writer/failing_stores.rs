//! Online stores that misbehave in the ways real ones do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use larder_core::{
    EntityKey, Error, ErrorKind, OnlineRead, OnlineRows, OnlineStore, OnlineWrite, Result, WriteOutcome,
};
use larder_online::MemoryOnlineStore;
use tokio::sync::Mutex;

use crate::world::Journal;

/// A store that crashes at a chosen call and comes back with what was flushed, and with as much of the
/// rest as chance leaves it.
#[derive(Debug)]
pub(crate) struct CrashingStore(Mutex<State>);

/// What may be left of writes that were not flushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Survival {
    /// Some rows of each write, whatever became of writes before it.
    AnyRows,
    /// All rows up to some moment, as in a store with a log.
    Prefix,
}

#[derive(Debug)]
struct State {
    live: Arc<MemoryOnlineStore>,
    durable: Vec<OnlineWrite>,
    unflushed: Vec<OnlineWrite>,
    calls_until_crash: Option<usize>,
    survival: Survival,
    chance: u64,
}

impl CrashingStore {
    pub(crate) fn new(survival: Survival, seed: u64) -> Self {
        Self(Mutex::new(State {
            live: Arc::default(),
            durable: Vec::new(),
            unflushed: Vec::new(),
            calls_until_crash: None,
            survival,
            chance: seed,
        }))
    }

    /// Crashes at the call after the next `calls` writes and flushes.
    pub(crate) async fn crash_after(&self, calls: usize) {
        self.0.lock().await.calls_until_crash = Some(calls);
    }

    /// No more crashes.
    pub(crate) async fn settle(&self) {
        self.0.lock().await.calls_until_crash = None;
    }
}

impl State {
    fn crashes_now(&mut self) -> bool {
        match self.calls_until_crash {
            Some(0) => {
                self.calls_until_crash = None;
                true
            }
            Some(calls) => {
                self.calls_until_crash = Some(calls - 1);
                false
            }
            None => false,
        }
    }

    async fn crash(&mut self) -> Error {
        let unflushed = std::mem::take(&mut self.unflushed);
        let whole = usize::try_from(next(&mut self.chance)).unwrap_or_default() % (unflushed.len() + 1);
        for (at, write) in unflushed.into_iter().enumerate() {
            if self.survival == Survival::Prefix && at != whole {
                if at < whole {
                    self.durable.push(write);
                }
                continue;
            }
            let rows = write.keys.len();
            let surviving = usize::try_from(next(&mut self.chance)).unwrap_or_default() % (rows + 1);
            self.durable.push(OnlineWrite {
                view: write.view,
                keys: write.keys[..surviving].to_vec(),
                versions: write.versions[..surviving].to_vec(),
                features: write.features.slice(0, surviving),
            });
        }
        self.live = Arc::default();
        for write in &self.durable {
            self.live.write(write.clone()).await.unwrap();
        }
        Error::new(ErrorKind::Unavailable, "the store has crashed")
    }
}

#[async_trait]
impl OnlineStore for CrashingStore {
    fn kind(&self) -> &'static str {
        "memory"
    }

    async fn read(&self, reads: Vec<OnlineRead>) -> Result<Vec<OnlineRows>> {
        let live = Arc::clone(&self.0.lock().await.live);
        live.read(reads).await
    }

    async fn write(&self, write: OnlineWrite) -> Result<WriteOutcome> {
        let mut state = self.0.lock().await;
        state.unflushed.push(write.clone());
        if state.crashes_now() {
            return Err(state.crash().await);
        }
        state.live.write(write).await
    }

    async fn keys(&self, project: &str, view: &str) -> Result<Vec<EntityKey>> {
        self.0.lock().await.live.keys(project, view).await
    }

    async fn flush(&self) -> Result<()> {
        let mut state = self.0.lock().await;
        if state.crashes_now() {
            return Err(state.crash().await);
        }
        let unflushed = std::mem::take(&mut state.unflushed);
        state.durable.extend(unflushed);
        Ok(())
    }

    async fn remove_view(&self, project: &str, view: &str) -> Result<()> {
        self.0.lock().await.live.remove_view(project, view).await
    }
}

/// A store that lets others go first at every call, as often as chance has it. On a single thread it
/// makes tasks interleave in an order that the seed decides.
#[derive(Debug)]
pub(crate) struct YieldingStore {
    inner: Arc<dyn OnlineStore>,
    chance: AtomicU64,
}

impl YieldingStore {
    pub(crate) fn new(inner: Arc<dyn OnlineStore>, seed: u64) -> Self {
        Self { inner, chance: AtomicU64::new(seed) }
    }

    async fn yield_some(&self) {
        let mut chance = self.chance.load(Ordering::SeqCst);
        // Mostly short waits, so that a long one is overtaken by several calls of others.
        let turns =
            if next(&mut chance).is_multiple_of(4) { next(&mut chance) % 30 } else { next(&mut chance) % 3 };
        self.chance.store(chance, Ordering::SeqCst);
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
    }
}

#[async_trait]
impl OnlineStore for YieldingStore {
    fn kind(&self) -> &'static str {
        self.inner.kind()
    }

    async fn read(&self, reads: Vec<OnlineRead>) -> Result<Vec<OnlineRows>> {
        self.yield_some().await;
        let rows = self.inner.read(reads).await;
        self.yield_some().await;
        rows
    }

    async fn write(&self, write: OnlineWrite) -> Result<WriteOutcome> {
        self.yield_some().await;
        let outcome = self.inner.write(write).await;
        self.yield_some().await;
        outcome
    }

    async fn keys(&self, project: &str, view: &str) -> Result<Vec<EntityKey>> {
        self.inner.keys(project, view).await
    }

    async fn flush(&self) -> Result<()> {
        self.yield_some().await;
        self.inner.flush().await
    }

    async fn remove_view(&self, project: &str, view: &str) -> Result<()> {
        self.inner.remove_view(project, view).await
    }
}

/// A store that notes every write and flush.
#[derive(Debug)]
pub(crate) struct JournalingStore {
    inner: MemoryOnlineStore,
    journal: Journal,
}

impl JournalingStore {
    pub(crate) fn new(journal: &Journal) -> Self {
        Self { inner: MemoryOnlineStore::new(), journal: Arc::clone(journal) }
    }
}

#[async_trait]
impl OnlineStore for JournalingStore {
    fn kind(&self) -> &'static str {
        "memory"
    }

    async fn read(&self, reads: Vec<OnlineRead>) -> Result<Vec<OnlineRows>> {
        self.inner.read(reads).await
    }

    async fn write(&self, write: OnlineWrite) -> Result<WriteOutcome> {
        self.journal.lock().unwrap().push(format!("write {}", write.view.name));
        self.inner.write(write).await
    }

    async fn keys(&self, project: &str, view: &str) -> Result<Vec<EntityKey>> {
        self.inner.keys(project, view).await
    }

    async fn flush(&self) -> Result<()> {
        self.journal.lock().unwrap().push("flush".to_owned());
        self.inner.flush().await
    }

    async fn remove_view(&self, project: &str, view: &str) -> Result<()> {
        self.inner.remove_view(project, view).await
    }
}

/// The next number of a short, fair sequence (splitmix64).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) >> 8
}
