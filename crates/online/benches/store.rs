//! What the store costs beside what it stands on.
//!
//! - `codec`: per row of ten features, encoding from and decoding to Arrow;
//! - `write`: per batch of 1,000 rows, the store against sled inserts of the same keys and bytes;
//! - `read`: per request of entities × views (ten features each), the store against sled gets of the same
//!   keys; `inline` on the caller's thread, `pool` through the blocking pool.
//!
//! All data fits into the cache. `cargo bench -p larder-online`, or `-- --test` to see that it runs.
#![expect(clippy::indexing_slicing, reason = "a benchmark that goes out of bounds may stop")]

use std::hint::black_box;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use larder_core::{
    EntityKey, EntityKeyEncoder, EntityKeyVersion, Field, OnlineRead, OnlineStore, OnlineView, OnlineWrite,
    RowVersion, Timestamp, ValueType,
};
use larder_online::row::{FoundRows, RowBuffer, RowEncoder, RowLayout, RowReader};
use larder_online::{SchemaId, SledOnlineStore, SledOptions};
use tokio::runtime::Runtime;

const ENTITIES: u32 = 10_000;
const VIEWS: usize = 25;
const BATCH: u32 = 1_000;
const FEATURES: usize = 10;

/// Ten features: four whole numbers, five floats, one short text.
fn view(number: usize) -> Arc<OnlineView> {
    let features = (0..FEATURES).map(|feature| {
        let value_type = match feature {
            0..4 => ValueType::INT64,
            4..9 => ValueType::FLOAT64,
            _ => ValueType::STRING,
        };
        Field::new(format!("feature_{feature}"), value_type)
    });
    Arc::new(OnlineView {
        project: "bench".into(),
        name: format!("view_{number}"),
        features: features.collect(),
    })
}

fn batch(view: &OnlineView, rows: u32) -> RecordBatch {
    let columns = view.features.iter().map(|feature| {
        let column: ArrayRef = match feature.value_type {
            ValueType::INT64 => Arc::new((0..rows).map(|row| Some(i64::from(row))).collect::<Int64Array>()),
            ValueType::FLOAT64 => {
                Arc::new((0..rows).map(|row| Some(f64::from(row) / 7.0)).collect::<Float64Array>())
            }
            _ => Arc::new((0..rows).map(|row| Some(format!("city {}", row % 100))).collect::<StringArray>()),
        };
        (feature.name.clone(), column)
    });
    RecordBatch::try_from_iter(columns).expect("the columns are even")
}

fn keys(entities: std::ops::Range<u32>) -> Vec<EntityKey> {
    let ids: ArrayRef = Arc::new(entities.clone().map(|id| Some(i64::from(id))).collect::<Int64Array>());
    let encoder =
        EntityKeyEncoder::try_new(&[Field::new("driver_id", ValueType::INT64)], EntityKeyVersion::V3);
    let keys = encoder.expect("a key").encode(&[ids], entities.len()).expect("short keys");
    keys.into_iter().flatten().collect()
}

fn versions(rows: usize, micros: i64) -> Vec<RowVersion> {
    vec![RowVersion { event_timestamp: Timestamp::from_micros(micros), created_timestamp: None }; rows]
}

fn write(view: &Arc<OnlineView>, keys: &[EntityKey], features: &RecordBatch, micros: i64) -> OnlineWrite {
    OnlineWrite {
        view: Arc::clone(view),
        keys: keys.to_vec(),
        versions: versions(keys.len(), micros),
        features: features.clone(),
    }
}

/// The row of each entity, as the store keeps it.
fn encoded(view: &OnlineView, batch: &RecordBatch, micros: i64) -> Vec<Vec<u8>> {
    let layout = RowLayout::new(&view.features);
    let versions = versions(batch.num_rows(), micros);
    let encoder = RowEncoder::try_new(&layout, SchemaId::of(&view.features), batch, &versions);
    let mut buffer = RowBuffer::default();
    let rows: Vec<usize> = (0..batch.num_rows()).collect();
    encoder.expect("the types fit").encode(&rows, &mut buffer).expect("small rows");
    buffer.rows().map(<[u8]>::to_vec).collect()
}

/// The key sled sees: the entity, then eight bytes for the view.
fn sled_key(entity: &EntityKey, view: usize) -> Vec<u8> {
    let view = (view as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    [entity.as_bytes(), &view.to_be_bytes()].concat()
}

fn codec(criterion: &mut Criterion) {
    let view = view(0);
    let batch = batch(&view, BATCH);
    let layout = RowLayout::new(&view.features);
    let versions = versions(batch.num_rows(), 1);
    let order: Vec<usize> = (0..batch.num_rows()).collect();
    let mut group = criterion.benchmark_group("codec");
    group.throughput(Throughput::Elements(u64::from(BATCH)));
    group.bench_function("encode", |bencher| {
        let encoder = RowEncoder::try_new(&layout, SchemaId::of(&view.features), &batch, &versions);
        let encoder = encoder.expect("the types fit");
        let mut buffer = RowBuffer::default();
        bencher.iter(|| {
            for order in order.chunks(256) {
                encoder.encode(order, &mut buffer).expect("small rows");
                black_box(&buffer);
            }
        });
    });
    let rows = encoded(&view, &batch, 1);
    group.bench_function("decode", |bencher| {
        let reader = Arc::new(RowReader::new(&view.features, &view.features));
        bencher.iter(|| {
            for rows in rows.chunks(100) {
                let mut found = FoundRows::with_capacity(rows.len());
                let reader = found.add_reader(Arc::clone(&reader));
                for row in rows {
                    found.push(row, reader).expect("sound rows");
                }
                let found = found.finish();
                for (position, feature) in view.features.iter().enumerate() {
                    black_box(found.column(&feature.value_type, position).expect("sound rows"));
                }
            }
        });
    });
    group.finish();
}

fn writes(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let (view, keys) = (view(0), keys(0..BATCH));
    let batch = batch(&view, BATCH);
    let mut group = criterion.benchmark_group("write");
    group.throughput(Throughput::Elements(u64::from(BATCH))).sample_size(30);

    let folder = tempfile::tempdir().expect("a folder");
    let store = SledOnlineStore::open(folder.path(), SledOptions::default()).expect("a new store");
    let mut micros = 0;
    group.bench_function("store", |bencher| {
        bencher.iter(|| {
            micros += 1;
            runtime.block_on(store.write(write(&view, &keys, &batch, micros))).expect("written")
        });
    });
    group.bench_function("store, older rows", |bencher| {
        bencher.iter(|| runtime.block_on(store.write(write(&view, &keys, &batch, -1))).expect("refused"));
    });

    let folder = tempfile::tempdir().expect("a folder");
    let db = sled::open(folder.path()).expect("a new database");
    let mut sorted: Vec<Vec<u8>> = keys.iter().map(|key| sled_key(key, 0)).collect();
    sorted.sort();
    let rounds: Vec<Vec<Vec<u8>>> = (0..2).map(|micros| encoded(&view, &batch, micros)).collect();
    let mut round = 0;
    group.bench_function("sled inserts", |bencher| {
        bencher.iter(|| {
            round += 1;
            for (key, row) in sorted.iter().zip(&rounds[round % 2]) {
                db.insert(key, row.as_slice()).expect("inserted");
            }
        });
    });
    group.finish();
}

fn reads(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let views: Vec<_> = (0..VIEWS).map(view).collect();
    let keys = keys(0..ENTITIES);
    let folder = tempfile::tempdir().expect("a folder");
    let fill = SledOnlineStore::open(folder.path(), SledOptions::default()).expect("a new store");
    let floor_folder = tempfile::tempdir().expect("a folder");
    let db = sled::open(floor_folder.path()).expect("a new database");
    for (number, view) in views.iter().enumerate() {
        let batch = batch(view, ENTITIES);
        runtime.block_on(fill.write(write(view, &keys, &batch, 1))).expect("written");
        for (key, row) in keys.iter().zip(encoded(view, &batch, 1)) {
            db.insert(sled_key(key, number), row).expect("inserted");
        }
    }
    runtime.block_on(fill.flush()).expect("flushed");
    drop(fill);

    let mut group = criterion.benchmark_group("read");
    for (entities, views_read) in [(1, 1), (1, 3), (1, VIEWS), (100, 1), (100, 3), (100, VIEWS)] {
        let name = format!("{entities}x{views_read}");
        // Entities far from each other, other ones for every request.
        let requests: Vec<Vec<EntityKey>> = (0..64)
            .map(|request| {
                (0..entities).map(|entity| keys[(request * 131 + entity * 97) % keys.len()].clone()).collect()
            })
            .collect();
        for (kind, inline_read_rows) in [("inline", usize::MAX), ("pool", 0)] {
            let options = SledOptions { inline_read_rows, cache_bytes: 4 << 30, ..SledOptions::default() };
            let store = SledOnlineStore::open(folder.path(), options).expect("the store opens again");
            let requests: Vec<Vec<OnlineRead>> = requests
                .iter()
                .map(|request| {
                    let keys: Arc<[Option<EntityKey>]> = request.iter().cloned().map(Some).collect();
                    let features: Arc<[usize]> = (0..FEATURES).collect();
                    let read = |view: &Arc<OnlineView>| OnlineRead {
                        view: Arc::clone(view),
                        features: Arc::clone(&features),
                        keys: Arc::clone(&keys),
                    };
                    views.iter().take(views_read).map(read).collect()
                })
                .collect();
            let mut next = requests.iter().cycle();
            group.bench_function(BenchmarkId::new(kind, &name), |bencher| {
                bencher.iter(|| {
                    let reads = next.next().expect("the requests repeat").clone();
                    runtime.block_on(store.read(reads)).expect("read")
                });
            });
        }
        let requests: Vec<Vec<Vec<u8>>> = requests
            .iter()
            .map(|request| {
                request.iter().flat_map(|key| (0..views_read).map(|view| sled_key(key, view))).collect()
            })
            .collect();
        let mut next = requests.iter().cycle();
        group.bench_function(BenchmarkId::new("sled gets", &name), |bencher| {
            bencher.iter(|| {
                for key in next.next().expect("the requests repeat") {
                    black_box(db.get(key).expect("read").expect("there"));
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, codec, writes, reads);
criterion_main!(benches);
