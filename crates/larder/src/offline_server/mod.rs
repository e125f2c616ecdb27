//! Serving history: the verbs behind the Flight door, and the life of that server.

mod described_source;
mod persist;
mod source_rows;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use async_trait::async_trait;
use futures::{StreamExt as _, stream};
use larder_core::{DataSource, Error, ErrorKind, InputTable, Result, RowStream};
use larder_grpc::{
    OfflineRead, OfflineServer, OfflineServerOptions, PersistTarget, TrainingRows, TrainingSetRequest,
    offline_server,
};
use larder_materialize::write_to_offline_store;
use larder_registry::RegistrySnapshot;
use larder_serving::{DoorOptions, serve_router};
use tokio::net::TcpListener;
use tracing::warn;

use crate::joined_in_parts::joined_in_parts;
use crate::{EntitySpan, FeatureStore, feature_log};

impl FeatureStore {
    /// Serves history over Arrow Flight, as Feast's offline server does, on `listener` until `shutdown` completes,
    /// then finishes what has begun.
    ///
    /// Every call sees the registry as it is then. Who may do what is as `feature_store.yaml` and the permissions
    /// say. The online store is not opened.
    ///
    /// # Errors
    ///
    /// If the listener fails, and if `auth` or a permission cannot be enforced.
    pub async fn serve_offline(
        self: Arc<Self>,
        listener: TcpListener,
        door: DoorOptions,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<()> {
        let authorization = self.authorization()?;
        let options = OfflineServerOptions { authorization, ..OfflineServerOptions::default() };
        let router = offline_server(self, options);
        let served = serve_router(listener, router, door, shutdown).await;
        served.map_err(|source| Error::new(ErrorKind::Unavailable, source))
    }

    async fn training_set(self: Arc<Self>, request: TrainingSetRequest) -> Result<RowStream> {
        let query = self.historical_query_of(&request.features, request.full_feature_names)?;
        let (rows, drops_rows) = match request.rows {
            TrainingRows::Of(rows) => (rows, self.config().compat.dask_drop_rows),
            TrainingRows::All { start, end } => {
                let span = EntitySpan { start_date: start, end_date: end };
                (self.all_entities(&query, span).await?, false)
            }
        };
        let (first, others) = if drops_rows {
            (self.join(&query, rows, drops_rows).await?.rows, stream::empty().boxed())
        } else {
            joined_in_parts(self, query, rows.schema(), vec![rows]).await?
        };
        let schema = first.schema();
        Ok(RowStream { schema, parts: stream::iter([Ok(first)]).chain(others).boxed() })
    }
}

#[async_trait]
impl OfflineServer for FeatureStore {
    async fn snapshot(&self) -> Result<Arc<RegistrySnapshot>> {
        let catalog = self.refresh().await.unwrap_or_else(|error| {
            warn!(error = error.chain(), "the registry cannot be read; the last definitions stay in use");
            self.catalog()
        });
        Ok(Arc::clone(catalog.snapshot()))
    }

    async fn read(self: Arc<Self>, read: OfflineRead) -> Result<RowStream> {
        match read {
            OfflineRead::TrainingSet(request) => self.training_set(request).await,
            OfflineRead::Latest(rows) => source_rows::latest(&self, rows).await,
            OfflineRead::All(rows) => source_rows::all(&self, rows).await,
        }
    }

    async fn persist(self: Arc<Self>, read: OfflineRead, target: PersistTarget) -> Result<()> {
        persist::persist(self, read, target).await
    }

    async fn write_to_offline_store(&self, feature_view: &str, rows: InputTable) -> Result<()> {
        write_to_offline_store(self.offline().as_ref(), &self.catalog(), feature_view, rows).await
    }

    async fn write_logged_features(&self, feature_service: &str, rows: RecordBatch) -> Result<()> {
        feature_log::add_rows(self, feature_service, rows).await
    }

    async fn registered_readers(&self, source: &DataSource) -> Result<Vec<String>> {
        described_source::registered_readers(self, source).await
    }

    async fn validate_data_source(&self, source: &DataSource) -> Result<()> {
        described_source::validate(self, source).await
    }

    async fn columns(&self, source: &DataSource) -> Result<Vec<(String, DataType)>> {
        described_source::columns(self, source).await
    }
}
