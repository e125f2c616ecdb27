//! `larder serve_registry`.

use anyhow::{Context as _, Result, bail};
use larder::{DoorOptions, ServerCertificate, shutdown_signal};
use tokio::net::TcpListener;

use crate::arguments::ServeRegistryArguments;
use crate::repo::Repo;

pub(crate) async fn run(repo: &Repo, arguments: &ServeRegistryArguments) -> Result<()> {
    if arguments.rest_api {
        bail!("there is no REST server of the registry yet; leave `--rest-api` out, and the gRPC server starts");
    }
    if arguments.no_grpc {
        bail!("there is nothing to serve with `--no-grpc`; leave it out");
    }
    let store = repo.open().await?;
    store.check_auth()?;
    let certificate = match (&arguments.cert, &arguments.key) {
        (Some(cert), Some(key)) => Some(ServerCertificate::load(cert, key)?),
        _ => None,
    };
    let listener = TcpListener::bind((arguments.host.as_str(), arguments.port)).await.with_context(|| {
        format!(
            "cannot listen on {}:{}; choose another port with `--port`, 0 for a free one",
            arguments.host, arguments.port
        )
    })?;
    let address = listener.local_addr()?;
    eprintln!("Serving the registry {} over gRPC on {address}", store.config().registry.path.display());
    let options = DoorOptions { certificate, ..DoorOptions::default() };
    store.serve_registry(listener, options, shutdown_signal()).await?;
    eprintln!("Stopped.");
    Ok(())
}
