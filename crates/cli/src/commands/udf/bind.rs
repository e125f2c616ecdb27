//! `larder udf bind`: gives an on-demand view its component.

use std::sync::Arc;

use anyhow::{Context as _, Result};

use super::short;
use crate::arguments::BindArguments;
use crate::repo::Repo;
use crate::server_client;

pub(super) async fn run(repo: &Repo, arguments: &BindArguments) -> Result<()> {
    let file = &arguments.component;
    let bytes = std::fs::read(file).with_context(|| format!("`{}` cannot be read", file.display()))?;
    let store = repo.open().await?;
    let bytes: Arc<[u8]> = bytes.into();
    let bound = store.bind_component(&arguments.view, bytes, arguments.function.as_deref()).await?;
    server_client::refresh(&store).await?;
    println!(
        "Bound on demand feature view {} to {} of component {}",
        arguments.view,
        bound.function,
        short(bound.component)
    );
    Ok(())
}
