//! The SQLite file beside Feast: what Feast wrote is read, and what larder writes is what Feast writes.

#![expect(clippy::indexing_slicing, reason = "a test may fail by it")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::Int64Type;
use larder_core::{
    EntityKey, ErrorKind, Field, OnlineRead, OnlineStore, OnlineView, OnlineWrite, Result, RowVersion,
    Timestamp, ValueType, WriteOutcome,
};
use larder_online::{SqliteOnlineStore, SqliteOptions};
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use tempfile::TempDir;

const PROJECT: &str = "larder_golden";

fn recorded(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/feast_compat/recorded/online").join(file)
}

fn open(path: &Path) -> SqliteOnlineStore {
    SqliteOnlineStore::open(path, SqliteOptions::default()).expect("the file can be opened")
}

/// A folder with a file in it for a store, and a second connection to the file, as Feast has one.
struct Shared {
    folder: TempDir,
    store: SqliteOnlineStore,
    feast: Connection,
}

impl Shared {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let store = open(&folder.path().join("online.db"));
        let feast = Connection::open(store.path()).expect("the file is there");
        Self { folder, store, feast }
    }

    /// All rows of a table as in the recorded dump.
    fn dump(&self, table: &str) -> Vec<Value> {
        let sql = format!(
            "SELECT hex(entity_key), feature_name, hex(value), value_text, vector_value, event_ts, created_ts \
             FROM \"{table}\" ORDER BY entity_key, feature_name"
        );
        let mut statement = self.feast.prepare(&sql).expect("the table is there");
        let rows = statement.query_map([], |row| {
            let vector: Option<Vec<u8>> = row.get(4)?;
            Ok(json!({
                "entity_key": row.get::<_, String>(0)?.to_lowercase(),
                "feature_name": row.get::<_, String>(1)?,
                "value": row.get::<_, String>(2)?.to_lowercase(),
                "value_text": row.get::<_, Option<String>>(3)?,
                "vector_value": vector,
                "event_ts": row.get::<_, i64>(5)?,
                "created_ts": row.get::<_, Option<i64>>(6)?,
            }))
        });
        rows.expect("the table can be read").map(|row| row.expect("cells have Feast's types")).collect()
    }

    /// Tables and indices with the SQL that made them, without quotes and needless spaces.
    fn schema(&self) -> BTreeMap<String, String> {
        let mut statement = self
            .feast
            .prepare("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
            .expect("the schema is a table");
        let rows = statement.query_map([], |row| Ok((row.get(0)?, plain_sql(&row.get::<_, String>(1)?))));
        rows.expect("the schema can be read").map(|row| row.expect("names and texts")).collect()
    }
}

fn plain_sql(sql: &str) -> String {
    let plain = sql.replace('"', "").replace("( ", "(").replace(" )", ")");
    plain.split_whitespace().collect::<Vec<_>>().join(" ").replace("( ", "(").replace(" )", ")")
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect()
}

/// The type that the stored value of a feature says; one that is always null may be any.
fn type_of(values: &[&str]) -> ValueType {
    let tag = values.iter().find(|value| !value.is_empty()).map(|value| bytes(value));
    let number = match tag.as_deref() {
        None => return ValueType::STRING,
        Some([low, high, ..]) if low & 0x80 != 0 => (u32::from(low & 0x7f) | u32::from(*high) << 7) >> 3,
        Some([low, ..]) => u32::from(low >> 3),
        Some([]) => unreachable!("empty values were passed over"),
    };
    ValueType::from_number(i32::try_from(number).expect("a small number")).expect("a type of larder's")
}

/// What the recorded file holds: rows by table.
fn recorded_rows() -> BTreeMap<String, Vec<Value>> {
    let text = fs::read_to_string(recorded("sqlite_rows.json")).expect("the dump is recorded");
    let dump: Value = serde_json::from_str(&text).expect("the dump is JSON");
    serde_json::from_value(dump["tables"].clone()).expect("rows by table")
}

fn text<'a>(row: &'a Value, column: &str) -> &'a str {
    row[column].as_str().expect("a text")
}

/// The view of a recorded table, and its entities in order.
fn view_of(table: &str, rows: &[Value]) -> (Arc<OnlineView>, Vec<EntityKey>) {
    let mut values: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for row in rows {
        values.entry(text(row, "feature_name")).or_default().push(text(row, "value"));
    }
    let features = values.iter().map(|(name, values)| Field::new(*name, type_of(values))).collect();
    let name = table.strip_prefix("larder_golden_").expect("tables begin with the project").to_owned();
    let mut keys: Vec<_> =
        rows.iter().map(|row| EntityKey::from_bytes(&bytes(text(row, "entity_key")))).collect();
    keys.dedup();
    (Arc::new(OnlineView { project: PROJECT.to_owned(), name, features }), keys)
}

fn read(view: &Arc<OnlineView>, keys: &[EntityKey]) -> Vec<OnlineRead> {
    let features = (0..view.features.len()).collect();
    vec![OnlineRead { view: Arc::clone(view), features, keys: keys.iter().cloned().map(Some).collect() }]
}

#[tokio::test]
async fn rows_that_feast_wrote_are_read_and_written_again_are_the_same_bytes() -> Result<()> {
    let theirs = tempfile::tempdir().expect("a folder for the test");
    let copy = theirs.path().join("online_store.db");
    fs::copy(recorded("online_store.db"), &copy).expect("the file is recorded");
    let theirs = open(&copy);
    let ours = Shared::new();
    let recorded = recorded_rows();
    assert_eq!(recorded.len(), 9, "tables");
    for (table, rows) in &recorded {
        let (view, keys) = view_of(table, rows);
        let found = theirs.read(read(&view, &keys)).await?.remove(0);
        let created = |key: &EntityKey| {
            let hex: String = key.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
            let row = rows.iter().find(|row| text(row, "entity_key") == hex).expect("the key is recorded");
            row["created_ts"].as_i64().map(|seconds| Timestamp::from_micros(seconds * 1_000_000))
        };
        let versions = keys.iter().zip(&found.event_timestamps).map(|(key, event)| RowVersion {
            event_timestamp: event.expect("the entity is stored"),
            created_timestamp: created(key),
        });
        let columns = view.features.iter().zip(&found.columns);
        let columns = columns.map(|(feature, column)| {
            assert_eq!(column.present.count_set_bits(), keys.len(), "{table} {}", feature.name);
            (feature.name.as_str(), Arc::clone(&column.values))
        });
        let write = OnlineWrite {
            view: Arc::clone(&view),
            versions: versions.collect(),
            features: RecordBatch::try_from_iter_with_nullable(
                columns.map(|(name, values)| (name, values, true)),
            )
            .expect("columns are even"),
            keys,
        };
        let rows_written = write.keys.len();
        assert_eq!(ours.store.write(write).await?, WriteOutcome { written: rows_written, older: 0 });
        assert_eq!(&ours.dump(table), rows, "{table}");
    }
    let dump: Value =
        serde_json::from_str(&fs::read_to_string(self::recorded("sqlite_rows.json")).expect("recorded"))
            .expect("the dump is JSON");
    let schema = dump["schema"].as_array().expect("a list").iter();
    let schema: BTreeMap<String, String> =
        schema.map(|made| (text(made, "name").to_owned(), plain_sql(text(made, "sql")))).collect();
    assert_eq!(ours.schema(), schema);
    Ok(())
}

fn stats() -> Arc<OnlineView> {
    let features = vec![Field::new("trips", ValueType::INT64)];
    Arc::new(OnlineView { project: "demo".into(), name: "stats".into(), features })
}

fn key() -> EntityKey {
    EntityKey::from_bytes(b"1001")
}

fn trips(view: &Arc<OnlineView>, micros: i64, created: Option<i64>, trips: i64) -> OnlineWrite {
    let column: ArrayRef = Arc::new(Int64Array::from(vec![trips]));
    OnlineWrite {
        view: Arc::clone(view),
        keys: vec![key()],
        versions: vec![RowVersion {
            event_timestamp: Timestamp::from_micros(micros),
            created_timestamp: created.map(Timestamp::from_micros),
        }],
        features: RecordBatch::try_from_iter([("trips", column)]).expect("one column"),
    }
}

/// Event time in microseconds and trips of the one entity.
async fn shown(store: &SqliteOnlineStore, view: &Arc<OnlineView>) -> Result<Option<(i64, Option<i64>)>> {
    let rows = store.read(read(view, &[key()])).await?.remove(0);
    let trips = rows.columns[0].values.as_primitive::<Int64Type>().iter().next().flatten();
    Ok(rows.event_timestamps[0].map(|time| (time.micros(), trips)))
}

/// Feast's own statement, as it writes whatever is stored.
fn feast_writes(feast: &Connection, event: impl rusqlite::ToSql, trips: u8) {
    feast
        .execute(
            "INSERT INTO \"demo_stats\" (entity_key, feature_name, value, value_text, event_ts, created_ts) \
             VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT(entity_key, feature_name) DO UPDATE SET \
             value = excluded.value, value_text = excluded.value_text, event_ts = excluded.event_ts, \
             created_ts = excluded.created_ts;",
            params![b"1001", "trips", [0x20, trips], trips.to_string(), event, None::<i64>],
        )
        .expect("the table is Feast's");
}

#[tokio::test]
async fn fractions_of_a_second_decide_and_are_not_in_feasts_table() -> Result<()> {
    let Shared { store, feast, folder: _folder } = Shared::new();
    let view = stats();
    store.write(trips(&view, 5_000_000, None, 1)).await?;
    let micros = "SELECT count(*) FROM sqlite_master WHERE name LIKE '%micros'";
    let tables: i64 = feast.query_row(micros, [], |row| row.get(0)).expect("a number");
    assert_eq!(tables, 0, "whole seconds need no table of larder's");

    store.write(trips(&view, 5_700_000, None, 2)).await?;
    let late = store.write(trips(&view, 5_600_000, None, 3)).await?;
    assert_eq!(late, WriteOutcome { written: 0, older: 1 });
    assert_eq!(shown(&store, &view).await?, Some((5_000_000, Some(2))));
    let stored: i64 =
        feast.query_row("SELECT event_ts FROM demo_stats", [], |row| row.get(0)).expect("a number");
    assert_eq!(stored, 5);
    let created = store.write(trips(&view, 5_700_000, Some(1), 4)).await?;
    assert_eq!(created, WriteOutcome { written: 1, older: 0 });
    Ok(())
}

#[tokio::test]
async fn a_row_of_feasts_is_as_new_as_the_start_of_its_second() -> Result<()> {
    let Shared { store, feast, folder: _folder } = Shared::new();
    let view = stats();
    store.write(trips(&view, 5_700_000, None, 1)).await?;
    // Feast goes back in time, as it does; what larder knew of the row it replaced does not count.
    feast_writes(&feast, 3_i64, 2);
    assert_eq!(shown(&store, &view).await?, Some((3_000_000, Some(2))));
    assert_eq!(store.write(trips(&view, 2_999_999, None, 3)).await?.written, 0);
    assert_eq!(store.write(trips(&view, 3_000_000, None, 4)).await?.written, 1);
    feast_writes(&feast, 9_i64, 5);
    assert_eq!(store.write(trips(&view, 8_999_999, None, 6)).await?.written, 0);
    assert_eq!(shown(&store, &view).await?, Some((9_000_000, Some(5))));
    Ok(())
}

#[tokio::test]
async fn times_are_read_also_as_text() -> Result<()> {
    let Shared { store, feast, folder: _folder } = Shared::new();
    let view = stats();
    store.create_view("demo", "stats").await?;
    feast_writes(&feast, "2024-01-31 12:00:00", 1);
    assert_eq!(shown(&store, &view).await?, Some((1_706_702_400_000_000, Some(1))));
    assert_eq!(store.write(trips(&view, 1_706_702_399_999_999, None, 2)).await?.written, 0);
    Ok(())
}

#[tokio::test]
async fn a_row_replaces_all_of_its_entity_also_features_that_feast_left() -> Result<()> {
    let shared = Shared::new();
    let (store, view) = (&shared.store, stats());
    store.write(trips(&view, 5_000_000, None, 1)).await?;
    let gone = "INSERT INTO demo_stats VALUES (x'31303031', 'gone', x'2001', '1', NULL, 4, NULL)";
    shared.feast.execute_batch(gone).expect("the table is Feast's");
    assert_eq!(shown(store, &view).await?, Some((5_000_000, Some(1))));
    store.write(trips(&view, 6_000_000, None, 2)).await?;
    let names: Vec<_> = shared.dump("demo_stats").iter().map(|row| row["feature_name"].clone()).collect();
    assert_eq!(names, ["trips"]);
    Ok(())
}

#[tokio::test]
async fn a_cell_that_cannot_be_read_is_named() -> Result<()> {
    let Shared { store, feast, folder: _folder } = Shared::new();
    let view = stats();
    store.write(trips(&view, 5_000_000, None, 1)).await?;
    for (set, why) in [
        ("value = x'12'", "the bytes are no protobuf message from byte 0 on"),
        ("value = 'text'", "column `value` holds Text"),
        ("value = x'2001', event_ts = 'noon'", "column `event_ts` holds `noon`, which is no time"),
        ("event_ts = NULL", "column `event_ts` holds Null"),
    ] {
        feast.execute_batch(&format!("UPDATE demo_stats SET {set}")).expect("the column is there");
        let error = shown(&store, &view).await.expect_err(why);
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        let chain = error.chain();
        assert!(chain.contains("feature `trips` of entity 31303031 in table `demo_stats`"), "{chain}");
        assert!(chain.contains(why), "{chain}");
    }
    Ok(())
}

#[tokio::test]
async fn a_table_of_an_old_feast_gets_the_column_it_lacks() -> Result<()> {
    let shared = Shared::new();
    shared
        .feast
        .execute_batch(
            "CREATE TABLE demo_stats (entity_key BLOB, feature_name TEXT, value BLOB, event_ts timestamp, \
             created_ts timestamp, PRIMARY KEY(entity_key, feature_name));
             INSERT INTO demo_stats VALUES (x'31303031', 'trips', x'2001', 4, NULL)",
        )
        .expect("the file is empty");
    assert_eq!(shown(&shared.store, &stats()).await?, Some((4_000_000, Some(1))));
    shared.store.write(trips(&stats(), 5_000_000, None, 2)).await?;
    assert_eq!(shown(&shared.store, &stats()).await?, Some((5_000_000, Some(2))));
    Ok(())
}

#[tokio::test]
async fn stores_of_several_processes_see_each_others_rows_and_removals() -> Result<()> {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("online.db");
    let (one, other) = (open(&path), open(&path));
    let view = stats();
    assert_eq!(shown(&other, &view).await?, None, "no table yet");
    one.write(trips(&view, 5_500_000, None, 1)).await?;
    assert_eq!(shown(&other, &view).await?, Some((5_000_000, Some(1))));
    assert_eq!(other.write(trips(&view, 5_400_000, None, 2)).await?.written, 0);
    other.remove_view("demo", "stats").await?;
    assert_eq!(shown(&one, &view).await?, None, "a prepared statement whose table is gone");
    one.write(trips(&view, 1_000_000, None, 3)).await?;
    assert_eq!(shown(&other, &view).await?, Some((1_000_000, Some(3))));
    Ok(())
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_feast_deleted_and_made_anew_is_the_one_that_counts() -> Result<()> {
    let Shared { store, feast, folder: _folder } = Shared::new();
    let view = stats();
    store.write(trips(&view, 5_000_000, None, 1)).await?;
    assert_eq!(shown(&store, &view).await?, Some((5_000_000, Some(1))));
    drop(feast);
    fs::remove_file(store.path()).expect("teardown deletes the file");
    assert_eq!(shown(&store, &view).await?, None);

    fs::remove_file(store.path()).expect("reading has made an empty one");
    let feast = Connection::open(store.path()).expect("apply makes it anew");
    let create = "CREATE TABLE demo_stats (entity_key BLOB, feature_name TEXT, value BLOB, value_text TEXT, \
                  vector_value BLOB, event_ts timestamp, created_ts timestamp, PRIMARY KEY(entity_key, feature_name))";
    feast.execute_batch(create).expect("the file is new");
    feast_writes(&feast, 3_i64, 2);
    assert_eq!(shown(&store, &view).await?, Some((3_000_000, Some(2))));
    store.write(trips(&view, 4_000_000, None, 3)).await?;
    let stored = feast.query_row("SELECT value_text FROM demo_stats", [], |row| row.get(0));
    assert_eq!(stored, Ok("3".to_owned()), "Feast sees what larder writes");
    Ok(())
}

#[tokio::test]
async fn a_file_that_is_no_database_is_told() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("online.db");
    fs::write(
        &path,
        "this is a text, and long enough for the header of a database file to be read from it, all 100 bytes",
    )
    .expect("the folder is new");
    let opened = SqliteOnlineStore::open(&path, SqliteOptions::default());
    let error = larder_core::Error::from(opened.expect_err("it is a text"));
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.chain().contains("online.db"), "{}", error.chain());
}
