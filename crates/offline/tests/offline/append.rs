//! Appending to sources: which columns, in what order the rows come, and what survives.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::support::{file_source, times, whole_numbers, with_mapping, write_parquet};
use arrow::array::{
    Array, ArrayRef, Float32Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampNanosecondArray,
};
use arrow::datatypes::DataType;
use larder_core::{
    DataSource, EntityFrame, ErrorKind, Field, FileFormat, OfflineStore, PointInTimeJoin, Timestamp,
    ValueType, ViewJoin,
};
use larder_offline::{FileOfflineStore, table};

const FORMATS: [FileFormat; 3] = [FileFormat::Parquet, FileFormat::Csv, FileFormat::NdJson];
const NOON: &str = "2024-01-01T12:00:00Z";

fn micros(text: &str) -> i64 {
    Timestamp::parse(text).unwrap().micros()
}

/// `driver_id`, `t`, `trips`: one row per value of `trips`, all of driver 1 at noon.
fn rows(trips: &[i64]) -> RecordBatch {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("driver_id", Arc::new(Int64Array::from(vec![1; trips.len()]))),
        ("t", times(trips.iter().map(|_| Some(micros(NOON))))),
        ("trips", Arc::new(Int64Array::from(trips.to_vec()))),
    ];
    crate::support::batch(columns, trips.len())
}

fn source(path: &str, format: FileFormat) -> DataSource {
    file_source(path, format, "t", None)
}

/// What driver 1 sees a second after noon.
async fn newest(store: &FileOfflineStore, source: &DataSource) -> Option<i64> {
    let keys: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let frame = EntityFrame {
        rows: crate::support::batch(vec![("driver_id", keys)], 1),
        event_timestamps: Arc::new([Some(Timestamp::from_micros(micros(NOON) + 1_000_000))]),
    };
    let view = ViewJoin {
        view: "stats".to_owned(),
        source: Arc::new(source.clone()),
        join_keys: vec![Field::new("driver_id", ValueType::INT64)],
        frame_columns: vec!["driver_id".to_owned()],
        ttl: Duration::ZERO,
        features: vec![Field::new("trips", ValueType::INT64)],
    };
    let join = PointInTimeJoin { frame, views: vec![view], filter_by_created_timestamp: false };
    whole_numbers(&store.join(join).await.unwrap()[0][0])[0]
}

fn write(path: &Path, rows: &RecordBatch, format: FileFormat) {
    match format {
        FileFormat::Parquet => write_parquet(path, rows, 2),
        _ => table::write_table(path, rows).unwrap(),
    }
}

#[tokio::test]
async fn appended_rows_are_read_back_and_win_ties_in_every_format_and_place() {
    for format in FORMATS {
        let folder = tempfile::tempdir().unwrap();
        let store = FileOfflineStore::new(folder.path().to_owned());
        let ending = format.name();
        fs::create_dir_all(folder.path().join("folder/z")).unwrap();
        fs::create_dir(folder.path().join("glob")).unwrap();
        for file in ["one", "folder/a", "folder/z/z", "glob/part-1"] {
            write(&folder.path().join(format!("{file}.{ending}")), &rows(&[1, 2, 3]), format);
        }
        for path in [format!("one.{ending}"), "folder".to_owned(), format!("glob/part-*.{ending}")] {
            let source = source(&path, format);
            assert_eq!(newest(&store, &source).await, Some(3), "{path}");
            for trips in [9, 4, 6] {
                store.append(&source, rows(&[8, trips])).await.unwrap();
                assert_eq!(newest(&store, &source).await, Some(trips), "{path}");
            }
        }
        let one = table::read_table(&folder.path().join(format!("one.{ending}"))).unwrap();
        assert_eq!(whole_numbers(one.column(2)), [1, 2, 3, 8, 9, 8, 4, 8, 6].map(Some));
    }
}

#[tokio::test]
async fn columns_that_do_not_match_are_refused_in_feasts_words() {
    for format in FORMATS {
        let folder = tempfile::tempdir().unwrap();
        let store = FileOfflineStore::new(folder.path().to_owned());
        let path = folder.path().join(format!("one.{}", format.name()));
        write(&path, &rows(&[1]), format);
        let before = fs::read(&path).unwrap();
        let source = source(&path.to_string_lossy(), format);
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("driver_id", Arc::new(Int64Array::from(vec![1]))),
            ("t", times([Some(0)].into_iter())),
            ("zzz", Arc::new(Int64Array::from(vec![1]))),
        ];
        let error = store.append(&source, crate::support::batch(columns, 1)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert_eq!(
            error.to_string(),
            "The input dataframe columns do not match the batch source columns. \
             missing_expected_columns: ['trips'], extra_unexpected_columns: ['zzz']."
        );
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}

#[tokio::test]
async fn the_columns_are_those_of_the_file_before_the_field_mapping_in_any_order() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileOfflineStore::new(folder.path().to_owned());
    write_parquet(&folder.path().join("one.parquet"), &rows(&[1]), 2);
    let source = source("one.parquet", FileFormat::Parquet);
    let mapped = with_mapping(source.clone(), &[("trips", "trip_count")]);
    let reordered = rows(&[5]).project(&[2, 0, 1]).unwrap();
    store.append(&mapped, reordered).await.unwrap();
    assert_eq!(newest(&store, &source).await, Some(5));
}

#[tokio::test]
async fn values_are_cast_to_the_types_of_the_file_and_times_without_zone_are_utc() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileOfflineStore::new(folder.path().to_owned());
    let path = folder.path().join("one.parquet");
    let nanos = micros(NOON) * 1_000;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("driver_id", Arc::new(Int32Array::from(vec![1]))),
        ("t", Arc::new(TimestampNanosecondArray::from(vec![nanos]).with_timezone("UTC"))),
        ("trips", Arc::new(Float32Array::from(vec![1.5]))),
    ];
    let file = crate::support::batch(columns, 1);
    write_parquet(&path, &file, 2);
    let pushed: Vec<(&str, ArrayRef)> = vec![
        ("driver_id", Arc::new(StringArray::from(vec!["1", "1"]))),
        ("t", Arc::new(StringArray::from(vec!["2024-01-01 12:00:00", "2024-01-01T17:30:00+05:30"]))),
        ("trips", Arc::new(Int64Array::from(vec![Some(2), None]))),
    ];
    let source = source("one.parquet", FileFormat::Parquet);
    store.append(&source, crate::support::batch(pushed, 2)).await.unwrap();
    let written = table::read_table(&path).unwrap();
    assert_eq!(written.schema(), file.schema());
    let expected = TimestampNanosecondArray::from(vec![nanos; 3]).with_timezone("UTC");
    assert_eq!(written.column(1).as_ref(), &expected as &dyn Array);
    assert_eq!(
        written.column(2).as_ref(),
        &Float32Array::from(vec![Some(1.5), Some(2.0), None]) as &dyn Array
    );

    let beyond: Vec<(&str, ArrayRef)> = vec![
        ("driver_id", Arc::new(Int64Array::from(vec![1, 1 << 40]))),
        ("t", times([Some(0), Some(0)].into_iter())),
        ("trips", Arc::new(Int64Array::from(vec![1, 1]))),
    ];
    let error = store.append(&source, crate::support::batch(beyond, 2)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().starts_with("column `driver_id`, row 1: 1099511627776"), "{error}");
    assert_eq!(table::read_table(&path).unwrap().num_rows(), 3);
}

#[tokio::test]
async fn a_push_does_not_change_what_a_text_column_means() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileOfflineStore::new(folder.path().to_owned());
    let path = folder.path().join("one.csv");
    // No end of line after the last row, and a day that is to be followed by a time of day.
    fs::write(&path, "driver_id,t,trips\n1,2024-01-01,1").unwrap();
    let source = source("one.csv", FileFormat::Csv);
    let push = |driver_id: ArrayRef, trips: ArrayRef| {
        let t: ArrayRef = Arc::new(StringArray::from(vec!["2024-01-01 12:00:00"]));
        crate::support::batch(vec![("driver_id", driver_id), ("t", t), ("trips", trips)], 1)
    };
    let one = || -> ArrayRef { Arc::new(Int64Array::from(vec![1])) };
    let error = store.append(&source, push(Arc::new(StringArray::from(vec!["x"])), one())).await.unwrap_err();
    assert!(error.to_string().contains("driver_id"), "{error}");
    store.append(&source, push(one(), Arc::new(Float64Array::from(vec![2.5])))).await.unwrap();
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        "driver_id,t,trips\n1,2024-01-01,1\n1,2024-01-01T12:00:00Z,2.5\n"
    );
    let read = table::read_table(&path).unwrap();
    assert_eq!(read.schema().field(2).data_type(), &DataType::Float64);
    assert_eq!(newest(&store, &source).await, Some(2));
}

#[tokio::test]
async fn large_row_groups_are_copied_and_small_ones_merged() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileOfflineStore::new(folder.path().to_owned());
    let path = folder.path().join("one.parquet");
    let large = 100_000;
    write_parquet_fast(&path, &rows(&vec![1; 2 * large]), large);
    let source = source("one.parquet", FileFormat::Parquet);
    for round in 0..3 {
        store.append(&source, rows(&vec![round; 30_000])).await.unwrap();
    }
    let file = fs::File::open(&path).unwrap();
    let footer = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let groups = footer.metadata().row_groups();
    let groups: Vec<i64> = groups.iter().map(parquet::file::metadata::RowGroupMetaData::num_rows).collect();
    assert_eq!(groups, [100_000, 130_000, 60_000]);
    assert_eq!(newest(&store, &source).await, Some(2));
    let all = table::read_table(&path).unwrap();
    let sum: i64 = whole_numbers(all.column(2)).into_iter().flatten().sum();
    assert_eq!((all.num_rows(), sum), (290_000, 200_000 + 30_000 + 60_000));
}

fn write_parquet_fast(path: &Path, rows: &RecordBatch, rows_per_group: usize) {
    let properties = parquet::file::properties::WriterProperties::builder()
        .set_max_row_group_row_count(Some(rows_per_group))
        .build();
    let file = fs::File::create(path).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, rows.schema(), Some(properties)).unwrap();
    writer.write(rows).unwrap();
    writer.close().unwrap();
}

#[tokio::test]
async fn what_a_crashed_writer_left_behind_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileOfflineStore::new(folder.path().to_owned());
    fs::create_dir(folder.path().join("folder")).unwrap();
    write_parquet(&folder.path().join("folder/a.parquet"), &rows(&[1]), 2);
    fs::write(folder.path().join("folder/.b.parquet.1-0.tmp"), "half a file").unwrap();
    fs::write(folder.path().join("folder/.c.parquet"), "half a file").unwrap();
    fs::write(folder.path().join("folder/_SUCCESS"), "").unwrap();
    let source = source("folder", FileFormat::Parquet);
    assert_eq!(newest(&store, &source).await, Some(1));
    store.append(&source, rows(&[2])).await.unwrap();
    assert_eq!(newest(&store, &source).await, Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_at_the_same_time_lose_no_row_and_readers_see_whole_appends() {
    for (format, path) in
        [(FileFormat::Parquet, "one.parquet"), (FileFormat::Csv, "one.csv"), (FileFormat::Parquet, "folder")]
    {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("folder")).unwrap();
        let file = if path == "folder" { "folder/a.parquet" } else { path };
        write(&folder.path().join(file), &rows(&[0, 0]), format);
        let store = FileOfflineStore::new(folder.path().to_owned());
        let source = Arc::new(source(path, format));
        let tasks: Vec<_> = (1..=8_i64)
            .map(|push| {
                let (store, source) = (store.clone(), Arc::clone(&source));
                tokio::spawn(async move {
                    store.append(&source, rows(&[push, push])).await.unwrap();
                    count(&store, &source).await
                })
            })
            .collect();
        for task in tasks {
            assert_eq!(task.await.unwrap() % 2, 0, "{path}: half of an append was seen");
        }
        assert_eq!(count(&store, &source).await, 18, "{path}");
    }
}

async fn count(store: &FileOfflineStore, source: &DataSource) -> u64 {
    let pull = larder_core::PullLatest {
        view: "stats".to_owned(),
        source: Arc::new(source.clone()),
        join_keys: vec![Field::new("driver_id", ValueType::INT64)],
        features: vec![],
        start: Timestamp::MIN,
        end: Timestamp::MAX,
    };
    store.pull_latest(pull).await.unwrap().summary.rows_scanned
}

/// Spark wrote times as INT96 for long: 8 bytes of nanoseconds of the day, 4 bytes of the Julian day.
#[tokio::test]
async fn times_in_the_old_96_bit_form_are_read_and_can_be_appended_to() {
    use parquet::data_type::{Int64Type, Int96, Int96Type};
    use parquet::file::writer::SerializedFileWriter;
    let folder = tempfile::tempdir().unwrap();
    let schema = "message rows { REQUIRED INT64 driver_id; REQUIRED INT96 t; REQUIRED INT64 trips; }";
    let schema = Arc::new(parquet::schema::parser::parse_message_type(schema).unwrap());
    let file = fs::File::create(folder.path().join("one.parquet")).unwrap();
    let mut writer = SerializedFileWriter::new(file, schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    // 2024-01-01 is Julian day 2,460,311; eleven o'clock and noon.
    let hour = |hour: u64| {
        let nanos = hour * 3_600_000_000_000;
        let (low, high) = (nanos & u64::from(u32::MAX), nanos >> 32);
        Int96::from(vec![u32::try_from(low).unwrap(), u32::try_from(high).unwrap(), 2_460_311])
    };
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int64Type>().write_batch(&[1, 1], None, None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int96Type>().write_batch(&[hour(12), hour(11)], None, None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int64Type>().write_batch(&[7, 6], None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();

    let store = FileOfflineStore::new(folder.path().to_owned());
    let source = source("one.parquet", FileFormat::Parquet);
    assert_eq!(newest(&store, &source).await, Some(7));
    store.append(&source, rows(&[9])).await.unwrap();
    assert_eq!(newest(&store, &source).await, Some(9));
    assert_eq!(count(&store, &source).await, 3);
}
