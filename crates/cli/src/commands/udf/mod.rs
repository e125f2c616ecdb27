//! `larder udf`: from a function's source to the component of a view. One file for each verb.

mod bench;
mod bind;
mod build;
mod function;
mod history;
mod inspect;
mod new;
mod project;
mod record;
mod rollback;
mod run;
mod templates;
pub(crate) mod test;
mod toolchain;

use anyhow::{Context as _, Result};
use larder_core::ComponentDigest;

use super::objects::print_test_file_schema;
use crate::arguments::UdfVerb;
use crate::repo::Repo;

/// Carries out a verb. `repo` finds the feature repo, for the verbs that need one.
pub(crate) async fn run(repo: impl FnOnce() -> Result<Repo>, verb: &UdfVerb, quiet: bool) -> Result<()> {
    match verb {
        UdfVerb::New(arguments) => new::run(arguments),
        UdfVerb::Build(arguments) => build::run(arguments, quiet).await,
        UdfVerb::Bind(arguments) => bind::run(&repo()?, arguments).await,
        UdfVerb::Rollback(arguments) => rollback::run(&repo()?, arguments).await,
        UdfVerb::History(arguments) => history::run(&repo()?, arguments).await,
        UdfVerb::Inspect(arguments) => inspect::run(arguments).await,
        UdfVerb::Run(arguments) => run::run(arguments).await,
        UdfVerb::Bench(arguments) => bench::run(arguments, quiet).await,
        UdfVerb::Record(arguments) => record::run(&repo()?, arguments, quiet).await,
        UdfVerb::Test(arguments) => test::run(repo, arguments).await,
        UdfVerb::TestSchema => print_test_file_schema(),
    }
}

/// The beginning of a component's hash, as `apply` shows it.
fn short(component: Option<ComponentDigest>) -> String {
    let text = component.map(|digest| digest.to_string()).unwrap_or_default();
    text.get(..16).unwrap_or(&text).to_owned()
}

/// Does work that compiles or runs Wasm, off the async threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.context("the work was broken off")?
}
