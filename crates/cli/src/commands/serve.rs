//! `larder serve`.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use larder::ServerOptions;
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
    let options = ServerOptions {
        registry_refresh: Duration::from_secs(arguments.registry_ttl_seconds),
        ..ServerOptions::default()
    };
    Arc::clone(&store).serve(listener, options, shutdown_signal()).await?;
    eprintln!("Stopped.");
    Ok(())
}

/// Returns when the process is asked to stop: Ctrl-C, or SIGTERM on Unix.
pub(crate) async fn shutdown_signal() {
    let interrupt = async {
        // Without a handler the process cannot be asked politely, so it serves on.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut terminate) => {
                terminate.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}
