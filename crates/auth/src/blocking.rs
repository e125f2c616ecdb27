//! The one crossing from async threads to the blocking pool, for requests to a provider or a cluster.

use crate::AuthError;

/// Runs `work` on the blocking pool. A panic in it continues here.
pub(crate) async fn run<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, AuthError> + Send + 'static,
) -> Result<T, AuthError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(join) => match join.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_cancelled) => Err(AuthError::Ending),
        },
    }
}
