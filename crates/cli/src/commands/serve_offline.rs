//! `larder serve_offline`.

use anyhow::Result;
use larder::{DoorOptions, ServerCertificate, shutdown_signal};

use super::serve::listen;
use crate::arguments::ServeOfflineArguments;
use crate::repo::Repo;

pub(crate) async fn run(repo: &Repo, arguments: &ServeOfflineArguments) -> Result<()> {
    let store = repo.open().await?;
    store.check_auth()?;
    let certificate = match (&arguments.cert, &arguments.key) {
        (Some(cert), Some(key)) => Some(ServerCertificate::load(cert, key)?),
        _ => None,
    };
    let listener = listen(&arguments.host, arguments.port, "--port").await?;
    // As Feast's client writes it.
    let scheme = if certificate.is_some() { "grpc+tls" } else { "grpc+tcp" };
    let address = listener.local_addr()?;
    eprintln!("Serving history of project {} on {scheme}://{address}", store.config().project);
    let door = DoorOptions { certificate, ..DoorOptions::default() };
    store.serve_offline(listener, door, shutdown_signal()).await?;
    eprintln!("Stopped.");
    Ok(())
}
