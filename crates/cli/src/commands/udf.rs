//! `larder udf bind`: gives an on-demand view a component.

use std::sync::Arc;

use anyhow::{Context as _, Result};

use crate::arguments::{BindArguments, UdfVerb};
use crate::repo::Repo;
use crate::server_client;

pub(crate) async fn run(repo: &Repo, verb: &UdfVerb) -> Result<()> {
    match verb {
        UdfVerb::Bind(arguments) => bind(repo, arguments).await,
    }
}

async fn bind(repo: &Repo, arguments: &BindArguments) -> Result<()> {
    let file = &arguments.component;
    let bytes = std::fs::read(file).with_context(|| format!("`{}` cannot be read", file.display()))?;
    let store = repo.open().await?;
    let bytes: Arc<[u8]> = bytes.into();
    let bound = store.bind_component(&arguments.view, bytes, arguments.function.as_deref()).await?;
    server_client::refresh(&store, store.server_address().await).await?;
    let component = bound.component.map(|digest| digest.to_string()).unwrap_or_default();
    println!(
        "Bound on demand feature view {} to {} of component {}",
        arguments.view,
        bound.function,
        component.get(..16).unwrap_or(&component)
    );
    Ok(())
}
