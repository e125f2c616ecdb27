//! The crossing between async threads, which only wait, and work over many rows.

use larder_core::Result;

/// Below this many rows the work is done before another thread would have woken up.
const INLINE_ROWS: usize = 1_024;

/// Runs `work` over `rows` rows: at once if they are few, else on the blocking pool.
pub(crate) async fn run<T, F>(rows: usize, work: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T> + Send + 'static,
{
    if rows <= INLINE_ROWS {
        return work();
    }
    larder_blocking::run(work).await
}
