//! The verbs that read and write the online store. HTTP, the command line and programs all come here.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use larder_core::{RequestError, Result};
use larder_materialize::{
    MaterializationEvent, Materialize, MaterializeIncremental, Push, WriteToOnlineStore,
};
use larder_registry::RegistrySnapshot;
use larder_serving::{
    FeatureServer, MaterializeObserver, MaterializeRange, MaterializeRequest, MaterializeSummary,
    OnlineRequest, OnlineResponse, PushRequest, Recording, SearchRequest, WriteRequest,
};

use crate::mlflow::Materialized;
use crate::{FeatureStore, wire};

#[async_trait]
impl FeatureServer for FeatureStore {
    async fn snapshot(&self) -> Result<Arc<RegistrySnapshot>> {
        Ok(Arc::clone(self.catalog().snapshot()))
    }

    async fn get_online_features(&self, request: OnlineRequest) -> Result<OnlineResponse> {
        self.online().await?.retrieval.get_online_features(&self.catalog(), request).await
    }

    async fn search(&self, request: SearchRequest) -> Result<OnlineResponse> {
        self.online().await?.retrieval.search(&self.catalog(), request).await
    }

    async fn push(&self, request: PushRequest) -> Result<()> {
        let push = Push { push_source: request.push_source, table: Arc::new(request.rows), to: request.to };
        self.online().await?.writer.push(&self.catalog(), &push).await?;
        Ok(())
    }

    async fn write_to_online_store(&self, request: WriteRequest) -> Result<()> {
        let write = WriteToOnlineStore {
            view: request.feature_view,
            table: Arc::new(request.rows),
            transform_on_write: request.transform_on_write,
        };
        self.online().await?.writer.write_to_online_store(&self.catalog(), &write).await?;
        Ok(())
    }

    async fn materialize(
        &self,
        request: MaterializeRequest,
        observer: Arc<dyn MaterializeObserver>,
    ) -> Result<MaterializeSummary> {
        let writer = &self.online().await?.writer;
        let catalog = self.refresh().await?;
        let lineage = self.telling_of_materialization(Arc::clone(catalog.snapshot()));
        let observe = |event: MaterializationEvent| {
            lineage.observe(&event);
            if let Some(event) = wire::event(event) {
                observer.observe(event);
            }
        };
        let (views, version) = (request.feature_views, request.version);
        let (began, range) = (self.clock().now(), request.range);
        let report = match request.range {
            MaterializeRange::Between { start, end } => {
                writer.materialize(&catalog, &Materialize { start, end, views, version }, &observe).await
            }
            MaterializeRange::Incremental { end } => {
                writer
                    .materialize_incremental(
                        &catalog,
                        &MaterializeIncremental { end, views, version },
                        &observe,
                    )
                    .await
            }
        };
        let summary = report.map(wire::summary);
        lineage.end(&summary);
        // Also after an error: views done before it are recorded.
        self.refresh().await?;
        let summary = summary?;
        let (start, end) = match range {
            MaterializeRange::Between { start, end } => (Some(start), end),
            MaterializeRange::Incremental { end } => (None, end),
        };
        let views = summary.feature_views.iter().map(|view| view.feature_view.clone()).collect();
        let took = self.clock().now().micros() - began.micros();
        let took = Duration::from_micros(u64::try_from(took).unwrap_or_default());
        self.tell_mlflow_of_materialization(Materialized { views, start, end, took }).await;
        Ok(summary)
    }

    async fn record(&self, view: &str) -> Result<Recording> {
        let catalog = self.catalog();
        let transformation = &catalog.snapshot().on_demand_feature_view(view)?.object.transformation;
        let Some(component) = transformation.component else {
            let text =
                format!("on-demand feature view `{view}` has no component, so there are no calls to record");
            return Err(RequestError::other(text).into());
        };
        let (function, calls) = (transformation.function.clone(), self.recorder().listen(view));
        Ok(Recording { component, function, calls })
    }

    async fn refresh(&self) -> Result<()> {
        Self::refresh(self).await.map(|_| ())
    }

    async fn health(&self) -> Result<()> {
        self.online().await?;
        Self::refresh(self).await.map(|_| ())
    }
}
