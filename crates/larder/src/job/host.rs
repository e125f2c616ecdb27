//! What a job asks for, done by the verbs of a feature store.

use std::fmt::Debug;
use std::sync::Arc;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use futures::StreamExt as _;
use larder_core::{
    Field, InputTable, JobHistoricalRequest, JobHost, LogLevel, MaterializedSpan, PushMode, Result,
    Selection, Table, TableDestination, TableStream, TableWriter, Timestamp,
};
use larder_serving::{
    FeatureServer as _, MaterializeEvent, MaterializeRange, MaterializeRequest, MaterializedView,
    OnlineRequest, PushRequest,
};

use crate::FeatureStore;
use crate::job::table_output;
use crate::job::training_set_stream::{self, fields_of};

/// Is told what a run does. Called from any thread; must return quickly.
pub trait JobObserver: Debug + Send + Sync + 'static {
    /// Takes a line of the log, without control characters.
    fn log(&self, level: LogLevel, line: &str);

    /// Takes note of one step of a materialization.
    fn materializing(&self, event: MaterializeEvent);
}

/// The verbs of a store for one run.
#[derive(Debug)]
pub(crate) struct StoreHost {
    store: Arc<FeatureStore>,
    observer: Arc<dyn JobObserver>,
}

impl StoreHost {
    pub(crate) fn new(store: Arc<FeatureStore>, observer: Arc<dyn JobObserver>) -> Self {
        Self { store, observer }
    }
}

#[async_trait]
impl JobHost for StoreHost {
    async fn get_historical_features(&self, request: JobHistoricalRequest) -> Result<TableStream> {
        self.store.refresh().await?;
        training_set_stream::open(Arc::clone(&self.store), request).await
    }

    async fn read_saved_dataset(&self, name: String) -> Result<TableStream> {
        let rows = self.store.read_saved_dataset(&name).await?;
        let columns = fields_of(&rows, &[])?;
        Ok(TableStream { columns, parts: futures::stream::iter([Ok(rows)]).boxed() })
    }

    async fn open_writer(
        &self,
        destination: TableDestination,
        columns: Vec<Field>,
    ) -> Result<Box<dyn TableWriter>> {
        self.store.refresh().await?;
        table_output::open(&self.store, destination, &columns).await
    }

    async fn get_online_features(
        &self,
        selection: Selection,
        entities: RecordBatch,
        full_feature_names: bool,
    ) -> Result<Table> {
        let request = OnlineRequest::from_arrow(selection, &entities);
        let answer =
            self.store.get_online_features(request.with_full_feature_names(full_feature_names)).await?;
        let columns = answer.columns().iter();
        Ok(Table {
            columns: columns.map(|column| Field::new(column.name(), column.value_type().clone())).collect(),
            rows: answer.to_record_batch(),
        })
    }

    async fn transform(&self, on_demand_feature_view: String, rows: RecordBatch) -> Result<Table> {
        self.store.refresh().await?.compute_alone(&on_demand_feature_view, &rows).await
    }

    async fn push(&self, push_source: String, rows: RecordBatch, to: PushMode) -> Result<()> {
        self.store.push(PushRequest { push_source, rows: InputTable::from_arrow(&rows), to }).await
    }

    async fn materialize(
        &self,
        start: Option<Timestamp>,
        end: Timestamp,
        feature_views: Option<Vec<String>>,
    ) -> Result<Vec<MaterializedSpan>> {
        let range = match start {
            Some(start) => MaterializeRange::Between { start, end },
            None => MaterializeRange::Incremental { end },
        };
        let observer = Arc::clone(&self.observer);
        let observe = Arc::new(move |event: MaterializeEvent| observer.materializing(event));
        let summary = self
            .store
            .materialize(MaterializeRequest { range, feature_views, version: None }, observe)
            .await?;
        let span = |view: MaterializedView| MaterializedSpan {
            feature_view: view.feature_view,
            start: Timestamp::from_micros(view.start_micros),
            end: Timestamp::from_micros(view.end_micros),
            rows_scanned: view.rows_scanned,
            keys: view.keys,
            rows_written: view.rows_written,
        };
        Ok(summary.feature_views.into_iter().map(span).collect())
    }

    fn log(&self, level: LogLevel, line: &str) {
        self.observer.log(level, line);
    }
}
