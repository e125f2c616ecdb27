//! `kill -9` at any moment loses nothing that was acknowledged.
//!
//! The test starts its own binary again as a writer that prints a line after each flush, kills it at a
//! random moment, opens the folder and looks. Then the next writer goes on in the same folder.

use std::env;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use larder_core::{
    EntityKey, Field, OnlineRead, OnlineStore, OnlineView, OnlineWrite, RowVersion, Timestamp, ValueType,
};
use larder_online::{SledOnlineStore, SledOptions};
use proptest::prelude::Rng as _;
use proptest::test_runner::{Config, TestRng, TestRunner};
use tokio::task::JoinSet;

type TestResult = Result<(), Box<dyn std::error::Error>>;

const FOLDER: &str = "LARDER_CRASH_TEST_FOLDER";
const FIRST_ROUND: &str = "LARDER_CRASH_TEST_ROUND";
const KILLS: usize = 20;
const ENTITIES: i64 = 300;
const VIEWS: i64 = 3;

fn open(folder: &Path) -> Result<SledOnlineStore, Box<dyn std::error::Error>> {
    // A cache smaller than the data, so that pages go out and come back.
    Ok(SledOnlineStore::open(folder, SledOptions { cache_bytes: 1 << 20, ..SledOptions::default() })?)
}

fn view(number: i64) -> Arc<OnlineView> {
    let features = vec![Field::new("round", ValueType::INT64), Field::new("text", ValueType::STRING)];
    Arc::new(OnlineView { project: "crash".into(), name: format!("view_{number}"), features })
}

fn keys() -> Vec<EntityKey> {
    (0..ENTITIES).map(|entity| EntityKey::from_bytes(format!("entity {entity}").as_bytes())).collect()
}

/// The text that belongs to a round, of changing length.
fn text(round: i64) -> String {
    "x".repeat(usize::try_from(round % 97).unwrap_or_default()) + &round.to_string()
}

/// All entities of a view, as they are in a round.
fn write(view: &Arc<OnlineView>, round: i64) -> Result<OnlineWrite, Box<dyn std::error::Error>> {
    let keys = keys();
    let rounds: ArrayRef = Arc::new(Int64Array::from(vec![round; keys.len()]));
    let texts: ArrayRef = Arc::new(StringArray::from(vec![text(round); keys.len()]));
    let version = RowVersion { event_timestamp: Timestamp::from_micros(round), created_timestamp: None };
    Ok(OnlineWrite {
        view: Arc::clone(view),
        versions: vec![version; keys.len()],
        keys,
        features: RecordBatch::try_from_iter([("round", rounds), ("text", texts)])?,
    })
}

/// The writer. Each round writes every row anew and, like a late push at the same time, an older version.
#[tokio::test(flavor = "multi_thread")]
async fn writer_that_is_killed() -> TestResult {
    let Some(folder) = env::var_os(FOLDER) else { return Ok(()) };
    let first: i64 = env::var(FIRST_ROUND)?.parse()?;
    let store = Arc::new(open(Path::new(&folder))?);
    let views: Vec<Arc<OnlineView>> = (0..VIEWS).map(view).collect();
    for round in first.. {
        let mut writers = JoinSet::new();
        for view in &views {
            for round in [round, round - 1] {
                let (store, write) = (Arc::clone(&store), write(view, round)?);
                writers.spawn(async move { store.write(write).await });
            }
        }
        while let Some(outcome) = writers.join_next().await {
            outcome??;
        }
        store.flush().await?;
        println!("acknowledged {round}");
    }
    Ok(())
}

/// Every row is whole and of the last acknowledged round or a later one. Returns the newest round seen.
async fn check(folder: &Path, acknowledged: i64) -> Result<i64, Box<dyn std::error::Error>> {
    let store = open(folder)?;
    let mut newest = acknowledged;
    for number in 0..VIEWS {
        let keys: Arc<[Option<EntityKey>]> = keys().into_iter().map(Some).collect();
        let read = OnlineRead { view: view(number), features: Arc::new([0, 1]), keys };
        let rows = store.read(vec![read]).await?.remove(0);
        let [rounds, texts] = rows.columns.as_slice() else {
            return Err("two features were asked for".into());
        };
        let (rounds, texts) = (rounds.values.as_primitive::<Int64Type>(), texts.values.as_string::<i32>());
        for (row, time) in rows.event_timestamps.iter().enumerate() {
            let Some(time) = time else {
                assert_eq!(acknowledged, 0, "view {number}, row {row} is lost");
                continue;
            };
            assert!(rounds.value(row) >= acknowledged, "view {number}, row {row} went back to {time}");
            assert_eq!(time.micros(), rounds.value(row));
            assert_eq!(texts.value(row), text(rounds.value(row)));
            newest = newest.max(rounds.value(row));
        }
    }
    Ok(newest)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_loses_nothing_acknowledged_and_no_row_goes_back() -> TestResult {
    let folder = tempfile::tempdir()?;
    let mut random = random();
    let mut acknowledged = 0;
    let mut newest = 0;
    for kill in 0..KILLS {
        let mut writer = Command::new(env::current_exe()?)
            .args(["--exact", "writer_that_is_killed", "--nocapture"])
            .env(FOLDER, folder.path())
            .env(FIRST_ROUND, (newest + 1).to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()?;
        let lines = BufReader::new(writer.stdout.take().ok_or("the writer has an output")?).lines();
        let mut writer = Some(writer);
        let mut die_after = |most_millis: u64| {
            let pause = Duration::from_micros(random.next_u64() % (1_000 * most_millis));
            let mut writer = writer.take()?;
            Some(thread::spawn(move || {
                thread::sleep(pause);
                writer.kill()?;
                writer.wait()
            }))
        };
        // A third of the kills may hit the opening of the folder, the others hit the work.
        let mut killer = if kill % 3 == 0 { die_after(150) } else { None };
        let before = acknowledged;
        for line in lines {
            // The harness may have begun the line, and the kill may have cut the last one.
            let round = line?.split_once("acknowledged ").and_then(|(_, round)| round.parse().ok());
            acknowledged = acknowledged.max(round.unwrap_or(0));
            if acknowledged > before {
                killer = killer.or_else(|| die_after(250));
            }
        }
        let killer = killer.ok_or("the writer ended without an acknowledgement")?;
        let status = killer.join().expect("the killer ends")?;
        assert!(!status.success(), "the writer was killed and did not end by itself");
        let begun = newest.max(acknowledged) + 1;
        newest = check(folder.path(), acknowledged).await?;
        assert!(newest <= begun, "round {newest} is there before round {begun} was flushed");
    }
    assert!(acknowledged > 0, "there was something to lose");
    Ok(())
}

fn random() -> TestRng {
    TestRunner::new(Config::default()).new_rng()
}
