//! What a run has used up, and who stops it.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use larder_core::JobLimits;
use tokio::runtime::Handle;
use tokio::sync::watch;

/// Why a run is stopped in the middle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Stop {
    /// The time in the job's own code is used up.
    #[error("the compute time is used up")]
    ComputeTime,
    /// The time of the run is used up.
    #[error("the wall time is used up")]
    WallTime,
    /// Nobody waits for the run any more.
    #[error("the run was cancelled")]
    Cancelled,
}

/// The time of a run. It starts with the run, and its compute time stands still while larder works.
pub(crate) struct Stopwatch {
    compute_limit: Duration,
    deadline: Option<Instant>,
    computed: Duration,
    /// When the guest was last entered.
    entered: Instant,
    runtime: Handle,
    /// Its other end goes when the run is given up.
    given_up: watch::Receiver<()>,
}

impl fmt::Debug for Stopwatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stopwatch").field("computed", &self.computed).finish_non_exhaustive()
    }
}

impl Stopwatch {
    /// Starts now. `runtime` is where waiting happens.
    pub(crate) fn start(limits: &JobLimits, runtime: Handle, given_up: watch::Receiver<()>) -> Self {
        let now = now();
        Self {
            compute_limit: limits.compute_time,
            // A time that no clock can show is no limit.
            deadline: now.checked_add(limits.wall_time),
            computed: Duration::ZERO,
            entered: now,
            runtime,
            given_up,
        }
    }

    /// Whether the guest may go on.
    pub(crate) fn check(&self) -> Result<(), Stop> {
        let now = now();
        if self.given_up.has_changed().is_err() {
            return Err(Stop::Cancelled);
        }
        if self.deadline.is_some_and(|deadline| now >= deadline) {
            return Err(Stop::WallTime);
        }
        if self.computed + now.duration_since(self.entered) > self.compute_limit {
            return Err(Stop::ComputeTime);
        }
        Ok(())
    }

    /// Waits for work of larder's, which costs the guest no compute time.
    pub(crate) fn wait<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Stop> {
        self.check()?;
        self.computed += now().duration_since(self.entered);
        let (deadline, given_up) = (self.deadline, &mut self.given_up);
        let waited = self.runtime.block_on(async move {
            let out_of_time = async {
                match deadline {
                    Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                // Nothing is ever sent: a change is the end of the sender.
                _ = given_up.changed() => Err(Stop::Cancelled),
                () = out_of_time => Err(Stop::WallTime),
                done = work => Ok(done),
            }
        });
        self.entered = now();
        waited
    }
}

fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "time limits are about real time, not domain time")]
    Instant::now()
}

/// The bytes that larder holds for a run, counted down when what holds them goes.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeldBytes(Arc<AtomicUsize>);

/// Bytes that count until this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    of: HeldBytes,
    bytes: usize,
}

impl HeldBytes {
    /// Nothing yet.
    pub(crate) fn hold(&self) -> Held {
        Held { of: self.clone(), bytes: 0 }
    }
}

impl Held {
    /// Counts `bytes` more; `false` if all of the run would then hold more than `limit_bytes`, and nothing is
    /// counted.
    pub(crate) fn add(&mut self, bytes: usize, limit_bytes: usize) -> bool {
        let before = self.of.0.load(Ordering::Relaxed);
        // The run has one thread, so nobody counts in between.
        if before.saturating_add(bytes) > limit_bytes {
            return false;
        }
        self.of.0.store(before + bytes, Ordering::Relaxed);
        self.bytes += bytes;
        true
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.of.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(limits: JobLimits) -> (Stopwatch, watch::Sender<()>, tokio::runtime::Runtime) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (sender, receiver) = watch::channel(());
        (Stopwatch::start(&limits, runtime.handle().clone(), receiver), sender, runtime)
    }

    #[test]
    fn waiting_costs_wall_time_and_no_compute_time() {
        let compute_time = Duration::from_secs(1);
        let limits = JobLimits { compute_time, ..JobLimits::default() };
        let (mut watch, _sender, _runtime) = watch(limits);
        watch.wait(async { tokio::time::sleep(Duration::from_millis(1_500)).await }).unwrap();
        assert!(watch.computed < compute_time, "{watch:?}");
        watch.check().unwrap();
        std::thread::sleep(Duration::from_millis(1_100));
        assert_eq!(watch.check(), Err(Stop::ComputeTime));
    }

    #[test]
    fn work_that_hangs_ends_with_the_wall_time() {
        let limits = JobLimits { wall_time: Duration::from_millis(50), ..JobLimits::default() };
        let (mut watch, _sender, _runtime) = watch(limits);
        assert_eq!(watch.wait(std::future::pending::<()>()), Err(Stop::WallTime));
        assert_eq!(watch.check(), Err(Stop::WallTime));
    }

    #[test]
    fn a_run_that_is_given_up_stops_waiting() {
        let (mut watch, sender, _runtime) = watch(JobLimits::default());
        drop(sender);
        assert_eq!(watch.wait(std::future::pending::<()>()), Err(Stop::Cancelled));
    }

    #[test]
    fn bytes_count_until_their_holder_goes() {
        let all = HeldBytes::default();
        let (mut one, mut other) = (all.hold(), all.hold());
        assert!(one.add(60, 100) && other.add(40, 100));
        assert!(!other.add(1, 100));
        drop(one);
        assert!(other.add(60, 100));
    }
}
