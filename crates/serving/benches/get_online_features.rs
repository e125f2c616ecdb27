//! What one request costs without the network: plan, read from sled, encode. Per call, on one thread,
//! over 10,000 entities and random keys.
//!
//! `floor/encode` is serde writing the same body from structs that are ready in memory, `floor/answer`
//! the same with the structs made from a hash map of rows; `larder/encode` writes an answer that has been
//! read, `larder/answer` is the whole. Sizes are entities × features; ten features are a view.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark")]

use std::collections::{BTreeMap, HashMap};
use std::hint::black_box;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Int64Array, RecordBatch};
use arrow::datatypes::Schema;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use larder_core::{
    Entity, EntityKeyEncoder, EntityKeyVersion, FeatureView, Field, InputColumn, OnDemandFeatureView,
    OnlineStore as _, OnlineView, OnlineWrite, Project, Result, RowVersion, Timestamp, Transformation,
    ValueType,
};
use larder_online::{SledOnlineStore, SledOptions};
use larder_plan::{Catalog, Selection};
use larder_registry::{Registered, RegistrySnapshot, SnapshotObjects};
use larder_serving::{OnlineRequest, OnlineRetrieval};
use serde::Serialize;

const ENTITIES: i64 = 10_000;
const VIEWS: usize = 25;
const FEATURES_PER_VIEW: usize = 10;
const EVENT_TIME: &str = "2025-10-01T00:00:00Z";
const SIZES: [(usize, usize); 4] = [(1, 3), (1, 50), (100, 50), (100, 250)];

#[derive(Serialize)]
struct Body<'a> {
    results: Vec<Column>,
    metadata: Metadata<'a>,
}

#[derive(Serialize)]
struct Column {
    values: Values,
    statuses: Vec<&'static str>,
    event_timestamps: Vec<&'static str>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Values {
    Ids(Vec<i64>),
    Rates(Vec<Option<f64>>),
}

#[derive(Serialize)]
struct Metadata<'a> {
    feature_names: Vec<&'a str>,
}

/// The rows of all views by entity.
type Rows = HashMap<i64, Vec<f32>>;

fn value(entity: i64, feature: usize) -> f32 {
    let mixed = (entity.unsigned_abs() + 1)
        .wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .rotate_left(u32::try_from(feature % 64).unwrap());
    f32::from(u16::try_from(mixed % 10_007).unwrap()) / 10_007.0
}

fn feature_name(feature: usize) -> String {
    format!("feature_{feature}")
}

fn view_name(view: usize) -> String {
    format!("driver_statistics_{view}")
}

fn body<'a>(rows: &Rows, ids: &[i64], names: &'a [String]) -> Body<'a> {
    let column = |values, event_time| Column {
        values,
        statuses: vec!["PRESENT"; ids.len()],
        event_timestamps: vec![event_time; ids.len()],
    };
    let mut results = vec![column(Values::Ids(ids.to_vec()), "1970-01-01T00:00:00Z")];
    for feature in 0..names.len() - 1 {
        let rates = ids.iter().map(|id| rows.get(id).map(|row| f64::from(row[feature])));
        results.push(column(Values::Rates(rates.collect()), EVENT_TIME));
    }
    Body { results, metadata: Metadata { feature_names: names.iter().map(String::as_str).collect() } }
}

async fn filled_store(folder: &std::path::Path) -> Arc<SledOnlineStore> {
    let store = SledOnlineStore::open(folder, SledOptions::default()).unwrap();
    let encoder =
        EntityKeyEncoder::try_new(&[Field::new("driver_id", ValueType::INT64)], EntityKeyVersion::V3);
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..ENTITIES));
    let rows = ids.len();
    let keys: Vec<_> = encoder.unwrap().encode(&[ids], rows).unwrap().into_iter().flatten().collect();
    let version =
        RowVersion { event_timestamp: Timestamp::parse(EVENT_TIME).unwrap(), created_timestamp: None };
    for view in 0..VIEWS {
        let features = features_of(view);
        let schema = Arc::new(Schema::new(features.iter().map(Field::to_arrow).collect::<Vec<_>>()));
        let columns = (0..FEATURES_PER_VIEW).map(|feature| {
            let values = (0..ENTITIES).map(|id| value(id, view * FEATURES_PER_VIEW + feature));
            Arc::new(Float32Array::from_iter_values(values)) as ArrayRef
        });
        let write = OnlineWrite {
            view: Arc::new(OnlineView { project: "bench".into(), name: view_name(view), features }),
            keys: keys.clone(),
            versions: vec![version; rows],
            features: RecordBatch::try_new(schema, columns.collect()).unwrap(),
        };
        store.write(write).await.unwrap();
    }
    store.flush().await.unwrap();
    Arc::new(store)
}

fn features_of(view: usize) -> Vec<Field> {
    let first = view * FEATURES_PER_VIEW;
    (first..first + FEATURES_PER_VIEW).map(|at| Field::new(feature_name(at), ValueType::FLOAT32)).collect()
}

async fn catalog() -> Arc<Catalog> {
    let views = (0..VIEWS).map(|view| FeatureView {
        entities: vec!["driver".into()],
        join_keys: vec![Field::new("driver_id", ValueType::INT64)],
        features: features_of(view),
        ..FeatureView::new(view_name(view))
    });
    let driver = Entity {
        name: "driver".into(),
        join_key: "driver_id".into(),
        value_type: Some(ValueType::INT64),
        description: String::new(),
        tags: BTreeMap::new(),
        owner: String::new(),
    };
    let objects = SnapshotObjects {
        entities: vec![registered(driver)],
        feature_views: views.map(registered).collect(),
        ..SnapshotObjects::default()
    };
    let snapshot = RegistrySnapshot::new("1".into(), Project::new("bench"), Timestamp::EPOCH, objects);
    Arc::new(Catalog::load(Arc::new(snapshot), no_on_demand_view).await)
}

async fn no_on_demand_view(view: Arc<OnDemandFeatureView>) -> Result<Arc<dyn Transformation>> {
    unreachable!("`{}` is not in this project", view.name)
}

fn registered<T>(object: T) -> Registered<T> {
    Registered::new(object, Timestamp::EPOCH, Timestamp::EPOCH)
}

fn request(ids: &[i64], features: usize) -> OnlineRequest {
    let references =
        (0..features).map(|at| format!("{}:{}", view_name(at / FEATURES_PER_VIEW), feature_name(at)));
    let ids = ids.iter().map(|id| (*id).into()).collect();
    OnlineRequest {
        selection: Selection::References(references.collect()),
        entities: vec![("driver_id".into(), InputColumn::Json(ids))],
        full_feature_names: false,
    }
}

fn bench(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = runtime.block_on(filled_store(folder.path()));
    let catalog = runtime.block_on(catalog());
    let retrieval = OnlineRetrieval::new(store, EntityKeyVersion::V3);
    let all_features = VIEWS * FEATURES_PER_VIEW;
    let rows: Rows =
        (0..ENTITIES).map(|id| (id, (0..all_features).map(|feature| value(id, feature)).collect())).collect();
    for (entities, features) in SIZES {
        let mut group = criterion.benchmark_group("get_online_features");
        let size = format!("{entities}x{features}");
        // A stride that has no factor with the number of entities visits all of them.
        let mut next = 0;
        let mut next_ids = move || -> Vec<i64> {
            (0..entities)
                .map(|_| {
                    next = (next + 3_301) % ENTITIES;
                    next
                })
                .collect()
        };
        let mut names = vec!["driver_id".to_owned()];
        names.extend((0..features).map(feature_name));

        let ids = next_ids();
        let answer =
            runtime.block_on(retrieval.get_online_features(&catalog, request(&ids, features))).unwrap();
        let ready = body(&rows, &ids, &names);
        let same = serde_json::to_vec(&ready).unwrap();
        assert_eq!(answer.to_json(false), same, "both write the same bytes");

        group.bench_function(BenchmarkId::new("floor/encode", &size), |bencher| {
            bencher.iter(|| serde_json::to_vec(black_box(&ready)).unwrap());
        });
        group.bench_function(BenchmarkId::new("larder/encode", &size), |bencher| {
            bencher.iter(|| black_box(&answer).to_json(false));
        });
        group.bench_function(BenchmarkId::new("floor/answer", &size), |bencher| {
            bencher.iter_batched(
                &mut next_ids,
                |ids| serde_json::to_vec(&body(&rows, &ids, &names)).unwrap(),
                criterion::BatchSize::SmallInput,
            );
        });
        group.bench_function(BenchmarkId::new("larder/answer", &size), |bencher| {
            bencher.iter_batched(
                || request(&next_ids(), features),
                |request| {
                    let answer = retrieval.get_online_features(&catalog, request);
                    runtime.block_on(answer).unwrap().to_json(false)
                },
                criterion::BatchSize::SmallInput,
            );
        });
        group.finish();
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
