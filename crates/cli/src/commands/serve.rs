//! `larder serve`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use larder::{ServerCertificate, ServerOptions, shutdown_signal};
use tokio::net::TcpListener;

use crate::arguments::{FlagsOfFeast, ServeArguments};
use crate::repo::Repo;

pub(crate) async fn run(repo: &Repo, arguments: &ServeArguments) -> Result<()> {
    note_without_effect(&arguments.of_feast);
    debug_assert_eq!(arguments.kind, "http", "the parser takes nothing else");
    let store = repo.open().await?;
    store.check_auth()?;
    store.check_mcp()?;
    let certificate = certificate(arguments.cert.as_deref(), arguments.key.as_deref())?;
    // Before the port is taken, so that a second server fails for the reason that matters.
    store.open_online_store().await?;
    let listener = listen(&arguments.host, arguments.port, "--port").await?;
    let scheme = if certificate.is_some() { "https" } else { "http" };
    let mut options = ServerOptions {
        certificate,
        idle_timeout: Duration::from_secs(arguments.keep_alive_timeout),
        recording: arguments.recording,
        ..ServerOptions::default()
    };
    if arguments.metrics || store.config().feature_server.metrics.enabled {
        let metrics = listen(&arguments.host, arguments.metrics_port, "--metrics-port").await?;
        eprintln!("Metrics are at http://{}/metrics", metrics.local_addr()?);
        options.metrics_listener = Some(Arc::new(metrics));
    }
    eprintln!("Serving project {} on {scheme}://{}", store.config().project, listener.local_addr()?);
    if store.config().feature_server.mcp.is_some() {
        eprintln!("Tools for MCP clients are at {scheme}://{}/mcp", listener.local_addr()?);
    }
    let refresh = Duration::from_secs(arguments.registry_ttl_seconds);
    store.serve(listener, refresh, options, shutdown_signal()).await?;
    eprintln!("Stopped.");
    Ok(())
}

/// What a server shows to clients who speak TLS, where both its files are named.
pub(super) fn certificate(cert: Option<&Path>, key: Option<&Path>) -> Result<Option<ServerCertificate>> {
    match (cert, key) {
        (Some(cert), Some(key)) => Ok(Some(ServerCertificate::load(cert, key)?)),
        _ => Ok(None),
    }
}

/// Takes a port, which `flag` names.
pub(super) async fn listen(host: &str, port: u16, flag: &str) -> Result<TcpListener> {
    TcpListener::bind((host, port)).await.with_context(|| {
        format!("cannot listen on {host}:{port}; choose another port with `{flag}`, 0 for a free one")
    })
}

/// Says which of Feast's flags do nothing here.
fn note_without_effect(flags: &FlagsOfFeast) {
    let without_effect = [
        (flags.no_access_log, "--no-access-log", "there is no access log"),
        (
            flags.workers.is_some_and(|workers| workers != 1),
            "--workers",
            "one process serves with all processors",
        ),
        (
            flags.worker_connections.is_some(),
            "--worker-connections",
            "connections are not limited by process",
        ),
        (flags.max_requests.is_some(), "--max-requests", "the process is not replaced after some requests"),
        (
            flags.max_requests_jitter.is_some(),
            "--max-requests-jitter",
            "the process is not replaced after some requests",
        ),
    ];
    for (given, flag, why) in without_effect {
        if given {
            eprintln!("note: `{flag}` has no effect: {why}");
        }
    }
}
