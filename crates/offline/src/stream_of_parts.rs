//! Rows in parts, from a thread that reads them to an async caller.

use futures::stream::{self, BoxStream, StreamExt};
use tokio::sync::mpsc;
use tokio::task::JoinError;

use crate::error::OfflineError;

/// Parts that lie ready while the caller is busy with one.
const PARTS_AHEAD: usize = 2;

/// Streams what `work` gives, which waits while the caller is busy, and is told by `false` when the
/// caller has dropped the stream.
///
/// It takes no permit: its caller may join or append between two parts.
pub(crate) fn stream_of_parts<T, F>(work: F) -> BoxStream<'static, larder_core::Result<T>>
where
    T: Send + 'static,
    F: FnOnce(&mut dyn FnMut(T) -> bool) -> Result<(), OfflineError> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(PARTS_AHEAD);
    let task = tokio::task::spawn_blocking(move || {
        let result = work(&mut |part| sender.blocking_send(Ok(part)).is_ok());
        if let Err(error) = result {
            // Nobody to tell if the caller has gone.
            let _ = sender.blocking_send(Err(error.into()));
        }
    });
    // The end of the channel is the end of the rows only if the work came to its end as well.
    stream::unfold((receiver, Some(task)), |(mut receiver, mut task)| async {
        let part = match receiver.recv().await {
            Some(part) => Some(part),
            None => match task.take()?.await.map_err(JoinError::try_into_panic) {
                Ok(()) => None,
                Err(Ok(panic)) => std::panic::resume_unwind(panic),
                Err(Err(_cancelled)) => Some(Err(OfflineError::Closed.into())),
            },
        };
        Some((part?, (receiver, task)))
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use std::panic::AssertUnwindSafe;

    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn an_error_ends_the_stream_and_a_panic_is_not_an_end() {
        let failing: Vec<_> = stream_of_parts::<(), _>(|_| Err(OfflineError::Closed)).collect().await;
        assert!(matches!(failing.as_slice(), [Err(_)]));
        let panicking = stream_of_parts::<(), _>(|_| panic!("a bug")).collect::<Vec<_>>();
        assert!(AssertUnwindSafe(panicking).catch_unwind().await.is_err());
    }
}
