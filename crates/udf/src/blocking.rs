//! The one place where work leaves the async threads.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::UdfError;

/// Runs work on tokio's blocking pool, so much of it at a time and no more. Whoever comes later
/// waits, in the order of coming.
#[derive(Debug)]
pub(crate) struct BlockingSlots(Arc<Semaphore>);

impl BlockingSlots {
    pub(crate) fn new(slots: usize) -> Self {
        Self(Arc::new(Semaphore::new(slots.clamp(1, Semaphore::MAX_PERMITS))))
    }

    /// Runs `work` once.
    ///
    /// # Cancel safety
    ///
    /// Work that has begun goes on when the future is dropped, and keeps its slot until it ends.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, UdfError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let permit = Arc::clone(&self.0).acquire_owned().await.map_err(|_| UdfError::Closed)?;
        run_with(permit, work).await
    }
}

/// Runs `work` once on tokio's blocking pool, and keeps `permit` until it ends.
pub(crate) async fn run_with<T, F>(permit: impl Send + 'static, work: F) -> Result<T, UdfError>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let task = tokio::task::spawn_blocking(move || {
        let result = work();
        drop(permit);
        result
    });
    task.await.map_err(|join| match join.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_cancelled) => UdfError::Closed,
    })
}
