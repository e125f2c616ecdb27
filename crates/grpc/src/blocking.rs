//! The one crossing from async threads to the blocking pool, for registry files.

use larder_core::{Error, ErrorKind, Result};

/// Runs `work` on the blocking pool. A panic in it continues here.
pub(crate) async fn run<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(join) => match join.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(cancelled) => Err(Error::new(ErrorKind::Unavailable, cancelled)),
        },
    }
}
