//! `larder udf`: from a function's source to the component of a view. One file for each verb.

mod bind;
mod build;
mod history;
mod new;
mod project;
mod rollback;
mod templates;
mod toolchain;

use anyhow::Result;
use larder_core::ComponentDigest;

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
    }
}

/// The beginning of a component's hash, as `apply` shows it.
fn short(component: Option<ComponentDigest>) -> String {
    let text = component.map(|digest| digest.to_string()).unwrap_or_default();
    text.get(..16).unwrap_or(&text).to_owned()
}
