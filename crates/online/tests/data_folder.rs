//! A folder belongs to one process, keeps its rows, and says what it holds.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use larder_core::{
    EntityKey, ErrorKind, Field, OnlineColumn, OnlineRead, OnlineStore, OnlineView, OnlineWrite, RowVersion,
    Timestamp, ValueType,
};
use larder_online::row::{CorruptRow, RowFault};
use larder_online::{OnlineError, ServerAddress, SledOnlineStore, SledOptions};

type TestResult = Result<(), Box<dyn std::error::Error>>;

fn open(folder: &Path) -> Result<SledOnlineStore, OnlineError> {
    SledOnlineStore::open(folder, SledOptions { cache_bytes: 16 << 20, ..SledOptions::default() })
}

fn view(features: &[&str]) -> Arc<OnlineView> {
    let features = features.iter().map(|name| Field::new(*name, ValueType::INT64)).collect();
    Arc::new(OnlineView { project: "rides".into(), name: "driver_stats".into(), features })
}

fn key() -> EntityKey {
    EntityKey::from_bytes(b"driver 1001")
}

async fn write(store: &SledOnlineStore, view: &Arc<OnlineView>, event: i64, value: i64) -> TestResult {
    let columns = view.features.iter().map(|feature| {
        let column: ArrayRef = Arc::new(Int64Array::from(vec![value]));
        (feature.name.as_str(), column)
    });
    let write = OnlineWrite {
        view: Arc::clone(view),
        keys: vec![key()],
        versions: vec![RowVersion {
            event_timestamp: Timestamp::from_micros(event),
            created_timestamp: None,
        }],
        features: RecordBatch::try_from_iter(columns)?,
    };
    store.write(write).await?;
    store.flush().await?;
    Ok(())
}

async fn read(store: &SledOnlineStore, view: &Arc<OnlineView>) -> larder_core::Result<Vec<OnlineColumn>> {
    let features = (0..view.features.len()).collect();
    let read = OnlineRead { view: Arc::clone(view), features, keys: Arc::new([Some(key())]) };
    let rows = store.read(vec![read]).await?;
    Ok(rows.into_iter().flat_map(|rows| rows.columns).collect())
}

fn values(columns: &[OnlineColumn]) -> Vec<Option<i64>> {
    let values = columns.iter().map(|column| column.values.as_primitive::<Int64Type>());
    values.map(|values| values.is_valid(0).then(|| values.value(0))).collect()
}

/// Changes the stored rows behind the store's back.
fn rewrite_rows(folder: &Path, change: impl Fn(Vec<u8>) -> Vec<u8>) -> TestResult {
    // Sled's background work may hold its file for an instant after the store was dropped.
    let db = (0..500).find_map(|_| {
        thread::sleep(Duration::from_millis(10));
        sled::open(folder.join("sled")).ok()
    });
    let rows = db.as_ref().ok_or("sled's file is released")?.open_tree("rows/rides")?;
    for item in &rows {
        let (key, value) = item?;
        rows.insert(key, change(value.to_vec()))?;
    }
    rows.flush()?;
    Ok(())
}

#[tokio::test]
async fn rows_survive_closing_and_are_read_after_the_features_changed() -> TestResult {
    let folder = tempfile::tempdir()?;
    let before = view(&["trips", "rating"]);
    write(&open(folder.path())?, &before, 5, 7).await?;

    let store = open(folder.path())?;
    assert_eq!(values(&read(&store, &before).await?), [Some(7), Some(7)]);
    let after = read(&store, &view(&["rating", "new"])).await?;
    assert_eq!(values(&after), [Some(7), None]);
    assert!(after.iter().map(|column| column.present.value(0)).eq([true, false]));

    write(&store, &before, 4, 8).await?;
    assert_eq!(values(&read(&store, &before).await?), [Some(7), Some(7)], "newest wins after reopening too");
    Ok(())
}

/// Sled keeps values that exceed a segment of its log (512 KiB) in files of their own.
#[tokio::test]
async fn rows_larger_than_a_segment_of_the_log_survive_too() -> TestResult {
    let folder = tempfile::tempdir()?;
    let features = vec![Field::new("text", ValueType::STRING)];
    let view = Arc::new(OnlineView { project: "rides".into(), name: "texts".into(), features });
    let texts: ArrayRef =
        Arc::new(StringArray::from_iter_values((0..4).map(|row| "ß".repeat(row * 400_000))));
    let keys: Vec<EntityKey> = (0..4_u8).map(|row| EntityKey::from_bytes(&[row])).collect();
    let version = RowVersion { event_timestamp: Timestamp::from_micros(1), created_timestamp: None };
    let store = open(folder.path())?;
    for _ in 0..3 {
        let write = OnlineWrite {
            view: Arc::clone(&view),
            keys: keys.clone(),
            versions: vec![version; 4],
            features: RecordBatch::try_from_iter([("text", Arc::clone(&texts))])?,
        };
        assert_eq!(store.write(write).await?.written, 4);
    }
    store.flush().await?;
    drop(store);
    let keys = keys.into_iter().map(Some).collect();
    let rows = open(folder.path())?.read(vec![OnlineRead { view, features: Arc::new([0]), keys }]).await?;
    assert_eq!(&rows[0].columns[0].values, &texts);
    Ok(())
}

#[tokio::test]
async fn a_removed_view_stays_removed() -> TestResult {
    let folder = tempfile::tempdir()?;
    let view = view(&["trips"]);
    let store = open(folder.path())?;
    write(&store, &view, 5, 7).await?;
    store.remove_view("rides", "driver_stats").await?;
    drop(store);
    let store = open(folder.path())?;
    assert_eq!(values(&read(&store, &view).await?), [None]);

    // A view that has rows from an earlier process is found and removed too.
    write(&store, &view, 1, 3).await?;
    drop(store);
    let store = open(folder.path())?;
    store.remove_view("rides", "driver_stats").await?;
    assert_eq!(values(&read(&store, &view).await?), [None]);
    Ok(())
}

#[test]
fn a_second_store_on_the_folder_is_told_who_holds_it() -> TestResult {
    let folder = tempfile::tempdir()?;
    let store = open(folder.path())?;
    let Err(OnlineError::Locked { path, holder: None }) = open(folder.path()) else {
        return Err("the folder is locked by a store without a server".into());
    };
    assert_eq!(path, folder.path());

    let http: SocketAddr = "127.0.0.1:6566".parse()?;
    let published = store.publish_address(http, Some(vec![1, 2, 3]))?;
    let address = ServerAddress { http, pid: std::process::id(), certificate: Some(vec![1, 2, 3]) };
    assert_eq!(ServerAddress::read(folder.path())?.as_ref(), Some(&address));
    let error = open(folder.path()).expect_err("the folder is still locked");
    assert_eq!(
        error.to_string(),
        format!(
            "the online store in `{}` is in use by another process; it serves at https://127.0.0.1:6566 \
             (process {}): send the request there, or stop it",
            folder.path().display(),
            std::process::id()
        )
    );
    let OnlineError::Locked { holder, .. } = error else { return Err("locked".into()) };
    assert_eq!(holder, Some(address));
    assert_eq!(larder_core::Error::from(OnlineError::Closed).kind(), ErrorKind::Unavailable);

    drop(published);
    assert_eq!(ServerAddress::read(folder.path())?, None, "the holder no longer serves");
    drop(store);
    open(folder.path())?;
    Ok(())
}

#[test]
fn an_address_keeps_the_folder_locked() -> TestResult {
    let folder = tempfile::tempdir()?;
    let store = open(folder.path())?;
    let published = store.publish_address("127.0.0.1:1".parse()?, None)?;
    drop(store);
    assert!(matches!(open(folder.path()), Err(OnlineError::Locked { holder: Some(_), .. })));
    drop(published);
    open(folder.path())?;
    Ok(())
}

#[test]
fn the_address_of_a_dead_server_is_ignored_and_then_deleted() -> TestResult {
    let folder = tempfile::tempdir()?;
    assert_eq!(ServerAddress::read(folder.path())?, None, "an empty folder");
    drop(open(folder.path())?);
    let file = folder.path().join("server.json");
    fs::write(&file, r#"{"http":"127.0.0.1:6566","pid":1}"#)?;
    assert_eq!(ServerAddress::read(folder.path())?, None, "nobody holds the folder");
    let _store = open(folder.path())?;
    assert!(!file.exists());
    Ok(())
}

#[test]
fn asking_for_the_server_does_not_keep_others_from_opening() -> TestResult {
    let folder = tempfile::tempdir()?;
    drop(open(folder.path())?);
    let path = folder.path().to_owned();
    let asking = thread::spawn(move || (0..200).try_for_each(|_| ServerAddress::read(&path).map(|_| ())));
    for _ in 0..3 {
        open(folder.path())?;
    }
    asking.join().expect("the asking thread ends")?;
    Ok(())
}

#[test]
fn an_unknown_format_is_refused_with_both_formats_named() -> TestResult {
    let folder = tempfile::tempdir()?;
    drop(open(folder.path())?);
    fs::write(folder.path().join("format"), "larder online store 2\n")?;
    let error = open(folder.path()).expect_err("the format is unknown");
    let text = error.to_string();
    assert!(
        text.contains("has format `larder online store 2`, and this larder reads `larder online store 1`"),
        "{text}"
    );
    assert_eq!(larder_core::Error::from(error).kind(), ErrorKind::Corrupt);
    Ok(())
}

#[test]
fn sled_files_of_somebody_else_are_left_alone() -> TestResult {
    let folder = tempfile::tempdir()?;
    drop(sled::open(folder.path().join("sled"))?);
    assert!(matches!(open(folder.path()), Err(OnlineError::UnknownFormat { .. })));
    Ok(())
}

#[tokio::test]
async fn a_damaged_row_is_an_error_for_readers_and_writers_and_remove_view_repairs() -> TestResult {
    let folder = tempfile::tempdir()?;
    let view = view(&["trips"]);
    write(&open(folder.path())?, &view, 5, 7).await?;
    rewrite_rows(folder.path(), |row| row[..20].to_vec())?;

    let store = open(folder.path())?;
    let error = read(&store, &view).await.expect_err("the row is cut");
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    let Some(OnlineError::CorruptRow { view: name, source }) = error.downcast_ref() else {
        return Err("the exact error names the row".into());
    };
    assert_eq!(
        (name.as_str(), *source),
        ("driver_stats", CorruptRow { offset: 20, fault: RowFault::Length })
    );
    assert!(write(&store, &view, 9, 9).await.is_err(), "whether 9 is newer cannot be told");

    store.remove_view("rides", "driver_stats").await?;
    write(&store, &view, 1, 9).await?;
    assert_eq!(values(&read(&store, &view).await?), [Some(9)]);
    Ok(())
}

#[tokio::test]
async fn a_row_whose_schema_is_lost_is_an_error() -> TestResult {
    let folder = tempfile::tempdir()?;
    let view = view(&["trips"]);
    write(&open(folder.path())?, &view, 5, 7).await?;
    rewrite_rows(folder.path(), |mut row| {
        row[2..10].fill(0xab);
        row
    })?;
    let error = read(&open(folder.path())?, &view).await.expect_err("the schema is unknown");
    assert_eq!(
        error.chain(),
        "a stored row of view `driver_stats` cannot be read; remove the view's rows and materialize it again: \
         the row names schema abababababababab, which the store does not hold at byte 2"
    );
    Ok(())
}
