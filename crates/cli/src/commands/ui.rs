//! `larder ui`.

use anyhow::Result;
use larder::{DoorOptions, shutdown_signal};

use super::serve::{certificate, listen};
use crate::arguments::UiArguments;
use crate::repo::Repo;

pub(crate) async fn run(repo: &Repo, arguments: &UiArguments) -> Result<()> {
    if arguments.registry_ttl_seconds.is_some() {
        eprintln!("note: `--registry_ttl_sec` has no effect; the page shows the registry as it is");
    }
    let store = repo.open().await?;
    store.check_auth()?;
    let certificate = certificate(arguments.cert.as_deref(), arguments.key.as_deref())?;
    let listener = listen(&arguments.host, arguments.port, "--port").await?;
    let scheme = if certificate.is_some() { "https" } else { "http" };
    eprintln!("The registry is shown at {scheme}://{}", listener.local_addr()?);
    let options = DoorOptions { certificate, ..DoorOptions::default() };
    store.serve_ui(listener, &arguments.root_path, options, shutdown_signal()).await?;
    eprintln!("Stopped.");
    Ok(())
}
