//! The verbs that say what there is: `registry-dump`, `configuration`, `endpoint` and `version`.

use anyhow::{Result, bail};

use crate::arguments::RegistryVerb;
use crate::repo::Repo;
use larder_core::json::python_dumps_indented;

/// The Feast whose formats, verbs and texts are spoken.
const FEAST_VERSION: &str = "0.67.0";

pub(crate) async fn registry_dump(repo: &Repo) -> Result<()> {
    println!("{}", python_dumps_indented(&repo.open().await?.registry_dump().await?, 2));
    Ok(())
}

pub(crate) fn configuration(repo: &Repo) -> Result<()> {
    println!("{}", repo.config()?.settings);
    Ok(())
}

pub(crate) async fn endpoint(repo: &Repo) -> Result<()> {
    match repo.open().await?.servers().await.first() {
        Some(server) => {
            let scheme = if server.certificate.is_some() { "https" } else { "http" };
            println!("Feature server endpoint: {scheme}://{}", server.http);
        }
        None => eprintln!("There is no active feature server."),
    }
    Ok(())
}

pub(crate) fn version() {
    println!("larder Version: \"{}\"", env!("CARGO_PKG_VERSION"));
    println!("Feast SDK Version: \"{FEAST_VERSION}\"");
}

/// `larder registry create-schema`, which fails as Feast's does: no registry is in a database.
pub(crate) fn registry(repo: &Repo, verb: &RegistryVerb) -> Result<()> {
    let RegistryVerb::CreateSchema = verb;
    let path = repo.config()?.registry.path;
    bail!(
        "This command only applies to SQL-based registries (registry_type='sql'). Current type: 'file'; `larder apply` makes \
         {} by itself",
        path.display()
    )
}
