//! Jobs run by their schedules, with a clock that the tests own.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use larder::{
    FeatureStore, JobIsRunning, JobOutcome, JobRunReport, JobRunner, JobServer as _, JobTrigger, RepoConfig,
    Scheduler, StartJob,
};
use larder_core::{ErrorKind, FixedClock, Timestamp};
use larder_testkit::guests;
use tempfile::TempDir;

/// A repo whose jobs only misbehave or tell, and a clock.
struct Case {
    folder: TempDir,
    clock: Arc<FixedClock>,
}

const HOURLY: &str = "
jobs:
  - {name: j, component: jobs.wasm, arguments: [tells], allow: [log], schedule: '0 * * * *'}
";

impl Case {
    fn at(time: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config =
            "project: p\nregistry: data/registry.db\nonline_store: {type: sled, path: data/online}\n";
        std::fs::write(folder.path().join("feature_store.yaml"), config).unwrap();
        std::fs::write(folder.path().join("jobs.wasm"), guests::hostile_jobs()).unwrap();
        Self { folder, clock: Arc::new(FixedClock::new(timestamp(time))) }
    }

    fn set(&self, time: &str) {
        self.clock.set(timestamp(time));
    }

    /// What a process has that is started now.
    async fn process(&self) -> (Arc<JobRunner>, Scheduler) {
        let config = RepoConfig::load(self.folder.path()).unwrap();
        let store = FeatureStore::with_config(config, Arc::clone(&self.clock) as _).await.unwrap();
        let runner = Arc::new(JobRunner::new(Arc::new(store)));
        (Arc::clone(&runner), Scheduler::new(runner))
    }

    async fn apply(&self, jobs: &str) {
        define(self.folder.path(), jobs);
        let config = RepoConfig::load(self.folder.path()).unwrap();
        FeatureStore::with_config(config, Arc::clone(&self.clock) as _).await.unwrap().apply().await.unwrap();
    }
}

fn define(folder: &Path, jobs: &str) {
    std::fs::write(folder.join("jobs.yaml"), jobs).unwrap();
}

fn timestamp(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// The runs of `j` once none of them goes on, the latest first.
async fn settled(runner: &JobRunner) -> Vec<JobRunReport> {
    for _ in 0..1_000 {
        let runs = runner.runs("j").await.unwrap();
        if runs.iter().all(|run| run.outcome != JobOutcome::Running) {
            return runs;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("a run goes on for ever");
}

fn times(runs: &[JobRunReport]) -> Vec<(JobOutcome, &str)> {
    runs.iter().map(|run| (run.outcome, run.time.as_str())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_runs_once_at_each_of_its_times_and_is_told_the_time() {
    let case = Case::at("2024-01-31T11:59:59Z");
    case.apply(HOURLY).await;
    let (runner, mut scheduler) = case.process().await;
    scheduler.look().await.unwrap();
    assert_eq!(settled(&runner).await, [], "nothing is due");
    for now in ["2024-01-31T12:00:00.5Z", "2024-01-31T12:00:01.5Z", "2024-01-31T12:59:59Z"] {
        case.set(now);
        scheduler.look().await.unwrap();
    }
    let runs = settled(&runner).await;
    assert_eq!(times(&runs), [(JobOutcome::Succeeded, "2024-01-31T12:00:00Z")]);
    assert_eq!(runs[0].trigger, JobTrigger::Schedule);
    assert_eq!(runs[0].log[0].line, "[\"tells\"] at 2024-01-31T12:00:00.000000Z");
    case.set("2024-01-31T13:00:00Z");
    scheduler.look().await.unwrap();
    assert_eq!(settled(&runner).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_times_without_a_server_the_last_is_run_and_the_others_are_reported_once() {
    let case = Case::at("2024-01-31T11:30:00Z");
    case.apply(HOURLY).await;
    let (runner, mut scheduler) = case.process().await;
    scheduler.look().await.unwrap();
    runner.stop().await;
    drop((runner, scheduler));

    case.set("2024-01-31T15:30:00Z");
    let (runner, mut scheduler) = case.process().await;
    scheduler.look().await.unwrap();
    let runs = settled(&runner).await;
    assert_eq!(
        times(&runs),
        [(JobOutcome::Succeeded, "2024-01-31T15:00:00Z"), (JobOutcome::Missed, "2024-01-31T14:00:00Z")]
    );
    assert_eq!((runs[1].missed, runs[1].error.as_deref()), (Some(3), Some("no server ran, or none looked")));
    // Another server that starts now finds nothing to do.
    let (_, mut scheduler) = case.process().await;
    scheduler.look().await.unwrap();
    assert_eq!(settled(&runner).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_schedule_counts_from_when_it_is_seen() {
    let case = Case::at("2024-01-31T11:30:00Z");
    case.apply(HOURLY).await;
    let (runner, mut scheduler) = case.process().await;
    scheduler.look().await.unwrap();
    case.apply(&HOURLY.replace("0 * * * *", "*/10 * * * *")).await;
    case.set("2024-01-31T11:51:00Z");
    scheduler.look().await.unwrap();
    assert_eq!(settled(&runner).await, [], "the new schedule was not there at 11:40 and 11:50");
    case.set("2024-01-31T12:00:00Z");
    scheduler.look().await.unwrap();
    assert_eq!(times(&settled(&runner).await), [(JobOutcome::Succeeded, "2024-01-31T12:00:00Z")]);
    case.apply("jobs: []").await;
    case.set("2024-01-31T13:00:00Z");
    scheduler.look().await.unwrap();
    assert_eq!(runner.runs("j").await.unwrap_err().kind(), ErrorKind::NotFound, "it is gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_still_runs_misses_its_time_and_cannot_be_started_again() {
    let case = Case::at("2024-01-31T11:59:00Z");
    case.apply(&HOURLY.replace("[tells]", "[loops]")).await;
    let (runner, mut scheduler) = case.process().await;
    scheduler.look().await.unwrap();
    case.set("2024-01-31T12:00:00Z");
    scheduler.look().await.unwrap();
    case.set("2024-01-31T13:00:00Z");
    scheduler.look().await.unwrap();
    let runs = runner.runs("j").await.unwrap();
    assert_eq!(
        times(&runs),
        [(JobOutcome::Missed, "2024-01-31T13:00:00Z"), (JobOutcome::Running, "2024-01-31T12:00:00Z")]
    );
    assert_eq!(runs[0].error.as_deref(), Some("the run before was still going"));
    // Neither here nor in another process.
    let (another, _) = case.process().await;
    for runner in [&runner, &another] {
        let error = runner.start_job("j", StartJob::default(), None).await.unwrap_err();
        assert!(error.downcast_ref::<JobIsRunning>().is_some(), "{error}");
    }
    runner.stop().await;
    let runs = runner.runs("j").await.unwrap();
    assert_eq!(runs[1].outcome, JobOutcome::Failed);
    assert_eq!(runs[1].error.as_deref(), Some("job `j` was stopped with the process"));
    let request = StartJob { arguments: Some(vec!["tells".to_owned()]), time: None };
    another.start_job("j", request, None).await.unwrap().ended().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_run_is_remembered_with_its_log_and_the_next_one_runs() {
    let case = Case::at("2024-01-31T11:59:00Z");
    case.apply(
        &HOURLY.replace("[tells]", "[chatters, '3']").replace("schedule: '0 * * * *'", "limits: {log: 60}"),
    )
    .await;
    let (runner, _) = case.process().await;
    runner.start_job("j", StartJob::default(), None).await.unwrap().ended().await.unwrap();
    let fails = StartJob { arguments: Some(vec!["fails".to_owned()]), time: None };
    case.set("2024-01-31T11:59:01Z");
    let error = runner.start_job("j", fails, None).await.unwrap().ended().await.unwrap_err();
    assert_eq!(error, "job `j` failed: this day is not to my taste");
    let (another, _) = case.process().await;
    let runs = another.runs("j").await.unwrap();
    assert_eq!((runs[0].outcome, runs[0].error.as_deref()), (JobOutcome::Failed, Some(error.as_str())));
    let log: Vec<&str> = runs[1].log.iter().map(|line| line.line.as_str()).collect();
    assert_eq!(log, ["line 0", "line 1", "1 more lines were not kept: the log is full"]);
    let jobs = another.jobs().await.unwrap();
    assert_eq!((jobs[0].next_time.as_deref(), jobs[0].last_run.as_ref().unwrap().log.len()), (None, 0));
}
