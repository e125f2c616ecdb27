//! Where materialized intervals are recorded.

use std::fmt::Debug;

use async_trait::async_trait;
use larder_core::{MaterializationInterval, Result};

/// Keeps the spans of event time that each view has in the online store; in larder, the registry.
#[async_trait]
pub trait MaterializationLog: Debug + Send + Sync + 'static {
    /// Adds an interval to those of a view, or of that version of it, which then is not in use. Called after the online store has flushed, so that a recorded
    /// interval is always a durable one. The record is durable when this returns.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`](larder_core::ErrorKind::NotFound) if the view or version is gone;
    /// [`ErrorKind::Unavailable`](larder_core::ErrorKind::Unavailable) if the record cannot be written.
    async fn record(
        &self,
        project: &str,
        view: &str,
        version: Option<u32>,
        interval: MaterializationInterval,
    ) -> Result<()>;
}
