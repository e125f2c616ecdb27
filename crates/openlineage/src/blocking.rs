//! The one crossing from async threads to the blocking pool, for the store of events.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::LineageError;

/// A bounded way to the blocking pool.
#[derive(Debug)]
pub(crate) struct BlockingLane {
    permits: Arc<Semaphore>,
}

impl BlockingLane {
    /// A way for `width` pieces of work at once; more wait, in order.
    pub(crate) fn new(width: usize) -> Self {
        Self { permits: Arc::new(Semaphore::new(width.min(Semaphore::MAX_PERMITS))) }
    }

    /// Runs `work` on the blocking pool. A panic in it continues here.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, LineageError> + Send + 'static,
    ) -> Result<T, LineageError> {
        let permits = Arc::clone(&self.permits);
        let permit = permits.acquire_owned().await.map_err(|_closed| LineageError::Closed)?;
        let run = move || {
            let result = work();
            drop(permit);
            result
        };
        match tokio::task::spawn_blocking(run).await {
            Ok(result) => result,
            Err(join) => match join.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_cancelled) => Err(LineageError::Closed),
            },
        }
    }
}
