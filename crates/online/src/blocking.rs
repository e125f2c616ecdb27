//! The one place where async meets stores on disk. Below it everything is plain synchronous code.
//!
//! Writes, flushes and removals always come through here; so do reads, except small ones of a sled that
//! fits into its cache: for them the way here and back costs more than the read. See
//! [`SledOptions::inline_read_rows`](crate::SledOptions::inline_read_rows).

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::OnlineError;

/// A bounded way to the blocking pool.
#[derive(Debug)]
pub(crate) struct BlockingLane {
    permits: Arc<Semaphore>,
}

impl BlockingLane {
    /// A lane on which at most `width` pieces of work run at once; more wait, in order.
    pub(crate) fn new(width: usize) -> Self {
        Self { permits: Arc::new(Semaphore::new(width.max(1))) }
    }

    /// Runs `work` once on the blocking pool. Call it per request, not per key.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it got its turn, the work never starts; dropped later, it runs to its end.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, OnlineError>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, OnlineError> + Send + 'static,
    {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| OnlineError::Closed)?;
        let task = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(permit);
            result
        });
        task.await.unwrap_or_else(|join| match join.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_cancelled) => Err(OnlineError::Closed),
        })
    }
}
