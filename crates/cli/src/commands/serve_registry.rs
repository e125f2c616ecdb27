//! `larder serve_registry`.

use std::sync::Arc;

use anyhow::{Result, bail};
use larder::{AuthConfig, shutdown_signal};

use crate::repo::Repo;
use crate::server_arguments::{ServeRegistryArguments, listen_at};

pub(crate) async fn run(repo: &Repo, arguments: &ServeRegistryArguments) -> Result<()> {
    if arguments.no_grpc && !arguments.rest_api {
        bail!("there is nothing to serve with `--no-grpc` alone; add `--rest-api`, or leave it out");
    }
    let store = repo.open().await?;
    store.check_auth()?;
    let door = arguments.tls.door()?;
    let scheme = if door.certificate.is_some() { "https" } else { "http" };
    let registry = store.config().registry.path.display().to_string();
    // Both ports are taken before either serves, so that the command works as a whole or not at all.
    let grpc = if arguments.no_grpc {
        None
    } else {
        Some(listen_at(&arguments.host, arguments.port, "--port").await?)
    };
    let rest = if arguments.rest_api {
        Some(listen_at(&arguments.host, arguments.rest_port, "--rest-port").await?)
    } else {
        None
    };
    if let Some(listener) = &grpc {
        eprintln!("Serving the registry {registry} over gRPC on {}", listener.local_addr()?);
    }
    if let Some(listener) = &rest {
        eprintln!(
            "Serving the registry {registry} over REST on {scheme}://{}/api/v1",
            listener.local_addr()?
        );
        if store.config().openlineage.consumer.is_some() {
            let address = listener.local_addr()?;
            eprintln!("Events of OpenLineage are taken at {scheme}://{address}/api/v1/lineage");
        }
    }
    let mut open_to_others = false;
    for listener in grpc.iter().chain(&rest) {
        open_to_others |= !listener.local_addr()?.ip().is_loopback();
    }
    if open_to_others && store.config().auth == AuthConfig::NoAuth {
        eprintln!(
            "note: whoever reaches this address may change the registry; `auth` in feature_store.yaml and permissions \
             say who may"
        );
    }
    let (rest_store, rest_door) = (Arc::clone(&store), door.clone());
    let over_grpc = async {
        match grpc {
            Some(listener) => Arc::clone(&store).serve_registry(listener, door, shutdown_signal()).await,
            None => Ok(()),
        }
    };
    let over_rest = async {
        match rest {
            Some(listener) => rest_store.serve_registry_http(listener, rest_door, shutdown_signal()).await,
            None => Ok(()),
        }
    };
    tokio::try_join!(over_grpc, over_rest)?;
    eprintln!("Stopped.");
    Ok(())
}
