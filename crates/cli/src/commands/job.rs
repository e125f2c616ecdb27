//! `larder job run`, `list` and `history`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use larder::{
    ComponentRun, FeatureStore, JobOutcome, JobRunReport, JobRunner, JobServer as _, JobTrigger, StartJob,
};
use larder_core::JobLimits;
use serde_json::json;

use crate::arguments::{JobHistoryArguments, JobListArguments, JobVerb, RunJobArguments};
use crate::job_log::JobLog;
use crate::plain_table;
use crate::repo::Repo;
use crate::server_client::ServerClient;

pub(crate) async fn run(repo: &Repo, verb: &JobVerb, quiet: bool) -> Result<()> {
    match verb {
        JobVerb::Run(arguments) => {
            let file = Path::new(&arguments.job);
            let is_file = file.extension().is_some_and(|ending| ending == "wasm") || file.is_file();
            let store = repo.open().await?;
            if is_file {
                run_file(store, arguments, quiet).await
            } else {
                run_registered(store, arguments, quiet).await
            }
        }
        JobVerb::List(arguments) => list(&repo.open().await?, arguments).await,
        JobVerb::History(arguments) => history(&repo.open().await?, arguments).await,
    }
}

/// Runs a component that nobody has registered.
async fn run_file(store: Arc<FeatureStore>, arguments: &RunJobArguments, quiet: bool) -> Result<()> {
    let file = Path::new(&arguments.job);
    let bytes = std::fs::read(file).with_context(|| format!("`{}` cannot be read", file.display()))?;
    let name =
        file.file_stem().map_or_else(|| arguments.job.clone(), |name| name.to_string_lossy().into_owned());
    let run = ComponentRun {
        name,
        component: bytes.into(),
        arguments: arguments.arguments.clone(),
        time: arguments.time,
        allow: arguments.allow.iter().copied().collect(),
        limits: JobLimits::default(),
    };
    Ok(store.run_component(run, Arc::new(JobLog::new(quiet))).await?)
}

/// Runs a job of the registry: in the server that holds the store, if there is one, else here.
async fn run_registered(store: Arc<FeatureStore>, arguments: &RunJobArguments, quiet: bool) -> Result<()> {
    if !arguments.allow.is_empty() {
        bail!(
            "a job of the registry may do what its definition allows; leave out `--allow`, or give a .wasm file"
        );
    }
    if let Some(server) = store.server_address().await {
        return follow(ServerClient::of(&store, server).await?, arguments).await;
    }
    let given = (!arguments.arguments.is_empty()).then(|| arguments.arguments.clone());
    let request = StartJob { arguments: given, time: arguments.time };
    let runner = JobRunner::new(store);
    let started = runner.start_job(&arguments.job, request, Some(Arc::new(JobLog::new(quiet)))).await?;
    let ended = started.ended().await;
    runner.stop().await;
    ended.map_err(|error| anyhow!(error))
}

/// Starts a run in a server, and shows its log until it ends.
async fn follow(server: ServerClient, arguments: &RunJobArguments) -> Result<()> {
    const LOOK_EVERY: Duration = Duration::from_millis(200);
    let mut body = json!({});
    if let Some(body) = body.as_object_mut() {
        if !arguments.arguments.is_empty() {
            body.insert("arguments".to_owned(), json!(arguments.arguments));
        }
        if let Some(time) = arguments.time {
            body.insert("time".to_owned(), json!(time.to_string()));
        }
    }
    let runs = format!("/v1/jobs/{}/runs", arguments.job);
    let mut run: JobRunReport = serde_json::from_slice(&server.post(&runs, &body).await?)?;
    let mut shown = 0;
    loop {
        for line in run.log.iter().skip(shown) {
            eprintln!("{}: {}", line.level, line.line);
        }
        shown = run.log.len().max(shown);
        match run.outcome {
            JobOutcome::Running => {}
            JobOutcome::Succeeded => return Ok(()),
            _ => bail!(run.error.unwrap_or_else(|| format!("the run was {}", run.outcome.name()))),
        }
        tokio::time::sleep(LOOK_EVERY).await;
        run = serde_json::from_slice(&server.get(&format!("{runs}/{}", run.id)).await?)?;
    }
}

async fn list(store: &Arc<FeatureStore>, arguments: &JobListArguments) -> Result<()> {
    let jobs = JobRunner::new(Arc::clone(store)).jobs().await?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&jobs)?);
        return Ok(());
    }
    let headers = ["NAME", "SCHEDULE", "NEXT", "LAST", "AT", "ALLOW"];
    let rows = jobs.into_iter().map(|job| {
        let (last, at) = match job.last_run {
            Some(run) => (run.outcome.name().to_owned(), run.started),
            None => (String::new(), String::new()),
        };
        let (schedule, next) = (job.schedule.unwrap_or_default(), job.next_time.unwrap_or_default());
        vec![job.name, schedule, next, last, at, job.allow.join(",")]
    });
    print!("{}", plain_table::render(&headers, &rows.collect::<Vec<_>>()));
    Ok(())
}

async fn history(store: &Arc<FeatureStore>, arguments: &JobHistoryArguments) -> Result<()> {
    let mut runs = JobRunner::new(Arc::clone(store)).runs(&arguments.job).await?;
    if arguments.log {
        let latest = runs.iter().find(|run| !run.log.is_empty());
        for line in latest.into_iter().flat_map(|run| &run.log) {
            println!("{}: {}", line.level, line.line);
        }
        return Ok(());
    }
    runs.truncate(arguments.limit);
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&runs)?);
        return Ok(());
    }
    let headers = ["RUN", "OUTCOME", "BY", "FOR", "STARTED", "SECONDS", "REMARK"];
    let rows = runs.into_iter().map(|run| {
        let by = match run.trigger {
            JobTrigger::Schedule => "schedule",
            JobTrigger::Hand => "hand",
        };
        let times = run.missed.map(|count| format!("{count} times: "));
        let remark = format!("{}{}", times.unwrap_or_default(), run.error.unwrap_or_default());
        let seconds = run.seconds.map(|seconds| format!("{seconds:.1}")).unwrap_or_default();
        vec![run.id, run.outcome.name().to_owned(), by.to_owned(), run.time, run.started, seconds, remark]
    });
    print!("{}", plain_table::render(&headers, &rows.collect::<Vec<_>>()));
    Ok(())
}
