//! A feature server over the in-memory online store.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use arrow::array::{AsArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, TimestampMicrosecondType};
use async_trait::async_trait;
use larder_core::{
    ComponentDigest, EntityKeyEncoder, EntityKeyVersion, Error, ErrorKind, FeatureView, Field, InputColumn,
    InputTable, OnlineStore, OnlineView, OnlineWrite, Permission, RequestError, Result, RowVersion,
    Timestamp, ValueType,
};
use larder_online::{MemoryOnlineStore, SqliteTextIndexes};
use larder_plan::{Catalog, Selection};
use larder_registry::RegistrySnapshot;
use larder_serving::{
    FeatureServer, MaterializeEvent, MaterializeObserver, MaterializeRequest, MaterializeSummary,
    MaterializedView, OnlineRequest, OnlineResponse, OnlineRetrieval, PushRequest, Recording, SearchRequest,
    ServerOptions, WriteRequest, serve,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;

use crate::repo;

/// Views, stores and verbs of the test project.
#[derive(Debug)]
pub(crate) struct TestServer {
    pub(crate) catalog: Arc<Catalog>,
    /// What an apply puts in the place of the catalog's snapshot while the next read goes on.
    pub(crate) applied_while_reading: Mutex<Option<Arc<RegistrySnapshot>>>,
    applied: Mutex<Option<Arc<RegistrySnapshot>>>,
    pub(crate) store: Arc<MemoryOnlineStore>,
    pub(crate) retrieval: OnlineRetrieval,
    pub(crate) healthy: AtomicBool,
    /// The rows of each push that went offline.
    pub(crate) offline: Mutex<Vec<InputTable>>,
    pub(crate) offline_is_away: AtomicBool,
    /// A materialization of a view takes one permit and gives it back.
    pub(crate) materializations: Semaphore,
    /// Materializations of views that have begun, and that have ended well.
    pub(crate) started: AtomicUsize,
    pub(crate) finished: AtomicUsize,
}

impl TestServer {
    /// A server with the rows that the recorded answers show.
    pub(crate) async fn new() -> Arc<Self> {
        Self::with_permissions(Vec::new()).await
    }

    pub(crate) async fn with_permissions(permissions: Vec<Permission>) -> Arc<Self> {
        let store = Arc::new(MemoryOnlineStore::new());
        let server = Arc::new(Self {
            catalog: repo::catalog(permissions).await,
            applied_while_reading: Mutex::default(),
            applied: Mutex::default(),
            retrieval: OnlineRetrieval::new(Arc::clone(&store) as _, EntityKeyVersion::V3)
                .with_text_indexes(Arc::new(SqliteTextIndexes)),
            store,
            healthy: AtomicBool::new(true),
            offline: Mutex::default(),
            offline_is_away: AtomicBool::new(false),
            materializations: Semaphore::new(Semaphore::MAX_PERMITS),
            started: AtomicUsize::new(0),
            finished: AtomicUsize::new(0),
        });
        let rows = json!({
            "driver_id": [1001, 1002, 1005],
            "event_timestamp": ["2025-01-01T11:00:00Z", "2025-01-01T10:00:00Z", "2024-01-01T00:00:00.250Z"],
            "conv_rate": [0.61, 0.7, 0.9],
            "acc_rate": [0.21, null, 0.5],
            "avg_daily_trips": [111, 20, 50],
        });
        server.write_json("stats", &rows).await;
        server.write_json("glob", &json!({ "event_timestamp": ["2025-01-01"], "global_rate": [1.5] })).await;
        let rows = json!({
            "a": [1, 12], "b": [23, 3], "event_timestamp": ["2025-01-01", "2025-01-01"],
            "f": ["one_23", "twelve_3"],
        });
        server.write_json("coll", &rows).await;
        server
    }

    pub(crate) async fn write_json(&self, view: &str, rows: &Value) {
        let rows = InputTable::from_json(columns(rows)).unwrap();
        let view = Arc::clone(&self.catalog.snapshot().feature_view(view).unwrap().object);
        self.write(&view, &rows).await.unwrap();
    }

    async fn write(&self, view: &FeatureView, rows: &InputTable) -> Result<()> {
        let column = |name: &str, value_type: ValueType| {
            rows.column(name, &value_type)?.ok_or_else(|| RequestError::MissingColumn {
                column: name.to_owned(),
                table: format!("feature view `{}`", view.name),
                found: rows.column_names().into_iter().map(str::to_owned).collect(),
            })
        };
        let keys = if view.is_entityless() {
            vec![EntityKeyEncoder::dummy_key(EntityKeyVersion::V3); rows.len()]
        } else {
            let encoder = EntityKeyEncoder::try_new(&view.join_keys, EntityKeyVersion::V3)?;
            let arrays: Vec<_> = view
                .join_keys
                .iter()
                .map(|key| column(&key.name, key.value_type.clone()))
                .collect::<Result<_, RequestError>>()?;
            encoder.encode(&arrays, rows.len())?.into_iter().flatten().collect()
        };
        let times = column("event_timestamp", ValueType::UNIX_TIMESTAMP)?;
        let times = times.as_primitive::<TimestampMicrosecondType>();
        let arrays: Vec<_> = view
            .features
            .iter()
            .map(|feature| column(&feature.name, feature.value_type.clone()))
            .collect::<Result<_, RequestError>>()?;
        let schema = Arc::new(Schema::new(view.features.iter().map(Field::to_arrow).collect::<Vec<_>>()));
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        let write = OnlineWrite {
            view: Arc::new(OnlineView {
                project: repo::PROJECT.into(),
                name: view.name.clone(),
                features: view.features.clone(),
            }),
            keys,
            versions: (0..times.len())
                .map(|row| RowVersion {
                    event_timestamp: Timestamp::from_micros(times.value(row)),
                    created_timestamp: None,
                })
                .collect(),
            features: RecordBatch::try_new_with_options(schema, arrays, &options).unwrap(),
        };
        self.store.write(write).await.map(|_outcome| ())
    }

    fn apply_while_reading(&self) {
        if let Some(snapshot) = self.applied_while_reading.lock().unwrap().take() {
            *self.applied.lock().unwrap() = Some(snapshot);
        }
    }

    pub(crate) async fn get(&self, features: &[&str], entities: Value) -> Result<OnlineResponse> {
        let features = features.iter().map(|feature| (*feature).to_owned()).collect();
        self.get_online_features(request(Selection::References(features), &entities)).await
    }
}

pub(crate) fn request(selection: Selection, entities: &Value) -> OnlineRequest {
    let entities = columns(entities).into_iter().map(|(name, values)| (name, InputColumn::Json(values)));
    OnlineRequest { selection, entities: entities.collect(), full_feature_names: false }
}

fn columns(table: &Value) -> Vec<(String, Vec<Value>)> {
    let columns = table.as_object().unwrap().iter();
    columns.map(|(name, values)| (name.clone(), values.as_array().unwrap().clone())).collect()
}

#[async_trait]
impl FeatureServer for TestServer {
    async fn snapshot(&self) -> Result<Arc<RegistrySnapshot>> {
        let applied = self.applied.lock().unwrap();
        Ok(Arc::clone(applied.as_ref().unwrap_or(self.catalog.snapshot())))
    }

    async fn get_online_features(&self, request: OnlineRequest) -> Result<OnlineResponse> {
        let answer = self.retrieval.get_online_features(&self.catalog, request).await;
        self.apply_while_reading();
        answer
    }

    async fn search(&self, request: SearchRequest) -> Result<OnlineResponse> {
        let answer = self.retrieval.search(&self.catalog, request).await;
        self.apply_while_reading();
        answer
    }

    async fn push(&self, request: PushRequest) -> Result<()> {
        let views = self.catalog.snapshot().feature_views().iter().map(|view| &view.object);
        let fed: Vec<_> =
            views.filter(|view| view.stream_source.as_ref() == Some(&request.push_source)).collect();
        if fed.is_empty() {
            return Err(RequestError::PushSourceNotFound { push_source: request.push_source }.into());
        }
        if request.to.is_online() {
            for view in fed {
                self.write(view, &request.rows).await?;
            }
        }
        if request.to.is_offline() {
            if self.offline_is_away.load(Ordering::SeqCst) {
                return Err(Error::new(ErrorKind::Unavailable, "the offline store is away"));
            }
            if !request.rows.has_column("conv_rate") {
                return Err(RequestError::other("no conv_rate").into());
            }
            self.offline.lock().unwrap().push(request.rows);
        }
        Ok(())
    }

    async fn write_to_online_store(&self, request: WriteRequest) -> Result<()> {
        let view = self.catalog.snapshot().feature_view(&request.feature_view);
        let view = view.map_err(|_| RequestError::ObjectNotFound { name: request.feature_view.clone() })?;
        self.write(&view.object, &request.rows).await
    }

    async fn materialize(
        &self,
        request: MaterializeRequest,
        observer: Arc<dyn MaterializeObserver>,
    ) -> Result<MaterializeSummary> {
        let mut summary = MaterializeSummary::default();
        for view in request.feature_views.unwrap_or_default() {
            observer.observe(MaterializeEvent::ViewStarted {
                feature_view: view.clone(),
                start_micros: 0,
                end_micros: 1,
                incremental: false,
            });
            self.started.fetch_add(1, Ordering::SeqCst);
            let _permit = self.materializations.acquire().await.unwrap();
            if view == "glob" {
                return Err(Error::new(ErrorKind::Unavailable, "the source of `glob` is away"));
            }
            for rows in 1..=3 {
                let feature_view = view.clone();
                observer.observe(MaterializeEvent::Wrote { feature_view, rows, total_rows: 3 });
            }
            let done = MaterializedView {
                feature_view: view,
                start_micros: 0,
                end_micros: 1,
                rows_scanned: 3,
                null_keys: 0,
                keys: 3,
                rows_written: 3,
                rows_older: 0,
            };
            observer.observe(MaterializeEvent::ViewDone(done.clone()));
            summary.feature_views.push(done);
            self.finished.fetch_add(1, Ordering::SeqCst);
        }
        Ok(summary)
    }

    async fn record(&self, view: &str) -> Result<Recording> {
        let transformation = &self.catalog.snapshot().on_demand_feature_view(view)?.object.transformation;
        let (calls, receiver) = tokio::sync::mpsc::channel(1);
        // Ends at once: nobody calls.
        drop(calls);
        let component = transformation.component.unwrap_or(ComponentDigest([0; 32]));
        Ok(Recording { component, function: transformation.function.clone(), calls: receiver })
    }

    async fn refresh(&self) -> Result<()> {
        self.snapshot().await.map(|_| ())
    }

    async fn health(&self) -> Result<()> {
        if self.healthy.load(Ordering::SeqCst) {
            Ok(())
        } else {
            Err(Error::new(ErrorKind::Unavailable, "told to be ill"))
        }
    }
}

/// A server that listens, until it is told to stop.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) server: Arc<TestServer>,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Running {
    pub(crate) async fn start() -> Self {
        Self::start_with(ServerOptions::default()).await
    }

    pub(crate) async fn start_with(options: ServerOptions) -> Self {
        Self::start_server(TestServer::new().await, options).await
    }

    pub(crate) async fn start_server(server: Arc<TestServer>, options: ServerOptions) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async move {
            let _dropped_is_told_too = stopped.await;
        };
        let serving = tokio::spawn(serve(listener, Arc::clone(&server) as _, options, shutdown));
        Self { address, server, stop: Some(stop), serving }
    }

    pub(crate) fn begin_stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    pub(crate) async fn stopped(self) {
        self.serving.await.unwrap().unwrap();
    }
}
