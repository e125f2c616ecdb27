//! Cost per key of materializing into sled, beside its floor: the same rows, ready in batches and in key
//! order, written into an empty store of the same kind and flushed.
//!
//! Each iteration starts from an empty store. `history/1` has one source row per key, `history/20` twenty,
//! of which one wins.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use async_trait::async_trait;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use larder_core::{
    DataSource, DataSourceKind, EntityKeyEncoder, EntityKeyVersion, FeatureView, Field, FileSource,
    FixedClock, MaterializationInterval, OnlineStore, OnlineView, OnlineWrite, Project, Result, RowVersion,
    Timestamp, ValueType,
};
use larder_materialize::{FeatureWriter, MaterializationLog, Materialize};
use larder_offline::FileOfflineStore;
use larder_online::{SledOnlineStore, SledOptions};
use larder_plan::Catalog;
use larder_registry::{Registered, RegistrySnapshot, SnapshotObjects};
use parquet::arrow::ArrowWriter;
use tempfile::TempDir;

const KEYS: i64 = 50_000;
const FEATURES: usize = 10;
const BATCH_ROWS: i64 = 8_192;

fn materialize(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let mut group = criterion.benchmark_group("materialize");
    group.throughput(Throughput::Elements(KEYS.unsigned_abs()));
    group.sample_size(10).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(10));

    let view = feature_view();
    let writes = ready_writes(&view);
    group.bench_function("floor", |bencher| {
        bencher.iter_batched(
            || (EmptyStore::new(), writes.clone()),
            |(store, writes)| {
                runtime.block_on(async {
                    for write in writes {
                        store.online.write(write).await.expect("the write fits");
                    }
                    store.online.flush().await.expect("the disk has room");
                });
                store
            },
            BatchSize::PerIteration,
        );
    });

    for history in [1, 20] {
        let folder = tempfile::tempdir().expect("a folder");
        write_source(folder.path(), history);
        let catalog = runtime.block_on(catalog(&view));
        group.bench_function(BenchmarkId::new("history", history), |bencher| {
            bencher.iter_batched(
                || {
                    let store = EmptyStore::new();
                    let offline = Arc::new(FileOfflineStore::new(folder.path().to_path_buf()));
                    let clock = Arc::new(FixedClock::new(Timestamp::MAX));
                    let online = Arc::clone(&store.online) as Arc<dyn OnlineStore>;
                    let writer =
                        FeatureWriter::new(offline, online, Arc::new(NoLog), clock, EntityKeyVersion::V3);
                    (store, writer)
                },
                |(store, writer)| {
                    let all = Materialize {
                        start: Timestamp::EPOCH,
                        end: Timestamp::MAX,
                        views: None,
                        version: None,
                    };
                    let report = runtime.block_on(writer.materialize(&catalog, &all, &()));
                    assert_eq!(report.expect("the source is there").views.len(), 1);
                    (store, writer)
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

/// A store in a folder of its own, which goes with it.
struct EmptyStore {
    online: Arc<SledOnlineStore>,
    _folder: TempDir,
}

impl EmptyStore {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let online = SledOnlineStore::open(folder.path(), SledOptions::default()).expect("the folder is new");
        Self { online: Arc::new(online), _folder: folder }
    }
}

/// Forgets what is recorded, so that each iteration does the same.
#[derive(Debug)]
struct NoLog;

#[async_trait]
impl MaterializationLog for NoLog {
    async fn record(&self, _: &str, _: &str, _: Option<u32>, _: MaterializationInterval) -> Result<()> {
        Ok(())
    }
}

fn feature_view() -> FeatureView {
    FeatureView {
        entities: vec!["driver".to_owned()],
        join_keys: vec![Field::new("driver_id", ValueType::INT64)],
        features: (0..FEATURES)
            .map(|at| {
                let value_type = if at % 2 == 0 { ValueType::FLOAT64 } else { ValueType::INT64 };
                Field::new(format!("feature_{at}"), value_type)
            })
            .collect(),
        batch_source: Some("stats".to_owned()),
        offline: true,
        ..FeatureView::new("driver_stats")
    }
}

/// The feature columns of rows whose numbers come in `rows`.
fn features(view: &FeatureView, rows: &[i64]) -> Vec<(String, ArrayRef)> {
    let column = |field: &Field| -> ArrayRef {
        if field.value_type == ValueType::INT64 {
            Arc::new(Int64Array::from(rows.to_vec()))
        } else {
            let half = |row: &i64| f64::from(i32::try_from(*row).expect("rows are few")) / 2.0;
            Arc::new(rows.iter().map(half).collect::<Float64Array>())
        }
    };
    view.features.iter().map(|field| (field.name.clone(), column(field))).collect()
}

fn ready_writes(view: &FeatureView) -> Vec<OnlineWrite> {
    let online = Arc::new(OnlineView {
        project: "rides".to_owned(),
        name: view.name.clone(),
        features: view.features.clone(),
    });
    let encoder =
        EntityKeyEncoder::try_new(&view.join_keys, EntityKeyVersion::V3).expect("integers are keys");
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..KEYS));
    let keys = encoder.encode(&[ids], usize::try_from(KEYS).expect("keys are few")).expect("keys are short");
    let mut keyed: Vec<_> = keys.into_iter().flatten().zip(0..KEYS).collect();
    keyed.sort_unstable();
    keyed
        .chunks(usize::try_from(BATCH_ROWS).expect("small"))
        .map(|rows| {
            let numbers: Vec<i64> = rows.iter().map(|(_, number)| *number).collect();
            let version = RowVersion { event_timestamp: Timestamp::from_micros(1), created_timestamp: None };
            OnlineWrite {
                view: Arc::clone(&online),
                keys: rows.iter().map(|(key, _)| key.clone()).collect(),
                versions: vec![version; rows.len()],
                features: RecordBatch::try_from_iter_with_nullable(
                    features(view, &numbers).into_iter().map(|(name, column)| (name, column, true)),
                )
                .expect("columns of one length"),
            }
        })
        .collect()
}

/// A file in time order, as sources grow: all keys at one time, then all at the next.
fn write_source(folder: &Path, history: i64) {
    let view = feature_view();
    let file = File::create(folder.join("stats.parquet")).expect("the folder is ours");
    let mut writer = None;
    for time in 0..history {
        let numbers: Vec<i64> = (0..KEYS).collect();
        let micros = time * 3_600_000_000;
        let times = TimestampMicrosecondArray::from(vec![micros; numbers.len()]).with_timezone("UTC");
        let ids: ArrayRef = Arc::new(Int64Array::from(numbers.clone()));
        let mut columns =
            vec![("driver_id".to_owned(), ids), ("event_timestamp".to_owned(), Arc::new(times) as ArrayRef)];
        columns.extend(features(&view, &numbers));
        let batch = RecordBatch::try_from_iter(columns).expect("columns of one length");
        let writer = writer.get_or_insert_with(|| {
            let file = file.try_clone().expect("the file is open");
            ArrowWriter::try_new(file, batch.schema(), None).expect("the schema is plain")
        });
        writer.write(&batch).expect("the disk has room");
    }
    writer.expect("there is some history").close().expect("the disk has room");
}

async fn catalog(view: &FeatureView) -> Arc<Catalog> {
    let source = DataSource {
        name: "stats".to_owned(),
        kind: DataSourceKind::File(FileSource::new("stats.parquet", "event_timestamp")),
        description: String::new(),
        tags: BTreeMap::new(),
        owner: String::new(),
    };
    let objects = SnapshotObjects {
        data_sources: vec![registered(source)],
        feature_views: vec![registered(view.clone())],
        ..SnapshotObjects::default()
    };
    let project = Project::new("rides");
    let snapshot = RegistrySnapshot::new("bench".to_owned(), project, Timestamp::EPOCH, objects);
    let load = |_| async { unreachable!("there is no on-demand view") };
    Arc::new(Catalog::load(Arc::new(snapshot), load).await)
}

fn registered<T>(object: T) -> Registered<T> {
    Registered::new(object, Timestamp::EPOCH, Timestamp::EPOCH)
}

criterion_group!(benches, materialize);
criterion_main!(benches);
