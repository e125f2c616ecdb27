//! `larder ui`.

use anyhow::Result;
use larder::shutdown_signal;

use crate::repo::Repo;
use crate::server_arguments::{UiArguments, listen_at};

pub(crate) async fn run(repo: &Repo, arguments: &UiArguments) -> Result<()> {
    if arguments.registry_ttl_seconds.is_some() {
        eprintln!("note: `--registry_ttl_sec` has no effect; the page shows the registry as it is");
    }
    let origins = &arguments.cors_allowed_origins;
    if origins.are_all() {
        eprintln!(
            "warning: with `--cors-allowed-origins '*'` every page that somebody here opens may read the registry"
        );
    }
    let store = repo.open().await?;
    store.check_auth()?;
    let door = arguments.tls.door()?;
    let listener = listen_at(&arguments.host, arguments.port, "--port").await?;
    let scheme = if door.certificate.is_some() { "https" } else { "http" };
    eprintln!("The registry is shown at {scheme}://{}", listener.local_addr()?);
    store.serve_ui(listener, &arguments.root_path, origins, door, shutdown_signal()).await?;
    eprintln!("Stopped.");
    Ok(())
}
