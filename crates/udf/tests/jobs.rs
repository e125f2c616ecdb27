//! A job does what it is allowed to do, in bounded memory and time, and nothing else.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper may stop its test")]

mod support;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::Int64Type;
use async_trait::async_trait;
use futures::StreamExt as _;
use larder_core::{
    Capabilities, Capability, Error, ErrorKind, Field, JobEntities, JobHistoricalRequest, JobHost, JobLimits,
    JobRun, JobRuntime, LogLevel, MaterializedSpan, PushMode, RequestError, Result, Selection, Table,
    TableDestination, TableStream, TableWriter, Timestamp, UdfRuntime, ValueType,
};
use larder_testkit::guests;
use support::{RUNTIME, TOKIO};

const NOON: &str = "2024-01-31T12:00:00Z";
/// What `sums` reads: parts of this many rows.
const PART: i64 = 1 << 17;

/// A host that keeps what reaches it.
#[derive(Debug, Default)]
struct Recording {
    calls: Arc<Mutex<Vec<String>>>,
    log: Mutex<Vec<String>>,
    /// How long a materialization takes.
    delay: Duration,
}

impl Recording {
    fn took(&self, call: impl Into<String>) {
        self.calls.lock().unwrap().push(call.into());
    }

    fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }

    fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }
}

fn int64(name: &str) -> Field {
    Field::new(name, ValueType::INT64)
}

#[async_trait]
impl JobHost for Recording {
    async fn get_historical_features(&self, request: JobHistoricalRequest) -> Result<TableStream> {
        let JobEntities::Rows { columns, parts } = request.entities else { panic!("rows are asked for") };
        self.took(format!("join {} parts", parts.len()));
        Ok(TableStream { columns, parts: futures::stream::iter(parts.into_iter().map(Ok)).boxed() })
    }

    async fn read_saved_dataset(&self, name: String) -> Result<TableStream> {
        let parts = name.parse::<i64>().unwrap_or(1);
        let part = |number: i64| {
            let values: ArrayRef =
                Arc::new(Int64Array::from_iter_values((0..PART).map(|row| number * PART + row)));
            Ok(RecordBatch::try_from_iter([("value", values)]).unwrap())
        };
        Ok(TableStream {
            columns: vec![int64("value")],
            parts: futures::stream::iter((0..parts).map(part)).boxed(),
        })
    }

    async fn open_writer(
        &self,
        destination: TableDestination,
        columns: Vec<Field>,
    ) -> Result<Box<dyn TableWriter>> {
        self.took(format!("open {destination:?} with {} columns", columns.len()));
        Ok(Box::new(Counting { calls: Arc::clone(&self.calls), rows: 0 }))
    }

    async fn get_online_features(&self, _: Selection, entities: RecordBatch, _: bool) -> Result<Table> {
        self.took(format!("read {} rows", entities.num_rows()));
        Ok(Table { columns: vec![int64("id")], rows: entities })
    }

    async fn transform(&self, view: String, rows: RecordBatch) -> Result<Table> {
        self.took(format!("transform {} rows by {view}", rows.num_rows()));
        if view == "none" {
            return Err(Error::new(ErrorKind::Transformation, RequestError::other("a price is negative")));
        }
        Ok(Table { columns: vec![int64("id")], rows })
    }

    async fn push(&self, push_source: String, rows: RecordBatch, to: PushMode) -> Result<()> {
        let ids = rows.column(0).as_primitive::<Int64Type>().values().to_vec();
        self.took(format!("push {ids:?} to {push_source} {}", to.name()));
        Ok(())
    }

    async fn materialize(
        &self,
        start: Option<Timestamp>,
        end: Timestamp,
        views: Option<Vec<String>>,
    ) -> Result<Vec<MaterializedSpan>> {
        self.took(format!("materialize {start:?} to {end} of {views:?}"));
        tokio::time::sleep(self.delay).await;
        self.took("materialized");
        Err(RequestError::other("nothing to materialize").into())
    }

    fn log(&self, level: LogLevel, line: &str) {
        self.log.lock().unwrap().push(format!("{}: {line}", level.name()));
    }
}

/// A writer that only counts.
#[derive(Debug)]
struct Counting {
    calls: Arc<Mutex<Vec<String>>>,
    rows: usize,
}

#[async_trait]
impl TableWriter for Counting {
    async fn write(&mut self, rows: RecordBatch) -> Result<()> {
        self.rows += rows.num_rows();
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<()> {
        self.calls.lock().unwrap().push(format!("finished {} rows", self.rows));
        Ok(())
    }
}

fn everything() -> Capabilities {
    Capability::ALL.into_iter().collect()
}

/// Limits that a busy machine does not meet.
fn limits() -> JobLimits {
    JobLimits { wall_time: Duration::from_secs(120), memory_bytes: 32 << 20, ..JobLimits::default() }
}

fn run_with(host: &Arc<Recording>, arguments: &[&str], allow: Capabilities, limits: JobLimits) -> Result<()> {
    TOKIO.block_on(async {
        let component = RUNTIME.inspect_job(guests::hostile_jobs().into()).await?.bytes;
        let run = JobRun {
            job: "j".to_owned(),
            component,
            arguments: arguments.iter().map(ToString::to_string).collect(),
            time: Timestamp::parse(NOON).unwrap(),
            allow,
            limits,
        };
        RUNTIME.run_job(run, Arc::clone(host) as Arc<dyn JobHost>).await
    })
}

/// Runs with everything allowed; the host, and how it ended.
fn run(arguments: &[&str], limits: JobLimits) -> (Arc<Recording>, Result<(), String>) {
    let host = Arc::new(Recording::default());
    let ended = run_with(&host, arguments, everything(), limits);
    (host, ended.map_err(|error| error.chain()))
}

fn failure(arguments: &[&str]) -> String {
    let (_, ended) = run(arguments, limits());
    let error = ended.expect_err("the job misbehaves");
    error
        .strip_prefix("job `j` failed: ")
        .unwrap_or_else(|| panic!("the job is not named in {error}"))
        .to_owned()
}

#[test]
fn a_job_is_told_its_arguments_and_a_time_that_stands_still() {
    let (host, ended) = run(&["tells"], limits());
    ended.unwrap();
    assert_eq!(host.log(), ["info: [\"tells\"] at 2024-01-31T12:00:00.000000Z"]);
}

#[test]
fn what_is_not_granted_is_refused_by_name_and_never_reaches_the_host() {
    let host = Arc::new(Recording::default());
    let error = run_with(&host, &["tries_everything"], BTreeSet::new(), limits()).unwrap_err();
    let expected = "job `j` failed: offline-read offline-read offline-read offline-read offline-write materialize \
                    online-read push log transform";
    assert_eq!(error.chain(), expected);
    assert_eq!((host.calls(), host.log()), (vec![], vec![]));
}

#[test]
fn rows_go_through_an_on_demand_view_and_come_back() {
    let (host, ended) = run(&["transforms", "view"], limits());
    ended.unwrap();
    assert_eq!(host.calls(), ["transform 3 rows by view"]);
    assert_eq!(host.log(), ["info: [\"id\"]: [Some(1), None, Some(3)]"]);
    assert_eq!(failure(&["transforms", "none"]), "a price is negative");
}

#[test]
fn a_refusal_says_how_to_grant() {
    let host = Arc::new(Recording::default());
    let error = run_with(&host, &["materializes"], [Capability::Log].into(), limits()).unwrap_err();
    assert_eq!(
        error.chain(),
        "job `j` failed: job `j` may not `materialize`; add `materialize` to `allow` in its definition, or run it \
         with `--allow materialize`"
    );
    let allow = [Capability::Materialize].into();
    let error = run_with(&host, &["materializes"], allow, limits()).unwrap_err();
    assert_eq!(error.chain(), "job `j` failed: nothing to materialize");
    assert_eq!(host.calls(), ["materialize None to 2024-01-31T12:00:00Z of None", "materialized"]);
}

#[test]
fn every_other_import_is_refused_by_name() {
    let inspect = |guest: &[u8]| TOKIO.block_on(RUNTIME.inspect_job(guest.into())).unwrap_err();
    let error = inspect(guests::hostile_job_foreign_import());
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(
        error.chain(),
        "imports `wasi:clocks/wall-clock@0.2.0#now`, which jobs do not have: they have larder's functions alone, \
         without clock, randomness, files or network; build for wasm32-unknown-unknown, or with WASI stubbed out"
    );
    let error = inspect(guests::driver_features()).chain();
    let expected =
        "the component does not export `larder:job/job@0.1.0`; it exports `larder:udf/transformation@";
    assert!(error.starts_with(expected), "{error}");
    let error = inspect(b"print('hello')").chain();
    assert!(error.ends_with("build the job for wasm32-unknown-unknown and give its .wasm file"), "{error}");
}

#[test]
fn a_job_is_no_transformation() {
    let error = TOKIO.block_on(RUNTIME.inspect(guests::keep_online_current().into())).unwrap_err().chain();
    assert!(error.starts_with("imports `larder:job/"), "{error}");
    assert!(error.contains("which transformations do not have"), "{error}");
}

#[test]
fn a_table_larger_than_the_jobs_memory_is_read_batch_by_batch() {
    let parts = 64;
    let limits = JobLimits { memory_bytes: 4 << 20, ..limits() };
    assert!(usize::try_from(parts * PART * 8).unwrap() >= 16 * limits.memory_bytes);
    let (host, ended) = run(&["sums", &parts.to_string()], limits);
    ended.unwrap();
    let rows = parts * PART;
    let sum = rows * (rows - 1) / 2;
    assert_eq!(host.log(), [format!("info: {rows} rows, sum {sum}, batches many")]);
}

#[test]
fn a_table_larger_than_the_jobs_memory_is_written_batch_by_batch() {
    let limits = JobLimits { memory_bytes: 8 << 20, ..limits() };
    let (host, ended) = run(&["writes", "64", "finishes"], limits);
    ended.unwrap();
    assert_eq!(host.calls(), ["open File(\"out.parquet\") with 2 columns", "finished 65536 rows"]);
    let limits = JobLimits { written_bytes: 10 << 20, ..limits };
    let (host, ended) = run(&["writes", "64", "finishes"], limits);
    assert_eq!(
        ended.unwrap_err(),
        "job `j` failed: `out.parquet`: more than the 10485760 bytes of `limits: {written: …}`"
    );
    assert_eq!(host.calls().len(), 1, "nothing is finished");
}

#[test]
fn entity_rows_arrive_in_parts_and_count_until_they_are_joined() {
    let limits = JobLimits { memory_bytes: 4 << 20, ..limits() };
    let (host, ended) = run(&["joins", "512"], limits);
    ended.unwrap();
    assert_eq!(host.log(), ["info: 524288 rows joined"]);
    assert_eq!(host.calls(), ["join 512 parts"]);
    let limits = JobLimits { table_bytes: 4 << 20, ..limits };
    let (_, ended) = run(&["joins", "512"], limits);
    assert_eq!(
        ended.unwrap_err(),
        "job `j` failed: the entity rows: more than the 4194304 bytes of `limits: {table: …}`"
    );
}

#[test]
fn a_trap_after_a_push_keeps_the_push_and_in_a_table_leaves_nothing() {
    let (host, ended) = run(&["pushes", "and_panics"], limits());
    assert_eq!(ended.unwrap_err(), "job `j` failed: panicked, or reached `unreachable`");
    assert_eq!(host.calls(), ["push [1, 2] to source online"]);
    for end in ["panics", "forgets"] {
        let (host, _) = run(&["writes", "3", end], limits());
        assert_eq!(host.calls(), ["open File(\"out.parquet\") with 2 columns"], "{end}");
    }
}

#[test]
fn a_panic_and_an_error_are_told_apart() {
    assert_eq!(failure(&["panics"]), "panicked, or reached `unreachable`");
    assert_eq!(failure(&["fails"]), "this day is not to my taste");
}

#[test]
fn an_endless_loop_uses_up_its_compute_time() {
    let limits = JobLimits { compute_time: Duration::from_millis(100), ..limits() };
    let (_, ended) = run(&["loops"], limits);
    assert_eq!(
        ended.unwrap_err(),
        "job `j` failed: ran out of time in its own code (`limits: {compute_time: …}`, now 100ms; waiting for \
         larder does not count)"
    );
}

#[test]
fn waiting_for_larder_is_not_the_jobs_time_but_ends_with_the_wall_time() {
    let slow = || Arc::new(Recording { delay: Duration::from_secs(2), ..Recording::default() });
    let patient = JobLimits { compute_time: Duration::from_secs(1), ..limits() };
    let host = slow();
    let error = run_with(&host, &["materializes"], everything(), patient).unwrap_err();
    assert_eq!(error.chain(), "job `j` failed: nothing to materialize", "the job waited to the end");
    let hasty = JobLimits { wall_time: Duration::from_millis(500), ..limits() };
    let host = slow();
    let error = run_with(&host, &["materializes"], everything(), hasty).unwrap_err();
    assert_eq!(error.chain(), "job `j` failed: ran out of time (`limits: {wall_time: …}`, now 500ms)");
    assert_eq!(host.calls().len(), 1, "what larder did for it was stopped");
}

#[test]
fn a_memory_bomb_runs_out_of_memory() {
    assert_eq!(failure(&["eats_memory"]), "ran out of memory (`limits: {memory: …}`, now 32 MiB)");
}

#[test]
fn a_batch_past_the_limit_ends_the_run() {
    let limits = JobLimits { memory_bytes: 256 << 20, ..limits() };
    let (_, ended) = run(&["huge_batch"], limits);
    assert_eq!(
        ended.unwrap_err(),
        "job `j` failed: passed too much in one call (`limits: {batch: …}`, now 16 MiB); pass fewer rows at a time"
    );
}

#[test]
fn hoarders_are_stopped() {
    let limit = limits().table_bytes;
    let expected = format!("the entity rows: more than the {limit} bytes of `limits: {{table: …}}`");
    assert_eq!(failure(&["hoards_rows"]), expected);
    assert_eq!(failure(&["hoards_handles"]), "has more than 256 readers, writers and entity rows open");
}

#[test]
fn a_handle_that_is_not_there_ends_the_run() {
    let expected = "used a reader, writer or entity rows that it does not have";
    assert_eq!(failure(&["unknown_handle"]), expected);
    assert_eq!(failure(&["dropped_handle"]), expected);
}

#[test]
fn a_writer_refuses_rows_of_another_schema_and_is_of_no_use_then() {
    let (host, ended) = run(&["wrong_schema"], limits());
    ended.unwrap();
    let lost = "info: the writer to `out.parquet` has failed before, so its rows are lost; open it again";
    assert_eq!(
        host.log(),
        [
            "info: the rows passed to `writer.write` break the contract: output `id` came back as float64 instead of \
             int64",
            lost,
            lost
        ]
    );
    assert_eq!(host.calls().len(), 1, "nothing is finished");
}

#[test]
fn columns_that_are_none_are_refused_wherever_they_are_declared() {
    let (host, ended) = run(&["bad_columns"], limits());
    ended.unwrap();
    let expected = [
        "the table has two columns `a`",
        "column 0 of the table has the name \"\", which is none",
        "column `a` has a type [list] that larder does not know: it ends where a type should follow",
        "the table has 5000 columns (parts of nested ones are columns too), more than 4096",
    ];
    let expected: Vec<String> =
        expected.iter().flat_map(|text| [format!("info: {text}"), format!("info: {text}")]).collect();
    assert_eq!(host.log(), expected);
    assert_eq!(host.calls(), Vec::<String>::new());
}

#[test]
fn rows_are_counted() {
    let (host, ended) = run(&["lies_about_rows"], limits());
    ended.unwrap();
    assert_eq!(
        host.log(),
        [
            "info: the rows passed to `entity-rows.write` break the contract: output `id` has 1 values instead of 2"
        ]
    );
}

#[test]
fn rows_count_even_where_they_hold_next_to_nothing() {
    let (host, ended) = run(&["many_rows_of_nothing"], limits());
    ended.unwrap();
    let told = |bytes: u64| {
        format!(
            "info: the rows passed to `transform` break the contract: returned {bytes} bytes, more than the limit of \
             16777216"
        )
    };
    assert_eq!(host.log(), [told(8 * u64::from(u32::MAX)), told(32 << 20)]);
    assert_eq!(host.calls(), Vec::<String>::new());
}

#[test]
fn a_log_is_cut_and_says_so() {
    let limits = JobLimits { log_bytes: 230, ..limits() };
    let (host, ended) = run(&["chatters", "1000"], limits);
    ended.unwrap();
    let log = host.log();
    assert_eq!(log.len(), 11);
    assert_eq!(log[9], "info: line 9");
    assert_eq!(log[10], "warn: 990 more lines were not kept: the log is full");
}

#[test]
fn a_run_that_nobody_waits_for_ends() {
    let host = Arc::new(Recording::default());
    TOKIO.block_on(async {
        let component = RUNTIME.inspect_job(guests::hostile_jobs().into()).await.unwrap().bytes;
        let run = JobRun {
            job: "j".to_owned(),
            component,
            arguments: vec!["loops".to_owned()],
            time: Timestamp::EPOCH,
            allow: everything(),
            limits: JobLimits { compute_time: Duration::from_secs(600), ..limits() },
        };
        let work = RUNTIME.run_job(run, Arc::clone(&host) as Arc<dyn JobHost>);
        assert!(tokio::time::timeout(Duration::from_millis(300), work).await.is_err());
    });
    // The host is let go of when the job's thread has ended.
    for _ in 0..6_000 {
        if Arc::strong_count(&host) == 1 {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("the job goes on");
}

#[test]
fn a_memory_limit_beyond_the_sandbox_is_refused_before_the_run() {
    let limits = JobLimits { memory_bytes: 2 << 30, ..limits() };
    let error: Error = run_with(&Arc::default(), &["tells"], everything(), limits).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(
        error.chain(),
        "job `j`: 2147483648 bytes of memory are more than the 1073741824 that the runtime sets aside"
    );
}
