//! How sources are found, which types their columns have, and what is said when they are broken.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::support::{file_source, times, whole_numbers, with_mapping, write_parquet};
use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Float64Array, Int32Array, Int64Array,
    LargeStringArray, ListArray, RecordBatch, StringArray, TimestampSecondArray,
};
use arrow::datatypes::{DataType, Int64Type};
use futures::TryStreamExt;
use larder_core::{
    DataSource, EntityFrame, Error, ErrorKind, Field, FileFormat, OfflineStore, PointInTimeJoin, PullLatest,
    Timestamp, ValueType, ViewJoin, timestamp_data_type,
};
use larder_offline::{FileOfflineStore, OfflineError, table};

const HOUR: i64 = 3_600_000_000;

fn rows(hours: &[i64]) -> RecordBatch {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("driver_id", Arc::new(Int64Array::from(vec![1; hours.len()]))),
        ("t", times(hours.iter().map(|hour| Some(hour * HOUR)))),
        ("trips", Arc::new(Int64Array::from(hours.to_vec()))),
    ];
    crate::support::batch(columns, hours.len())
}

fn parquet(path: &str) -> DataSource {
    file_source(path, FileFormat::Parquet, "t", None)
}

fn view(source: &DataSource, feature: Field) -> ViewJoin {
    ViewJoin {
        view: "stats".to_owned(),
        source: Arc::new(source.clone()),
        join_keys: vec![Field::new("driver_id", ValueType::INT64)],
        frame_columns: vec!["driver_id".to_owned()],
        ttl: Duration::ZERO,
        features: vec![feature],
    }
}

/// One feature of driver 1 at hour 1,000.
async fn feature(store: &FileOfflineStore, source: &DataSource, feature: Field) -> Result<ArrayRef, Error> {
    let keys: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let frame = EntityFrame {
        rows: crate::support::batch(vec![("driver_id", keys)], 1),
        event_timestamps: Arc::new([Some(Timestamp::from_micros(1_000 * HOUR))]),
    };
    let views = vec![view(source, feature)];
    let joined = store.join(PointInTimeJoin { frame, views, filter_by_created_timestamp: false }).await?;
    Ok(Arc::clone(&joined[0][0]))
}

async fn trips(store: &FileOfflineStore, source: &DataSource) -> Result<Option<i64>, Error> {
    let column = feature(store, source, Field::new("trips", ValueType::INT64)).await?;
    Ok(whole_numbers(&column)[0])
}

fn store(folder: &Path) -> FileOfflineStore {
    FileOfflineStore::new(folder.to_owned())
}

#[tokio::test]
async fn a_path_is_a_file_a_folder_or_a_glob_relative_to_the_repo_or_absolute() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("data/day=2")).unwrap();
    write_parquet(&folder.path().join("data/a.parquet"), &rows(&[1, 2]), 1);
    write_parquet(&folder.path().join("data/day=2/b.parquet"), &rows(&[3]), 1);
    fs::write(folder.path().join("data/notes.txt"), "not a table").unwrap();
    let store = store(folder.path());
    let absolute = folder.path().join("data/a.parquet").to_string_lossy().into_owned();
    for (path, expected) in [
        ("data/a.parquet", 2),
        ("data", 3),
        ("data/", 3),
        ("data/*.parquet", 2),
        ("data/**/*.parquet", 3),
        ("data/day=*", 3),
        ("file://data", 3),
        (absolute.as_str(), 2),
        (format!("file://{absolute}").as_str(), 2),
    ] {
        assert_eq!(trips(&store, &parquet(path)).await.unwrap(), Some(expected), "{path}");
    }
}

#[tokio::test]
async fn files_are_in_the_order_of_their_names_so_the_last_name_wins_ties() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    // Written in another order than that of the names; feature values tell the files apart.
    for (file, trips) in [("c", 3), ("a", 1), ("b", 2)] {
        let rows = rows(&[7]);
        let mut columns = rows.columns().to_vec();
        columns[2] = Arc::new(Int64Array::from(vec![trips]));
        let rows = RecordBatch::try_new(rows.schema(), columns).unwrap();
        write_parquet(&folder.path().join(format!("data/{file}.parquet")), &rows, 1);
    }
    assert_eq!(trips(&store(folder.path()), &parquet("data")).await.unwrap(), Some(3));
}

#[tokio::test]
async fn what_is_missing_or_broken_is_named_with_its_source_and_path() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("empty")).unwrap();
    fs::create_dir_all(folder.path().join("mixed")).unwrap();
    fs::write(folder.path().join("broken.parquet"), "PAR1 no").unwrap();
    fs::write(folder.path().join("broken.csv"), "driver_id,t,trips\n1,2024-01-01\n").unwrap();
    fs::write(folder.path().join("broken.ndjson"), "{\"driver_id\": 1}\nnot json\n").unwrap();
    write_parquet(&folder.path().join("mixed/a.parquet"), &rows(&[1]), 1);
    write_parquet(&folder.path().join("mixed/b.parquet"), &rows(&[1]).project(&[0, 1]).unwrap(), 1);
    let store = store(folder.path());
    let source =
        |path: &str| file_source(path, FileFormat::from_path(path).unwrap_or(FileFormat::Parquet), "t", None);
    for (path, kind, text) in [
        ("nowhere.parquet", ErrorKind::NotFound, "`stats_source`: there is no file or folder"),
        ("empty", ErrorKind::NotFound, "holds no parquet file"),
        ("empty/*.parquet", ErrorKind::NotFound, "holds no parquet file"),
        ("broken.parquet", ErrorKind::Corrupt, "broken.parquet is not a readable parquet file"),
        ("broken.csv", ErrorKind::Corrupt, "broken.csv is not a readable csv file"),
        ("broken.ndjson", ErrorKind::Corrupt, "line 2 is not a JSON object"),
        ("mixed", ErrorKind::Invalid, "column `trips` is missing in"),
    ] {
        let error = trips(&store, &source(path)).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{path}: {}", error.chain());
        assert!(error.chain().contains(text), "{path}: {}", error.chain());
    }
    let error = trips(&store, &source("mixed")).await.unwrap_err();
    assert!(error.to_string().contains("b.parquet; it has driver_id, t"), "{error}");
    let unwanted = feature(&store, &source("mixed"), Field::new("t", ValueType::UNIX_TIMESTAMP)).await;
    assert!(unwanted.is_ok(), "a file may lack columns that nobody wants");
}

#[tokio::test]
async fn a_frame_without_its_keys_names_all_that_are_missing() {
    let folder = tempfile::tempdir().unwrap();
    write_parquet(&folder.path().join("a.parquet"), &rows(&[1]), 1);
    let mut other = view(&parquet("a.parquet"), Field::new("trips", ValueType::INT64));
    other.frame_columns = vec!["origin_id".to_owned()];
    let views = vec![view(&parquet("a.parquet"), Field::new("trips", ValueType::INT64)), other];
    let frame = EntityFrame { rows: crate::support::batch(vec![], 1), event_timestamps: Arc::new([None]) };
    let join = PointInTimeJoin { frame, views, filter_by_created_timestamp: false };
    let error = store(folder.path()).join(join).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "The entity dataframe you have provided must contain columns ['driver_id', 'origin_id'], \
         but ['driver_id', 'origin_id'] were missing."
    );
}

#[tokio::test]
async fn a_value_that_does_not_fit_names_file_column_and_row() {
    let folder = tempfile::tempdir().unwrap();
    let lines = "driver_id,t,trips\n2,2024-01-01,1\n1,1970-01-01,x\n2,2024-01-01,3\n";
    fs::write(folder.path().join("a.csv"), lines).unwrap();
    let source = file_source("a.csv", FileFormat::Csv, "t", None);
    let error = trips(&store(folder.path()), &source).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(
        error.chain().contains("a.csv does not fit its definition: column `trips`, row 1: x"),
        "{}",
        error.chain()
    );

    let mut columns = rows(&[1, 2, 3]).columns().to_vec();
    columns[2] = Arc::new(StringArray::from(vec!["1", "2", "x"]));
    let names = ["driver_id", "t", "trips"].into_iter().zip(columns).collect();
    write_parquet(&folder.path().join("a.parquet"), &crate::support::batch(names, 3), 2);
    let error = trips(&store(folder.path()), &parquet("a.parquet")).await.unwrap_err();
    assert!(error.chain().contains("column `trips`, row 2: x"), "{}", error.chain());
}

#[tokio::test]
async fn files_may_differ_in_the_types_and_order_of_their_columns() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    write_parquet(&folder.path().join("data/a.parquet"), &rows(&[1, 2]), 1);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("trips", Arc::new(Int32Array::from(vec![9]))),
        ("t", Arc::new(LargeStringArray::from(vec!["1970-01-01T05:00:00+02:00"]))),
        ("driver_id", Arc::new(Float64Array::from(vec![1.0]))),
    ];
    write_parquet(&folder.path().join("data/b.parquet"), &crate::support::batch(columns, 1), 1);
    assert_eq!(trips(&store(folder.path()), &parquet("data")).await.unwrap(), Some(9));
}

#[tokio::test]
async fn event_times_may_have_any_form_of_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let forms: Vec<ArrayRef> = vec![
        Arc::new(TimestampSecondArray::from(vec![86_400, 2 * 86_400])),
        Arc::new(TimestampSecondArray::from(vec![86_400, 2 * 86_400]).with_timezone("+05:30")),
        Arc::new(Date32Array::from(vec![1, 2])),
        Arc::new(Int64Array::from(vec![86_400, 2 * 86_400])),
        Arc::new(StringArray::from(vec!["1970-01-02", "1970-01-03 00:00"])),
    ];
    for (place, form) in forms.into_iter().enumerate() {
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("driver_id", Arc::new(Int64Array::from(vec![1, 1]))),
            ("t", form),
            ("trips", Arc::new(Int64Array::from(vec![7, 8]))),
        ];
        let path = format!("{place}.parquet");
        write_parquet(&folder.path().join(&path), &crate::support::batch(columns, 2), 1);
        assert_eq!(trips(&store(folder.path()), &parquet(&path)).await.unwrap(), Some(8), "{path}");
        // The same span, so that statistics of every form are put to the test.
        let pull = PullLatest {
            view: "stats".to_owned(),
            source: Arc::new(parquet(&path)),
            join_keys: vec![Field::new("driver_id", ValueType::INT64)],
            features: vec![Field::new("trips", ValueType::INT64)],
            start: Timestamp::from_micros(24 * HOUR),
            end: Timestamp::from_micros(24 * HOUR),
        };
        let latest = store(folder.path()).pull_latest(pull).await.unwrap();
        let parts: Vec<_> = latest.parts.try_collect().await.unwrap();
        assert_eq!(whole_numbers(parts[0].features.column(0)), [Some(7)], "{path}");
    }
}

#[tokio::test]
async fn row_groups_out_of_the_span_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    write_parquet(&folder.path().join("a.parquet"), &rows(&(0..100).collect::<Vec<_>>()), 10);
    let pull = PullLatest {
        view: "stats".to_owned(),
        source: Arc::new(parquet("a.parquet")),
        join_keys: vec![],
        features: vec![Field::new("trips", ValueType::INT64)],
        start: Timestamp::from_micros(29 * HOUR),
        end: Timestamp::from_micros(30 * HOUR),
    };
    let latest = store(folder.path()).pull_latest(pull).await.unwrap();
    assert_eq!((latest.summary.rows_scanned, latest.summary.keys), (20, 1));
    let parts: Vec<_> = latest.parts.try_collect().await.unwrap();
    assert_eq!(parts[0].keys.num_rows(), 1);
    assert_eq!(whole_numbers(parts[0].features.column(0)), [Some(30)]);
}

#[tokio::test]
async fn the_newest_rows_come_in_parts_in_the_order_of_their_encoded_keys() {
    let folder = tempfile::tempdir().unwrap();
    let count = 20_000_i64;
    // A step that shares no factor with the count visits every key once, in no simple order.
    let ids: Vec<i64> = (0..count).map(|row| row * 7_919 % count).collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("driver_id", Arc::new(Int64Array::from(ids.clone()))),
        ("t", times(ids.iter().map(|id| Some(*id)))),
        ("trips", Arc::new(Int64Array::from(ids))),
    ];
    let rows = crate::support::batch(columns, 20_000);
    let file = fs::File::create(folder.path().join("a.parquet")).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, rows.schema(), None).unwrap();
    writer.write(&rows).unwrap();
    writer.close().unwrap();
    let join_keys = vec![Field::new("driver_id", ValueType::INT64)];
    let pull = PullLatest {
        view: "stats".to_owned(),
        source: Arc::new(parquet("a.parquet")),
        join_keys: join_keys.clone(),
        features: vec![Field::new("trips", ValueType::INT64)],
        start: Timestamp::MIN,
        end: Timestamp::MAX,
    };
    let latest = store(folder.path()).pull_latest(pull).await.unwrap();
    let parts: Vec<_> = latest.parts.try_collect().await.unwrap();
    assert_eq!(parts.iter().map(|part| part.keys.num_rows()).collect::<Vec<_>>(), [8_192, 8_192, 3_616]);
    let encoder =
        larder_core::EntityKeyEncoder::try_new(&join_keys, larder_core::EntityKeyVersion::V3).unwrap();
    let mut encoded = Vec::new();
    for part in &parts {
        assert_eq!(whole_numbers(part.keys.column(0)), whole_numbers(part.features.column(0)));
        encoded.extend(encoder.encode(part.keys.columns(), part.keys.num_rows()).unwrap());
    }
    assert!(encoded.is_sorted_by(|one, next| one < next));
    assert_eq!(encoded.len(), 20_000);
}

#[tokio::test]
async fn declared_types_go_before_those_that_text_seems_to_have() {
    let folder = tempfile::tempdir().unwrap();
    let csv = "driver_id,t,code,tags,blob,ok\n1,1970-01-01,00,\"[1, null]\",aGk=,true\n";
    let ndjson = "{\"driver_id\": 1, \"t\": \"1970-01-01\", \"code\": \"00\", \"tags\": [1, null], \"blob\": \"aGk=\", \"ok\": true}\n";
    fs::write(folder.path().join("a.csv"), csv).unwrap();
    fs::write(folder.path().join("a.ndjson"), ndjson).unwrap();
    let store = store(folder.path());
    for path in ["a.csv", "a.ndjson"] {
        let source = file_source(path, FileFormat::from_path(path).unwrap(), "t", None);
        let column = |name, value_type| feature(&store, &source, Field::new(name, value_type));
        let code = column("code", ValueType::STRING).await.unwrap();
        assert_eq!(code.as_ref(), &StringArray::from(vec!["00"]) as &dyn Array, "{path}");
        let tags = column("tags", ValueType::array(ValueType::INT64).unwrap()).await.unwrap();
        let expected = ListArray::from_iter_primitive::<Int64Type, _, _>([Some([Some(1), None])]);
        assert_eq!(tags.as_ref(), &expected as &dyn Array, "{path}");
        let blob = column("blob", ValueType::BYTES).await.unwrap();
        assert_eq!(blob.as_ref(), &BinaryArray::from(vec![b"hi".as_slice()]) as &dyn Array, "{path}");
        let ok = column("ok", ValueType::BOOL).await.unwrap();
        assert_eq!(ok.as_ref(), &BooleanArray::from(vec![true]) as &dyn Array, "{path}");
        let number = column("code", ValueType::INT64).await.unwrap();
        assert_eq!(whole_numbers(&number), [Some(0)], "{path}");
    }
}

#[tokio::test]
async fn the_schema_is_that_of_all_files_after_the_field_mapping() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    fs::write(folder.path().join("data/a.csv"), "driver_id,t,n,city\n1,2024-01-01T00:00:00Z,1,\n").unwrap();
    fs::write(folder.path().join("data/b.csv"), "t,driver_id,n,city\n2024-01-02,2,1.5,Ulm\n").unwrap();
    let source = with_mapping(file_source("data", FileFormat::Csv, "t", None), &[("n", "trips")]);
    let schema = store(folder.path()).schema(&source).await.unwrap();
    let columns: Vec<(&str, &DataType)> =
        schema.fields().iter().map(|field| (field.name().as_str(), field.data_type())).collect();
    let expected = [
        ("driver_id", &DataType::Int64),
        ("t", &timestamp_data_type()),
        ("trips", &DataType::Float64),
        ("city", &DataType::Utf8),
    ];
    assert_eq!(columns, expected);
}

#[tokio::test]
async fn parquet_files_that_disagree_about_a_column_have_no_schema() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    write_parquet(&folder.path().join("data/a.parquet"), &rows(&[1]), 1);
    let mut columns = rows(&[1]).columns().to_vec();
    columns[2] = Arc::new(StringArray::from(vec!["1"]));
    let names = ["driver_id", "t", "trips"].into_iter().zip(columns).collect();
    write_parquet(&folder.path().join("data/b.parquet"), &crate::support::batch(names, 1), 1);
    let error = store(folder.path()).schema(&parquet("data")).await.unwrap_err();
    assert!(error.to_string().contains("column `trips` holds Int64 in"), "{error}");
    assert!(error.to_string().contains("b.parquet; rewrite one of them"), "{error}");
}

#[test]
fn tables_come_back_from_every_format_as_they_were_written() {
    let lists =
        ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1), None]), None, Some(vec![])]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from(vec![Some(1), None, Some(-3)]))),
        ("event_timestamp", times([Some(1_704_110_400_000_001), None, Some(-1)].into_iter())),
        ("rate", Arc::new(Float64Array::from(vec![Some(0.1), Some(-2.5e-9), None]))),
        ("ok", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]))),
        ("code", Arc::new(StringArray::from(vec![Some("007"), Some("a \"b\",\nc"), None]))),
        ("nothing", Arc::new(StringArray::from(vec![Some("é"), None, None]))),
        ("list", Arc::new(lists)),
    ];
    let rows = crate::support::batch(columns, 3);
    let folder = tempfile::tempdir().unwrap();
    for file in ["t.parquet", "t.ndjson", "t.csv"] {
        let path = folder.path().join(file);
        table::write_table(&path, &rows).unwrap();
        let read = table::read_table(&path).unwrap();
        if file == "t.csv" {
            // A CSV cell with a list is text until its type is declared.
            assert_eq!(
                read.project(&[0, 1, 2, 3, 4, 5]).unwrap(),
                rows.project(&[0, 1, 2, 3, 4, 5]).unwrap()
            );
            let cells = StringArray::from(vec![Some("[1,null]"), None, Some("[]")]);
            assert_eq!(read.column(6).as_ref(), &cells as &dyn Array);
        } else {
            assert_eq!(read, rows, "{file}");
        }
    }
    let unknown = table::read_table(&folder.path().join("t.xlsx")).unwrap_err();
    assert!(matches!(unknown, OfflineError::UnknownFormat { .. }));
    let nowhere = Error::from(table::read_table(&folder.path().join("u.csv")).unwrap_err());
    assert_eq!(nowhere.kind(), ErrorKind::NotFound);
    assert!(nowhere.to_string().starts_with("cannot read "), "{nowhere}");
}
