//! The verbs that read and write the online store. HTTP, the command line and programs all come here.

use std::sync::Arc;

use larder_core::{Result, Timestamp, WriteOutcome};
use larder_materialize::{
    Materialize, MaterializeIncremental, MaterializationObserver, MaterializationReport, Push, PushReport,
    WriteToOnlineStore,
};
use larder_serving::{OnlineRequest, OnlineResponse};

use crate::FeatureStore;

impl FeatureStore {
    /// Reads the newest values of features.
    ///
    /// # Errors
    ///
    /// [`RequestError`](larder_core::RequestError) for a mistake in the request; else as the online store
    /// and the transformations.
    pub async fn get_online_features(&self, request: OnlineRequest) -> Result<OnlineResponse> {
        self.online().await?.retrieval.get_online_features(&self.catalog(), request).await
    }

    /// Moves the newest values with event times from `start` to `end`, both included, into the online
    /// store; with no `start`, each view from where its last materialization ended. `views`: only these.
    ///
    /// # Errors
    ///
    /// [`RequestError`](larder_core::RequestError) for unknown views and a start after the end; else as
    /// the stores and the registry. Views done before the error stay done.
    pub async fn materialize(
        &self,
        start: Option<Timestamp>,
        end: Timestamp,
        views: Option<Vec<String>>,
        observer: &dyn MaterializationObserver,
    ) -> Result<MaterializationReport> {
        let writer = &self.online().await?.writer;
        let catalog = self.refresh().await?;
        let report = match start {
            Some(start) => writer.materialize(&catalog, &Materialize { start, end, views }, observer).await,
            None => {
                writer.materialize_incremental(&catalog, &MaterializeIncremental { end, views }, observer).await
            }
        };
        // Also after an error: views done before it are recorded.
        self.refresh().await?;
        report
    }

    /// Takes rows for every view that a push source feeds. They are durable when this returns.
    ///
    /// # Errors
    ///
    /// [`RequestError`](larder_core::RequestError) for a mistake in the request; else as the stores. Some
    /// views may then have been written.
    pub async fn push(&self, push: Push) -> Result<PushReport> {
        self.online().await?.writer.push(&self.catalog(), &push).await
    }

    /// Writes rows of one view to the online store. They are durable when this returns.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    pub async fn write_to_online_store(&self, write: WriteToOnlineStore) -> Result<WriteOutcome> {
        self.online().await?.writer.write_to_online_store(&self.catalog(), &write).await
    }
}
