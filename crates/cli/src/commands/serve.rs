//! `larder serve`.

use std::time::Duration;

use anyhow::{Context as _, Result};
use larder::{ServerOptions, shutdown_signal};
use tokio::net::TcpListener;

use crate::arguments::ServeArguments;
use crate::repo::Repo;

pub(crate) async fn run(repo: &Repo, arguments: &ServeArguments) -> Result<()> {
    let store = repo.open().await?;
    // Before the port is taken, so that a second server fails for the reason that matters.
    store.open_online_store().await?;
    let (host, port) = (arguments.host.as_str(), arguments.port);
    let listener = TcpListener::bind((host, port)).await.with_context(|| {
        format!("cannot listen on {host}:{port}; choose another port with `--port`, 0 for a free one")
    })?;
    eprintln!("Serving project {} on http://{}", store.config().project, listener.local_addr()?);
    let refresh = Duration::from_secs(arguments.registry_ttl_seconds);
    store.serve(listener, refresh, ServerOptions::default(), shutdown_signal()).await?;
    eprintln!("Stopped.");
    Ok(())
}
