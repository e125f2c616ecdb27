//! The clock of time limits: a thread that advances the engine's epoch.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use wasmtime::Engine;

/// One step of the epoch: how exactly time limits are kept.
pub(crate) const TICK: Duration = Duration::from_millis(1);

/// Advances the epoch of an engine once a [`TICK`], until it is dropped.
#[derive(Debug)]
pub(crate) struct EpochTicker {
    /// Dropped first, which wakes and ends the thread.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl EpochTicker {
    pub(crate) fn start(engine: &Engine) -> std::io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let engine = engine.weak();
        let thread = std::thread::Builder::new().name("larder-udf-epoch".to_owned()).spawn(move || {
            #[expect(clippy::disallowed_methods, reason = "time limits are about real time, not domain time")]
            let start = Instant::now();
            let mut ticks = 0;
            while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                let Some(engine) = engine.upgrade() else { return };
                // A busy machine wakes this thread late; the epoch follows the clock, not the wake-ups.
                let due = start.elapsed().as_millis();
                while ticks < due {
                    engine.increment_epoch();
                    ticks += 1;
                }
            }
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for EpochTicker {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was reported when it happened.
            drop(thread.join());
        }
    }
}

/// The epochs after which a call that may take `wall_time` is interrupted. The current epoch has
/// begun already and does not count.
pub(crate) fn ticks_of(wall_time: Duration) -> u64 {
    /// A hundred years; far from overflow of the epoch counter.
    const LONGEST: u64 = 100 * 366 * 86_400 * 1_000;
    let ticks = wall_time.as_nanos().div_ceil(TICK.as_nanos());
    u64::try_from(ticks).unwrap_or(LONGEST).min(LONGEST) + 1
}
