//! `larder serve_registry`.

use anyhow::{Result, bail};
use larder::{AuthConfig, shutdown_signal};

use crate::repo::Repo;
use crate::server_arguments::{ServeRegistryArguments, listen_at};

pub(crate) async fn run(repo: &Repo, arguments: &ServeRegistryArguments) -> Result<()> {
    if arguments.rest_api {
        bail!(
            "there is no REST server of the registry yet; leave `--rest-api` out, and the gRPC server starts"
        );
    }
    if arguments.no_grpc {
        bail!("there is nothing to serve with `--no-grpc`; leave it out");
    }
    let store = repo.open().await?;
    store.check_auth()?;
    let door = arguments.tls.door()?;
    let listener = listen_at(&arguments.host, arguments.port, "--port").await?;
    let address = listener.local_addr()?;
    let path = store.config().registry.path.display();
    eprintln!("Serving the registry {path} over gRPC on {address}");
    if !address.ip().is_loopback() && store.config().auth == AuthConfig::NoAuth {
        eprintln!(
            "note: whoever reaches this address may change the registry; `auth` in feature_store.yaml and permissions \
             say who may"
        );
    }
    store.serve_registry(listener, door, shutdown_signal()).await?;
    eprintln!("Stopped.");
    Ok(())
}
