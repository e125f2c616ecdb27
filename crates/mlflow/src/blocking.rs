//! The one crossing from async threads to the blocking pool, for requests to MLflow.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::MlflowError;

/// Lets a bounded number of requests wait for answers at a time.
#[derive(Clone, Debug)]
pub(crate) struct Blocking {
    permits: Arc<Semaphore>,
}

const CALLS_AT_A_TIME: usize = 8;

impl Blocking {
    pub(crate) fn new() -> Self {
        Self { permits: Arc::new(Semaphore::new(CALLS_AT_A_TIME)) }
    }

    /// Runs `work` on the blocking pool. A panic in it continues here.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, MlflowError>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, MlflowError> + Send + 'static,
    {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| MlflowError::Ending)?;
        let task = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(permit);
            result
        });
        task.await.unwrap_or_else(|join| match join.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_cancelled) => Err(MlflowError::Ending),
        })
    }
}
