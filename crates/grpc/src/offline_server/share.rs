//! Bytes that calls hold, counted as they arrive.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use futures::StreamExt as _;
use tonic::Status;

/// Bytes for all calls together.
#[derive(Debug)]
pub(crate) struct Pool {
    left: AtomicUsize,
    per_call: usize,
}

/// What one call holds of a pool; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    pool: Arc<Pool>,
    held: AtomicUsize,
}

impl Pool {
    pub(crate) fn new(all: usize, per_call: usize) -> Arc<Self> {
        Arc::new(Self { left: AtomicUsize::new(all), per_call })
    }
}

impl Share {
    pub(crate) fn of(pool: &Arc<Pool>) -> Arc<Self> {
        Arc::new(Self { pool: Arc::clone(pool), held: AtomicUsize::new(0) })
    }

    /// Holds so many bytes more.
    ///
    /// # Errors
    ///
    /// `RESOURCE_EXHAUSTED` if that is more than one call may hold, or than is left.
    pub(crate) fn hold(&self, bytes: usize) -> Result<(), Status> {
        let held = self.held.load(Ordering::Relaxed).saturating_add(bytes);
        if held > self.pool.per_call {
            return Err(too_large(self.pool.per_call));
        }
        let take = |left: usize| left.checked_sub(bytes);
        match self.pool.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            Ok(_) => {
                self.held.fetch_add(bytes, Ordering::Relaxed);
                Ok(())
            }
            Err(_) => Err(Status::resource_exhausted(
                "the server holds as many tables as it may; try again later, or send fewer rows",
            )),
        }
    }

    /// The most bytes that one call may hold.
    pub(crate) fn limit(&self) -> usize {
        self.pool.per_call
    }
}

/// A call that sends too much.
pub(crate) fn too_large(limit: usize) -> Status {
    Status::resource_exhausted(format!(
        "a call may send {limit} bytes; send the rows in parts, each in a call of its own"
    ))
}

impl Drop for Share {
    fn drop(&mut self) {
        self.pool.left.fetch_add(*self.held.get_mut(), Ordering::Relaxed);
    }
}

/// Counts the body of a call; whoever answers it finds its [`Share`] among the extensions of the request.
pub(crate) async fn measured(State(pool): State<Arc<Pool>>, request: Request, next: Next) -> Response {
    let share = Share::of(&pool);
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(Arc::clone(&share));
    let counted = body.into_data_stream().map(move |chunk| {
        let chunk = chunk.map_err(|error| Status::unknown(error.to_string()))?;
        share.hold(chunk.len())?;
        Ok::<_, Status>(chunk)
    });
    next.run(Request::from_parts(parts, Body::from_stream(counted))).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_holds_no_more_than_it_may_and_gives_it_back() {
        let pool = Pool::new(100, 60);
        let (first, second) = (Share::of(&pool), Share::of(&pool));
        first.hold(60).unwrap();
        assert!(first.hold(1).unwrap_err().message().contains("a call may send 60 bytes"));
        second.hold(40).unwrap();
        assert!(second.hold(1).unwrap_err().message().contains("try again later"));
        drop(first);
        second.hold(20).unwrap();
        drop(second);
        assert_eq!(pool.left.load(Ordering::Relaxed), 100);
    }
}
