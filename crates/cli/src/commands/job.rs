//! `larder job run`.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use larder::ComponentRun;
use larder_core::JobLimits;

use crate::arguments::{JobVerb, RunJobArguments};
use crate::job_log::JobLog;
use crate::repo::Repo;

pub(crate) async fn run(repo: &Repo, verb: &JobVerb, quiet: bool) -> Result<()> {
    match verb {
        JobVerb::Run(arguments) => run_file(repo, arguments, quiet).await,
    }
}

/// Runs a component that nobody has registered.
async fn run_file(repo: &Repo, arguments: &RunJobArguments, quiet: bool) -> Result<()> {
    let file = Path::new(&arguments.job);
    let bytes = std::fs::read(file).with_context(|| format!("`{}` cannot be read", file.display()))?;
    let name =
        file.file_stem().map_or_else(|| arguments.job.clone(), |name| name.to_string_lossy().into_owned());
    let store = repo.open().await?;
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
