//! A small feature repo over real files, with a store, a clock and a record that the test owns.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow::array::{Array as _, ArrayRef, AsArray, Int64Array, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::Int64Type;
use async_trait::async_trait;
use larder_core::PushMode;
use larder_core::{
    DataSource, DataSourceKind, EntityKey, EntityKeyEncoder, EntityKeyVersion, Error, ErrorKind, FeatureView,
    FeatureViewProjection, Field, FileFormat, FileSource, FixedClock, InputTable, MaterializationInterval,
    OfflineStore, OnDemandFeatureView, OnDemandSource, OnlineRead, OnlineStore, OnlineView, Project,
    PushSource, RequestSource, Result, Timestamp, Transformation, TransformationLimits,
    TransformationReference, TransformationSignature, ValueType,
};
use larder_materialize::{FeatureWriter, MaterializationLog, Push, PushReport};
use larder_offline::FileOfflineStore;
use larder_online::MemoryOnlineStore;
use larder_plan::Catalog;
use larder_registry::{Registered, RegistrySnapshot, SnapshotObjects};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use serde_json::Value;
use tempfile::TempDir;

pub(crate) const PROJECT: &str = "rides";
/// Keys in the tests are 0, 1, … below this.
pub(crate) const KEYS: i64 = 5;
/// What the clock shows unless a test sets it, in seconds.
pub(crate) const NOW: i64 = 1_000;

/// One row of a source. Times are seconds since the epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) key: Option<i64>,
    pub(crate) event: i64,
    pub(crate) created: Option<i64>,
    pub(crate) value: Option<i64>,
}

impl Row {
    /// A row whose value follows from its key and version, so that equal versions hold equal values.
    pub(crate) fn new(key: Option<i64>, event: i64, created: Option<i64>) -> Self {
        let number = event * 100 + created.unwrap_or(9) * 10 + key.unwrap_or_default();
        Self { key, event, created, value: (number % 7 != 0).then_some(number) }
    }

    pub(crate) fn version(&self) -> (i64, Option<i64>) {
        (self.event, self.created)
    }
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

/// What a view holds online: by key, the event time in seconds and the value.
pub(crate) type Held = BTreeMap<i64, (i64, Option<i64>)>;

pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) log: Arc<MemoryLog>,
    pub(crate) offline: Arc<dyn OfflineStore>,
    pub(crate) online: Arc<dyn OnlineStore>,
    pub(crate) objects: Objects,
    pub(crate) writer: FeatureWriter,
    /// How early the writer's incremental runs begin.
    pub(crate) lookback_seconds: i64,
}

impl World {
    /// A world over a store in memory whose two sources hold the given rows.
    pub(crate) fn in_memory(stats: &[Row], extra: &[Row]) -> Self {
        Self::new(Arc::new(MemoryOnlineStore::new()), stats, extra)
    }

    /// A world whose two sources hold the given rows.
    pub(crate) fn new(online: Arc<dyn OnlineStore>, stats: &[Row], extra: &[Row]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_parquet(&folder, "stats.parquet", &source_batch("trips", stats));
        write_parquet(&folder, "extra.parquet", &source_batch("extra", extra));
        let offline = Arc::new(FileOfflineStore::new(folder.path().to_path_buf()));
        Self::over(folder, offline, online)
    }

    pub(crate) fn over(
        folder: TempDir,
        offline: Arc<dyn OfflineStore>,
        online: Arc<dyn OnlineStore>,
    ) -> Self {
        let clock = Arc::new(FixedClock::new(at(NOW)));
        let log = Arc::new(MemoryLog::default());
        let writer = writer(Arc::clone(&offline), Arc::clone(&online), &log, &clock);
        Self { folder, clock, log, offline, online, objects: Objects::default(), writer, lookback_seconds: 0 }
    }

    /// The world with a writer whose incremental runs begin so many seconds early.
    pub(crate) fn looking_back(mut self, seconds: u32) -> Self {
        self.lookback_seconds = seconds.into();
        self.writer = self.writer.with_lookback(Duration::from_secs(seconds.into()));
        self
    }

    /// Puts other rows into the first source.
    pub(crate) fn write_stats(&self, rows: &[Row]) {
        write_parquet(&self.folder, "stats.parquet", &source_batch("trips", rows));
    }

    /// Goes on with another online store.
    pub(crate) fn replace_online(&mut self, online: Arc<dyn OnlineStore>) {
        self.online = Arc::clone(&online);
        self.writer = writer(Arc::clone(&self.offline), online, &self.log, &self.clock);
    }

    /// The registry as it is now, with the intervals recorded so far.
    pub(crate) async fn catalog(&self) -> Arc<Catalog> {
        let snapshot = Arc::new(self.objects.snapshot(&self.log));
        let load = async |view: Arc<OnDemandFeatureView>| {
            Ok::<Arc<dyn Transformation>, _>(match view.transformation.function.as_str() {
                "doubled" => Arc::new(Doubled::new("doubled", &["total"])),
                "again" => Arc::new(Doubled::new("again", &["doubled", "total"])),
                _ => Arc::new(Sum::new()),
            })
        };
        Arc::new(Catalog::load(snapshot, load).await)
    }

    pub(crate) async fn push(&self, push_source: &str, feature: &str, rows: &[Row]) -> Result<()> {
        let table = Arc::new(InputTable::from_arrow(source_batch(feature, rows)));
        let push = Push { push_source: push_source.to_owned(), table, to: PushMode::Online };
        self.writer.push(&self.catalog().await, &push).await.map(|_| ())
    }

    /// Pushes columns of JSON, all to one push source.
    pub(crate) async fn push_json(
        &self,
        push_source: &str,
        columns: Value,
        to: PushMode,
    ) -> Result<PushReport> {
        let push = Push { push_source: push_source.to_owned(), table: json_table(columns), to };
        self.writer.push(&self.catalog().await, &push).await
    }

    /// What a view without entities holds.
    pub(crate) async fn held_without_entities(
        &self,
        view: &str,
        feature: &str,
    ) -> Option<(i64, Option<i64>)> {
        let key = EntityKeyEncoder::dummy_key(EntityKeyVersion::V3);
        read_one(&*self.online, view, feature, vec![Some(key)]).await.remove(0)
    }

    /// What a view with the one Int64 feature `feature` holds.
    pub(crate) async fn held(&self, view: &str, feature: &str) -> Held {
        let keys = (0..KEYS).map(|key| Some(driver(key))).collect();
        let rows = read_one(&*self.online, view, feature, keys).await;
        rows.into_iter().zip(0..).filter_map(|(row, key)| Some((key, row?))).collect()
    }
}

/// A writer with batches so small that few rows make several.
fn writer(
    offline: Arc<dyn OfflineStore>,
    online: Arc<dyn OnlineStore>,
    log: &Arc<MemoryLog>,
    clock: &Arc<FixedClock>,
) -> FeatureWriter {
    let log = Arc::clone(log) as Arc<dyn MaterializationLog>;
    let clock = Arc::clone(clock) as Arc<dyn larder_core::Clock>;
    FeatureWriter::new(offline, online, log, clock, EntityKeyVersion::V3)
        .with_batch_rows(NonZeroUsize::new(3).unwrap())
}

/// A table from an object of arrays.
pub(crate) fn json_table(columns: Value) -> Arc<InputTable> {
    let Value::Object(columns) = columns else { panic!("the test passes an object") };
    let columns = columns.into_iter().map(|(name, values)| match values {
        Value::Array(values) => (name, values),
        _ => panic!("the test passes arrays"),
    });
    Arc::new(InputTable::from_json(columns.collect()).unwrap())
}

/// The event time in seconds and the Int64 value of a feature for each key.
pub(crate) async fn read_one(
    online: &dyn OnlineStore,
    view: &str,
    feature: &str,
    keys: Vec<Option<EntityKey>>,
) -> Vec<Option<(i64, Option<i64>)>> {
    let view = OnlineView {
        project: PROJECT.to_owned(),
        name: view.to_owned(),
        features: vec![Field::new(feature, ValueType::INT64)],
    };
    let read = OnlineRead { view: Arc::new(view), features: Arc::new([0]), keys: keys.into() };
    let rows = online.read(vec![read]).await.unwrap().remove(0);
    let values = rows.columns[0].values.as_primitive::<Int64Type>().iter();
    rows.event_timestamps
        .iter()
        .zip(values)
        .map(|(time, value)| Some((time.as_ref()?.seconds(), value)))
        .collect()
}

pub(crate) fn driver(key: i64) -> EntityKey {
    let column: ArrayRef = Arc::new(Int64Array::from(vec![key]));
    let encoder = EntityKeyEncoder::try_new(&[driver_id()], EntityKeyVersion::V3).unwrap();
    encoder.encode(&[column], 1).unwrap().remove(0).unwrap()
}

fn driver_id() -> Field {
    Field::new("driver_id", ValueType::INT64)
}

pub(crate) fn source_batch(feature: &str, rows: &[Row]) -> RecordBatch {
    let times = |times: Vec<Option<i64>>| -> ArrayRef {
        let micros: TimestampMicrosecondArray =
            times.into_iter().map(|time| time.map(|seconds| seconds * 1_000_000)).collect();
        Arc::new(micros.with_timezone("UTC"))
    };
    let column = |values: Vec<Option<i64>>| Arc::new(Int64Array::from(values)) as ArrayRef;
    RecordBatch::try_from_iter_with_nullable([
        ("driver_id", column(rows.iter().map(|row| row.key).collect()), true),
        ("event_timestamp", times(rows.iter().map(|row| Some(row.event)).collect()), true),
        ("created", times(rows.iter().map(|row| row.created).collect()), true),
        (feature, column(rows.iter().map(|row| row.value).collect()), true),
    ])
    .unwrap()
}

/// Writes row groups of a few rows, so that files have several.
pub(crate) fn write_parquet(folder: &TempDir, name: &str, batch: &RecordBatch) {
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(16)).build();
    let file = File::create(folder.path().join(name)).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

/// The definitions, open to change.
#[derive(Clone, Debug)]
pub(crate) struct Objects {
    pub(crate) data_sources: Vec<DataSource>,
    pub(crate) feature_views: Vec<FeatureView>,
    pub(crate) on_demand_feature_views: Vec<OnDemandFeatureView>,
}

impl Default for Objects {
    /// ```text
    /// stats.parquet, stats_push ─▶ driver_stats (trips) ─┐
    /// extra.parquet, extra_push ─▶ driver_extra (extra) ─┴▶ driver_sum (total), written
    /// ```
    fn default() -> Self {
        Self {
            data_sources: vec![
                file_source("stats_source", "stats.parquet"),
                file_source("extra_source", "extra.parquet"),
                push_source("stats_push", Some("stats_source")),
                push_source("extra_push", Some("extra_source")),
            ],
            feature_views: vec![
                feature_view("driver_stats", "trips", "stats"),
                feature_view("driver_extra", "extra", "extra"),
            ],
            on_demand_feature_views: vec![driver_sum()],
        }
    }
}

impl Objects {
    pub(crate) fn view_mut(&mut self, name: &str) -> &mut FeatureView {
        self.feature_views.iter_mut().find(|view| view.name == name).unwrap()
    }

    fn snapshot(&self, log: &MemoryLog) -> RegistrySnapshot {
        let views = self.feature_views.iter().map(|view| Registered {
            materialization_intervals: log.intervals(&view.name),
            ..registered(view)
        });
        let objects = SnapshotObjects {
            data_sources: self.data_sources.iter().map(registered).collect(),
            feature_views: views.collect(),
            on_demand_feature_views: self.on_demand_feature_views.iter().map(registered).collect(),
            ..SnapshotObjects::default()
        };
        RegistrySnapshot::new("test".to_owned(), Project::new(PROJECT), at(0), objects)
    }
}

fn registered<T: Clone>(object: &T) -> Registered<T> {
    Registered::new(object.clone(), at(0), at(0))
}

fn data_source(name: &str, kind: DataSourceKind) -> DataSource {
    DataSource {
        name: name.to_owned(),
        kind,
        description: String::new(),
        tags: BTreeMap::new(),
        owner: String::new(),
    }
}

pub(crate) fn file_source(name: &str, path: &str) -> DataSource {
    data_source(
        name,
        DataSourceKind::File(FileSource {
            format: FileFormat::from_path(path).unwrap(),
            created_timestamp_column: Some("created".to_owned()),
            ..FileSource::new(path, "event_timestamp")
        }),
    )
}

pub(crate) fn push_source(name: &str, batch_source: Option<&str>) -> DataSource {
    data_source(name, DataSourceKind::Push(PushSource { batch_source: batch_source.map(str::to_owned) }))
}

pub(crate) fn request_source(name: &str, field: Field) -> DataSource {
    data_source(name, DataSourceKind::Request(RequestSource { schema: vec![field] }))
}

/// A view of drivers with one Int64 feature, fed by `{name}_source` and `{name}_push`.
pub(crate) fn feature_view(name: &str, feature: &str, source: &str) -> FeatureView {
    FeatureView {
        entities: vec!["driver".to_owned()],
        join_keys: vec![driver_id()],
        features: vec![Field::new(feature, ValueType::INT64)],
        batch_source: Some(format!("{source}_source")),
        stream_source: Some(format!("{source}_push")),
        offline: true,
        ..FeatureView::new(name)
    }
}

pub(crate) fn projection(view: &str, feature: &str) -> OnDemandSource {
    OnDemandSource::FeatureView(FeatureViewProjection::new(view, vec![feature.to_owned()]))
}

pub(crate) fn driver_sum() -> OnDemandFeatureView {
    OnDemandFeatureView {
        sources: vec![projection("driver_stats", "trips"), projection("driver_extra", "extra")],
        features: vec![Field::new("total", ValueType::INT64)],
        entities: vec!["driver".to_owned()],
        join_keys: vec![driver_id()],
        transformation: TransformationReference {
            component: None,
            function: "sum".to_owned(),
            limits: TransformationLimits::default(),
        },
        write_to_online_store: true,
        ..OnDemandFeatureView::new("driver_sum")
    }
}

/// What `driver_sum` is: `1000 · trips + extra`, where null counts as 0 and two nulls give null.
pub(crate) fn sum(trips: Option<i64>, extra: Option<i64>) -> Option<i64> {
    (trips.is_some() || extra.is_some())
        .then(|| trips.unwrap_or_default() * 1_000 + extra.unwrap_or_default())
}

/// [`sum`] as a transformation in this process.
#[derive(Debug)]
struct Sum(TransformationSignature);

impl Sum {
    fn new() -> Self {
        Self(TransformationSignature {
            name: "sum".to_owned(),
            inputs: vec![Field::new("trips", ValueType::INT64), Field::new("extra", ValueType::INT64)],
            outputs: vec![Field::new("total", ValueType::INT64)],
        })
    }
}

#[async_trait]
impl Transformation for Sum {
    fn signature(&self) -> &TransformationSignature {
        &self.0
    }

    async fn transform(&self, input: RecordBatch) -> Result<RecordBatch> {
        let (trips, extra) =
            (input.column(0).as_primitive::<Int64Type>(), input.column(1).as_primitive::<Int64Type>());
        let total: Int64Array = trips.iter().zip(extra).map(|(trips, extra)| sum(trips, extra)).collect();
        Ok(RecordBatch::try_from_iter([("total", Arc::new(total) as ArrayRef)]).unwrap())
    }
}

/// A view that doubles what `driver_sum` computes, and is kept online too.
pub(crate) fn driver_doubled() -> OnDemandFeatureView {
    let total = FeatureViewProjection::new("driver_sum", vec!["total".to_owned()]);
    OnDemandFeatureView {
        sources: vec![OnDemandSource::OnDemandFeatureView(total)],
        features: vec![Field::new("doubled", ValueType::INT64)],
        transformation: TransformationReference {
            function: "doubled".to_owned(),
            ..driver_sum().transformation
        },
        name: "driver_doubled".to_owned(),
        ..driver_sum()
    }
}

/// Twice the sum of the inputs, and one; null if one of them is.
#[derive(Debug)]
struct Doubled(TransformationSignature);

impl Doubled {
    fn new(output: &str, inputs: &[&str]) -> Self {
        Self(TransformationSignature {
            name: output.to_owned(),
            inputs: inputs.iter().map(|input| Field::new(*input, ValueType::INT64)).collect(),
            outputs: vec![Field::new(output, ValueType::INT64)],
        })
    }
}

#[async_trait]
impl Transformation for Doubled {
    fn signature(&self) -> &TransformationSignature {
        &self.0
    }

    async fn transform(&self, input: RecordBatch) -> Result<RecordBatch> {
        let row = |at: usize| {
            let mut values = input.columns().iter().map(AsArray::as_primitive::<Int64Type>);
            let sum: Option<i64> =
                values.try_fold(0, |sum, column| column.is_valid(at).then(|| sum + column.value(at)));
            sum.map(|sum| 2 * sum + 1)
        };
        let doubled: Int64Array = (0..input.num_rows()).map(row).collect();
        Ok(RecordBatch::try_from_iter([(&self.0.name, Arc::new(doubled) as ArrayRef)]).unwrap())
    }
}

/// What happened, in order.
pub(crate) type Journal = Arc<Mutex<Vec<String>>>;

/// A record of intervals in memory that can be told to fail.
#[derive(Debug, Default)]
pub(crate) struct MemoryLog {
    /// Gets a line per record.
    pub(crate) journal: Journal,
    intervals: Mutex<HashMap<String, Vec<MaterializationInterval>>>,
    failures: AtomicUsize,
}

impl MemoryLog {
    /// Lets the next so many records fail.
    pub(crate) fn fail(&self, times: usize) {
        self.failures.store(times, Ordering::SeqCst);
    }

    pub(crate) fn intervals(&self, view: &str) -> Vec<MaterializationInterval> {
        self.intervals.lock().unwrap().get(view).cloned().unwrap_or_default()
    }
}

#[async_trait]
impl MaterializationLog for MemoryLog {
    async fn record(
        &self,
        project: &str,
        view: &str,
        version: Option<u32>,
        interval: MaterializationInterval,
    ) -> Result<()> {
        assert_eq!(project, PROJECT);
        let fails = self
            .failures
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
            .is_ok();
        if fails {
            return Err(Error::new(ErrorKind::Unavailable, "the record is out of reach"));
        }
        let name = version.map_or_else(|| view.to_owned(), |version| format!("{view}@v{version}"));
        self.journal.lock().unwrap().push(format!("record {name}"));
        self.intervals.lock().unwrap().entry(name).or_default().push(interval);
        Ok(())
    }
}
