//! `larder udf`: from a function's source to the component of a view. One file for each verb.

mod bind;
mod build;
mod new;
mod project;
mod templates;
mod toolchain;

use anyhow::Result;

use crate::arguments::UdfVerb;
use crate::repo::Repo;

/// Carries out a verb. `repo` finds the feature repo, for the verbs that need one.
pub(crate) async fn run(repo: impl FnOnce() -> Result<Repo>, verb: &UdfVerb, quiet: bool) -> Result<()> {
    match verb {
        UdfVerb::New(arguments) => new::run(arguments),
        UdfVerb::Build(arguments) => build::run(arguments, quiet).await,
        UdfVerb::Bind(arguments) => bind::run(&repo()?, arguments).await,
    }
}
