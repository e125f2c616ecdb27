//! `larder serve`.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use larder::{McpTransport, ServerOptions, shutdown_signal};

use crate::repo::Repo;
use crate::server_arguments::{FlagsOfFeast, ServeArguments, listen, listen_at, registry_refresh};

pub(crate) async fn run(repo: &Repo, arguments: &ServeArguments) -> Result<()> {
    note_without_effect(&arguments.of_feast);
    debug_assert_eq!(arguments.kind, "http", "the parser takes nothing else");
    let store = repo.open().await?;
    store.check_auth()?;
    let certificate = arguments.tls.certificate()?;
    // Before the port is taken, so that a second server fails for the reason that matters.
    store.open_online_store().await?;
    let listener = listen_at(&arguments.host, arguments.port, "--port").await?;
    let scheme = if certificate.is_some() { "https" } else { "http" };
    let mut options = ServerOptions {
        certificate,
        idle_timeout: Duration::from_secs(arguments.keep_alive_timeout),
        recording: arguments.recording,
        ..ServerOptions::default()
    };
    if arguments.metrics || store.config().feature_server.metrics.enabled {
        let metrics = listen_at(&arguments.host, arguments.metrics_port, "--metrics-port").await?;
        eprintln!("Metrics are at http://{}/metrics", metrics.local_addr()?);
        options.metrics_listener = Some(Arc::new(metrics));
    }
    let address = listener.local_addr()?;
    let server = Arc::clone(&store).prepare_server(listener, options).await?;
    // From here on other processes find the server.
    eprintln!("Serving project {} on {scheme}://{address}", store.config().project);
    if let Some(mcp) = &store.config().feature_server.mcp {
        let address = format!("{scheme}://{address}");
        match mcp.transport {
            McpTransport::Both => eprintln!("Tools for MCP clients are at {address}/mcp and {address}/sse"),
            McpTransport::Http => eprintln!("Tools for MCP clients are at {address}/mcp"),
            McpTransport::Sse => eprintln!("Tools for MCP clients are at {address}/sse"),
        }
    }
    super::remark_on_mlflow(&store);
    let refresh = registry_refresh(arguments.registry_ttl_seconds);
    let http = server.run(refresh, shutdown_signal());
    match &arguments.grpc {
        Some(address) => {
            let door = arguments.tls.door()?;
            let listener = listen(address, "--grpc").await?;
            eprintln!("Listening for gRPC on {}", listener.local_addr()?);
            // One of the two looks at the registry for both.
            let grpc = Arc::clone(&store).listen(listener, Duration::ZERO, door, shutdown_signal());
            tokio::try_join!(http, grpc)?;
        }
        None => http.await?,
    }
    eprintln!("Stopped.");
    Ok(())
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
