//! What a point-in-time join costs, per call: 100,000 entity rows joined to 1,000,000 source rows with 16
//! features, beside merely reading the Parquet columns that any join must read. The ratio of the two is
//! what to watch: the aim is below 1.5.
//!
//! `LARDER_BENCH_ENTITY_ROWS` and `LARDER_BENCH_SOURCE_ROWS` change the sizes.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Float32Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use criterion::{Criterion, criterion_group, criterion_main};
use larder_core::{
    DataSource, DataSourceKind, EntityFrame, Field, FileSource, OfflineStore, PointInTimeJoin, Timestamp,
    ValueType, ViewJoin, timestamp_data_type,
};
use larder_offline::FileOfflineStore;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use rayon::prelude::*;
use tokio::runtime::Runtime;

const HOUR: i64 = 3_600_000_000;
const START: i64 = 1_759_276_800_000_000;
const FEATURES: usize = 16;
const ROWS_PER_GROUP: usize = 131_072;

/// A generator of well-mixed numbers; the same for the same seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: i64) -> i64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        i64::try_from((mixed ^ (mixed >> 31)) >> 1).expect("63 bits") % limit
    }
}

fn rows(variable: &str, default: i64) -> i64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number of rows"))
}

fn times(micros: Vec<i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(micros).with_data_type(timestamp_data_type()))
}

/// Unsorted rows on an hour grid, so that keys and times repeat and the created time breaks ties.
fn write_source(path: &Path, row_count: i64, ids: i64) {
    let mut numbers = Numbers(1);
    let mut writer: Option<ArrowWriter<File>> = None;
    let mut left = usize::try_from(row_count).expect("rows fit");
    while left > 0 {
        let rows = left.min(ROWS_PER_GROUP);
        left -= rows;
        let mut many = |limit| (0..rows).map(|_| numbers.below(limit)).collect::<Vec<i64>>();
        let ids: Vec<i64> = many(ids);
        let event: Vec<i64> = many(30 * 24).iter().map(|hour| START + hour * HOUR).collect();
        let created: Vec<i64> = many(6 * HOUR).iter().zip(&event).map(|(late, event)| event + late).collect();
        let mut columns: Vec<(String, ArrayRef)> = vec![
            ("driver_id".to_owned(), Arc::new(Int64Array::from(ids))),
            ("event_timestamp".to_owned(), times(event)),
            ("created".to_owned(), times(created)),
        ];
        for feature in 0..FEATURES {
            #[expect(clippy::cast_precision_loss, reason = "any float will do")]
            let values: Float32Array =
                (0..rows).map(|_| numbers.below(1 << 24) as f32 / (1 << 24) as f32).collect();
            columns.push((format!("f{feature:02}"), Arc::new(values)));
        }
        let batch = RecordBatch::try_from_iter(columns).expect("columns of one length");
        let writer = writer.get_or_insert_with(|| {
            let properties = parquet::file::properties::WriterProperties::builder()
                .set_compression(parquet::basic::Compression::SNAPPY)
                .build();
            let file = File::create(path).expect("the folder is writable");
            ArrowWriter::try_new(file, batch.schema(), Some(properties)).expect("the schema is plain")
        });
        writer.write(&batch).expect("the disk has room");
        writer.flush().expect("the disk has room");
    }
    writer.expect("at least one row").close().expect("the disk has room");
}

fn frame(row_count: i64, ids: i64) -> EntityFrame {
    let mut numbers = Numbers(2);
    let mut many = |limit| (0..row_count).map(|_| numbers.below(limit)).collect::<Vec<i64>>();
    // One in a hundred is unknown to the source.
    let keys: ArrayRef = Arc::new(Int64Array::from(many(ids + ids / 100)));
    let times = many(30 * 24 * HOUR);
    let event_timestamps = times.iter().map(|time| Some(Timestamp::from_micros(START + time))).collect();
    let rows = RecordBatch::try_from_iter([("driver_id", keys)]).expect("one column");
    EntityFrame { rows, event_timestamps }
}

fn view() -> ViewJoin {
    let source = DataSource {
        name: "stats".to_owned(),
        kind: DataSourceKind::File(FileSource {
            created_timestamp_column: Some("created".to_owned()),
            ..FileSource::new("stats.parquet", "event_timestamp")
        }),
        description: String::new(),
        tags: BTreeMap::new(),
        owner: String::new(),
    };
    ViewJoin {
        view: "stats".to_owned(),
        source: Arc::new(source),
        join_keys: vec![Field::new("driver_id", ValueType::INT64)],
        frame_columns: vec!["driver_id".to_owned()],
        ttl: Duration::from_secs(7 * 86_400),
        features: (0..FEATURES).map(|f| Field::new(format!("f{f:02}"), ValueType::FLOAT32)).collect(),
    }
}

/// Decodes all columns of all row groups, on all threads, and keeps nothing.
fn read_all(path: &Path) -> usize {
    let file = File::open(path).expect("written above");
    let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).expect("written above");
    let groups = 0..metadata.metadata().num_row_groups();
    groups
        .into_par_iter()
        .map(|group| {
            let file = File::open(path).expect("written above");
            let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata.clone())
                .with_row_groups(vec![group])
                .with_batch_size(16_384)
                .build()
                .expect("written above");
            reader.map(|batch| batch.expect("written above").num_rows()).sum::<usize>()
        })
        .sum()
}

fn join(criterion: &mut Criterion) {
    let (entity_rows, source_rows) =
        (rows("LARDER_BENCH_ENTITY_ROWS", 100_000), rows("LARDER_BENCH_SOURCE_ROWS", 1_000_000));
    let ids = 100_000;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("stats.parquet");
    write_source(&path, source_rows, ids);
    let store = FileOfflineStore::new(folder.path().to_owned());
    let runtime = Runtime::new().expect("a runtime");
    let join = PointInTimeJoin {
        frame: frame(entity_rows, ids),
        views: vec![view()],
        filter_by_created_timestamp: false,
    };

    let mut group = criterion.benchmark_group(format!("join of {entity_rows} x {source_rows} x {FEATURES}"));
    group.sample_size(10);
    group.bench_function("read the columns", |bencher| bencher.iter(|| read_all(&path)));
    group.bench_function("join", |bencher| {
        bencher.iter(|| runtime.block_on(store.join(join.clone())).expect("the join is sound"));
    });
    group.finish();
}

criterion_group!(benches, join);
criterion_main!(benches);
