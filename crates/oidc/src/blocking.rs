//! The one crossing from async threads to the blocking pool, for requests to the provider.

use crate::OidcError;

/// Runs `work` on the blocking pool. A panic in it continues here.
pub(crate) async fn run<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, OidcError> + Send + 'static,
) -> Result<T, OidcError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(join) => match join.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_cancelled) => Err(OidcError::Ending),
        },
    }
}
