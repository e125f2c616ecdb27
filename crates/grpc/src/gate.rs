//! What every call passes before it is worked on: who calls, and whose turn it is.

use std::sync::Arc;
use std::time::Duration;

use larder_serving::{Access, Authorization, NotLetIn};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tonic::{Code, Status};

/// Who may call, and how many at the same time.
#[derive(Debug)]
pub(crate) struct Gate {
    authorization: Option<Arc<Authorization>>,
    permits: Arc<Semaphore>,
    queue_timeout: Duration,
}

impl Gate {
    /// Lets everybody in where `authorization` is `None`; beyond `max_concurrent_calls` a call waits, for
    /// `queue_timeout` at most.
    pub(crate) fn new(
        authorization: Option<Arc<Authorization>>,
        max_concurrent_calls: usize,
        queue_timeout: Duration,
    ) -> Self {
        let permits = Semaphore::new(max_concurrent_calls.min(Semaphore::MAX_PERMITS));
        Self { authorization, permits: Arc::new(permits), queue_timeout }
    }

    /// What the sender of a call with this `authorization` in its metadata may do.
    ///
    /// # Errors
    ///
    /// `UNAUTHENTICATED` without a token that the server trusts; `UNAVAILABLE` where that cannot be found out now.
    pub(crate) async fn access(&self, header: Option<&str>) -> Result<Access, Status> {
        let Some(authorization) = &self.authorization else { return Ok(Access::open()) };
        authorization.access(header).await.map_err(|refusal| {
            let code = match refusal {
                NotLetIn::NoGoodToken => Code::Unauthenticated,
                _ => Code::Unavailable,
            };
            Status::new(code, refusal.to_string())
        })
    }

    /// Waits for the turn of a call.
    ///
    /// # Errors
    ///
    /// `RESOURCE_EXHAUSTED` if it does not come in time.
    pub(crate) async fn turn(&self) -> Result<OwnedSemaphorePermit, Status> {
        match timeout(self.queue_timeout, Arc::clone(&self.permits).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(Status::resource_exhausted("Too many calls at the same time; try again later")),
        }
    }
}
