//! `larder serve_offline`.

use anyhow::Result;
use larder::shutdown_signal;

use crate::repo::Repo;
use crate::server_arguments::{ServeOfflineArguments, listen_at};

pub(crate) async fn run(repo: &Repo, arguments: &ServeOfflineArguments) -> Result<()> {
    let store = repo.open().await?;
    store.check_auth()?;
    let door = arguments.tls.door()?;
    let listener = listen_at(&arguments.host, arguments.port, "--port").await?;
    // As Feast's client writes it.
    let scheme = if door.certificate.is_some() { "grpc+tls" } else { "grpc+tcp" };
    let address = listener.local_addr()?;
    eprintln!("Serving history of project {} on {scheme}://{address}", store.config().project);
    store.serve_offline(listener, door, shutdown_signal()).await?;
    eprintln!("Stopped.");
    Ok(())
}
