//! `larder serve_lineage`.

use anyhow::Result;
use larder::{AuthConfig, shutdown_signal};

use crate::repo::Repo;
use crate::server_arguments::{ServeLineageArguments, listen_at};

pub(crate) async fn run(repo: &Repo, arguments: &ServeLineageArguments) -> Result<()> {
    let store = repo.open().await?;
    store.check_auth()?;
    store.check_lineage_consumer()?;
    let door = arguments.tls.door()?;
    let listener = listen_at(&arguments.host, arguments.port, "--port").await?;
    let scheme = if door.certificate.is_some() { "https" } else { "http" };
    let address = listener.local_addr()?;
    eprintln!("Serving lineage of project {} on {scheme}://{address}", store.config().project);
    let consumer = store.config().openlineage.consumer.as_ref();
    let is_open = store.config().auth == AuthConfig::NoAuth
        && consumer.is_some_and(|consumer| consumer.api_key.is_none());
    if is_open && !address.ip().is_loopback() {
        eprintln!(
            "note: whoever reaches this address may read, add and remove lineage; `api_key` of `openlineage.consumer` and \
             `auth` in feature_store.yaml say who may"
        );
    }
    store.serve_lineage(listener, door, shutdown_signal()).await?;
    eprintln!("Stopped.");
    Ok(())
}
