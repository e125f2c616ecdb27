//! `larder listen` and `larder serve_transformations`.

use anyhow::Result;
use larder::shutdown_signal;

use crate::repo::Repo;
use crate::server_arguments::{
    ListenArguments, ServeTransformationsArguments, listen, listen_at, registry_refresh,
};

pub(crate) async fn run(repo: &Repo, arguments: &ListenArguments) -> Result<()> {
    if arguments.max_workers.is_some() {
        eprintln!("note: `--max_workers` has no effect: calls wait for nobody's thread");
    }
    let store = repo.open().await?;
    store.check_auth()?;
    super::remark_on_mlflow(&store);
    let door = arguments.tls.door()?;
    // Before the port is taken, so that a second server fails for the reason that matters.
    store.open_online_store().await?;
    let listener = listen(&arguments.address, "--address").await?;
    eprintln!("Listening for gRPC of project {} on {}", store.config().project, listener.local_addr()?);
    let refresh = registry_refresh(arguments.registry_ttl_seconds);
    store.listen(listener, refresh, door, shutdown_signal()).await?;
    eprintln!("Stopped.");
    Ok(())
}

pub(crate) async fn transformations(repo: &Repo, arguments: &ServeTransformationsArguments) -> Result<()> {
    let store = repo.open().await?;
    store.check_auth()?;
    let door = arguments.tls.door()?;
    let listener = listen_at(&arguments.host, arguments.port, "--port").await?;
    let project = &store.config().project;
    eprintln!("Serving the transformations of project {project} on {}", listener.local_addr()?);
    let refresh = registry_refresh(arguments.registry_ttl_seconds);
    store.serve_transformations(listener, refresh, door, shutdown_signal()).await?;
    eprintln!("Stopped.");
    Ok(())
}
