//! Who may call when: bounded slots, shared fairly among views.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::{SandboxLimits, UdfError};
use larder_blocking::run_with;

/// The calls that all transformations of a runtime may make at the same time.
///
/// Short calls have slots of their own, so no number of long ones delays them. Of the other slots one
/// view gets at most half: a view that uses up its time at every call leaves room for the rest.
#[derive(Debug)]
pub(crate) struct CallSlots {
    long: Arc<Semaphore>,
    quick: Semaphore,
    share: usize,
}

/// What one transformation may have of the slots.
#[derive(Debug)]
pub(crate) struct Share {
    size: usize,
    permits: Arc<Semaphore>,
}

impl Share {
    pub(crate) fn size(&self) -> usize {
        self.size
    }
}

impl CallSlots {
    pub(crate) fn new(sandbox: &SandboxLimits) -> Self {
        let long = sandbox.concurrent_calls.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            long: Arc::new(Semaphore::new(long)),
            quick: Semaphore::new(sandbox.quick_calls.min(Semaphore::MAX_PERMITS)),
            share: long.div_ceil(2),
        }
    }

    pub(crate) fn share(&self) -> Share {
        Share { size: self.share, permits: Arc::new(Semaphore::new(self.share)) }
    }

    /// A slot for a short call on this thread, if one is free now.
    pub(crate) fn try_quick(&self) -> Option<SemaphorePermit<'_>> {
        self.quick.try_acquire().ok()
    }

    /// Runs `work` once, off the async threads. Whoever comes later waits, in the order of coming; adds
    /// how long.
    ///
    /// # Cancel safety
    ///
    /// Work that has begun goes on when the future is dropped, and keeps its slot until it ends.
    pub(crate) async fn run<T, F>(&self, share: &Share, work: F) -> Result<(T, Duration), UdfError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let asked = Instant::now();
        let own = acquire(&share.permits).await?;
        let slot = acquire(&self.long).await?;
        let waited = asked.elapsed();
        Ok((run_with((own, slot), move || Ok::<_, UdfError>(work())).await?, waited))
    }
}

async fn acquire(permits: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, UdfError> {
    Arc::clone(permits).acquire_owned().await.map_err(|_| UdfError::Closed)
}
