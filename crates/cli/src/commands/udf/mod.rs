//! `larder udf`: from a function's source to the component of a view. One file for each verb.

mod bench;
mod bind;
mod function;
mod inspect;
mod record;
mod run;
pub(crate) mod test;

use anyhow::{Context as _, Result};

use crate::arguments::UdfVerb;
use crate::repo::Repo;

/// Carries out a verb. `repo` finds the feature repo, for the verbs that need one.
pub(crate) async fn run(repo: impl FnOnce() -> Result<Repo>, verb: &UdfVerb, quiet: bool) -> Result<()> {
    match verb {
        UdfVerb::Bind(arguments) => bind::run(&repo()?, arguments).await,
        UdfVerb::Inspect(arguments) => inspect::run(arguments).await,
        UdfVerb::Run(arguments) => run::run(arguments).await,
        UdfVerb::Bench(arguments) => bench::run(arguments, quiet).await,
        UdfVerb::Record(arguments) => record::run(&repo()?, arguments, quiet).await,
        UdfVerb::Test(arguments) => test::run(repo, arguments).await,
    }
}

/// Does work that compiles or runs Wasm, off the async threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.context("the work was broken off")?
}
