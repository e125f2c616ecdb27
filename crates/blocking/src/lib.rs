//! The crossing from async threads to threads that work.
//!
//! Async threads only wait. What reads a disk, asks another server or computes for long goes through [`run`], or
//! through a [`Lane`] where only so much of it may go on at a time; below them code is plain and synchronous. Both run
//! work once, on tokio's blocking pool. A panic in it continues in whoever waits for it. Call them per request, not
//! per key: the way there and back costs some ten microseconds.

use std::sync::Arc;

use larder_core::{Error, ErrorKind, Result};
use tokio::sync::Semaphore;

/// The runtime is shutting down and takes no more work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the work was given up because the program ends")]
pub struct Ending;

impl From<Ending> for Error {
    fn from(ending: Ending) -> Self {
        Self::new(ErrorKind::Unavailable, ending)
    }
}

/// Runs `work` once.
///
/// # Errors
///
/// That of `work`, or [`Ending`].
///
/// # Cancel safety
///
/// The work runs to its end even if nobody waits for it any more.
pub async fn run<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    run_as(work).await
}

/// [`run`] for work with errors of a crate's own.
///
/// # Errors
///
/// That of `work`, or [`Ending`].
pub async fn run_as<T, E, F>(work: F) -> Result<T, E>
where
    T: Send + 'static,
    E: From<Ending> + Send + 'static,
    F: FnOnce() -> Result<T, E> + Send + 'static,
{
    run_with((), work).await
}

/// Runs `work` once, and keeps `permit` until it has ended.
///
/// # Errors
///
/// That of `work`, or [`Ending`].
///
/// # Cancel safety
///
/// The work runs to its end, and keeps its permit, even if nobody waits for it any more.
pub async fn run_with<T, E, F>(permit: impl Send + 'static, work: F) -> Result<T, E>
where
    T: Send + 'static,
    E: From<Ending> + Send + 'static,
    F: FnOnce() -> Result<T, E> + Send + 'static,
{
    let task = tokio::task::spawn_blocking(move || {
        let result = work();
        drop(permit);
        result
    });
    task.await.unwrap_or_else(|join| match join.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_cancelled) => Err(Ending.into()),
    })
}

/// A crossing that is so wide and no wider.
#[derive(Clone, Debug)]
pub struct Lane(Arc<Semaphore>);

impl Lane {
    /// A lane on which `width` pieces of work run at once, and one at least; more wait, in the order of coming.
    pub fn new(width: usize) -> Self {
        Self(Arc::new(Semaphore::new(width.clamp(1, Semaphore::MAX_PERMITS))))
    }

    /// Runs `work` once, when it is its turn.
    ///
    /// # Errors
    ///
    /// That of `work`, or [`Ending`].
    ///
    /// # Cancel safety
    ///
    /// Dropped before it got its turn, the work never starts; dropped later, it runs to its end.
    pub async fn run<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Ending> + Send + 'static,
        F: FnOnce() -> Result<T, E> + Send + 'static,
    {
        let permit = Arc::clone(&self.0).acquire_owned().await.map_err(|_closed| Ending)?;
        run_with(permit, work).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_lane_is_no_wider_than_asked_and_never_closed() {
        for (asked, width) in [(0, 1), (1, 1), (3, 3)] {
            let lane = Lane::new(asked);
            let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let tasks: Vec<_> = (0..12)
                .map(|number| {
                    let (lane, now, most) = (lane.clone(), Arc::clone(&now), Arc::clone(&most));
                    tokio::spawn(async move {
                        lane.run(move || {
                            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                            thread::sleep(Duration::from_millis(5));
                            now.fetch_sub(1, Ordering::SeqCst);
                            Ok::<_, Error>(number)
                        })
                        .await
                    })
                })
                .collect();
            for (number, task) in tasks.into_iter().enumerate() {
                let done = task.await.expect("no work panics").expect("no work fails");
                assert_eq!(done, number);
            }
            assert_eq!(most.load(Ordering::SeqCst), width, "asked for {asked}");
        }
    }

    #[tokio::test]
    async fn a_panic_continues_in_whoever_waits_and_frees_the_lane() {
        let lane = Lane::new(1);
        let waiting = {
            let lane = lane.clone();
            tokio::spawn(async move { lane.run(|| -> Result<()> { panic!("a bug") }).await })
        };
        assert!(waiting.await.expect_err("the panic goes on").is_panic());
        assert_eq!(lane.run(|| Ok::<_, Error>(1)).await.expect("the lane is free again"), 1);
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_keeps_its_place_until_it_ends() {
        let lane = Lane::new(1);
        let ended = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&ended);
        let forgotten = lane.run(move || {
            thread::sleep(Duration::from_millis(50));
            counted.fetch_add(1, Ordering::SeqCst);
            Ok::<_, Error>(())
        });
        assert!(tokio::time::timeout(Duration::from_millis(5), forgotten).await.is_err());
        let seen = lane.run(move || Ok::<_, Error>(ended.load(Ordering::SeqCst))).await;
        assert_eq!(seen.expect("no work fails"), 1);
    }
}
