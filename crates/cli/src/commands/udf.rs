//! `larder udf`: which component computes an on-demand view.

use std::sync::Arc;

use anyhow::{Context as _, Result};

use larder::VersionedView;
use larder_core::ComponentDigest;

use crate::arguments::{BindArguments, HistoryArguments, RollbackArguments, UdfVerb};
use crate::plain_table;
use crate::repo::Repo;
use crate::server_client;

pub(crate) async fn run(repo: &Repo, verb: &UdfVerb) -> Result<()> {
    match verb {
        UdfVerb::Bind(arguments) => bind(repo, arguments).await,
        UdfVerb::Rollback(arguments) => roll_back(repo, arguments).await,
        UdfVerb::History(arguments) => history(repo, arguments).await,
    }
}

async fn bind(repo: &Repo, arguments: &BindArguments) -> Result<()> {
    let file = &arguments.component;
    let bytes = std::fs::read(file).with_context(|| format!("`{}` cannot be read", file.display()))?;
    let store = repo.open().await?;
    let bytes: Arc<[u8]> = bytes.into();
    let bound = store.bind_component(&arguments.view, bytes, arguments.function.as_deref()).await?;
    server_client::refresh(store.server_address().await).await?;
    println!(
        "Bound on demand feature view {} to {} of component {}",
        arguments.view,
        bound.function,
        short(bound.component)
    );
    Ok(())
}

async fn roll_back(repo: &Repo, arguments: &RollbackArguments) -> Result<()> {
    let store = repo.open().await?;
    let (version, restored) = store.roll_back_component(&arguments.view, arguments.to).await?;
    server_client::refresh(store.server_address().await).await?;
    println!(
        "Restored on demand feature view {} to version v{version}: {} of component {}",
        arguments.view,
        restored.function,
        short(restored.component)
    );
    eprintln!("The next apply goes back to what the definitions say.");
    Ok(())
}

async fn history(repo: &Repo, arguments: &HistoryArguments) -> Result<()> {
    let store = repo.open().await?;
    let catalog = store.catalog();
    let current = catalog.snapshot().on_demand_feature_view(&arguments.view)?;
    let mut rows = Vec::new();
    for version in catalog.snapshot().feature_view_versions(&arguments.view) {
        let Ok(VersionedView::OnDemand(view)) = &version.view else { continue };
        let in_use = if version.number == current.version_number { "*" } else { "" };
        rows.push(vec![
            format!("v{}{in_use}", version.number),
            short(view.transformation.component),
            view.transformation.function.clone(),
            version.created.to_string(),
        ]);
    }
    print!("{}", plain_table::render(&["VERSION", "COMPONENT", "FUNCTION", "CREATED"], &rows));
    Ok(())
}

/// The beginning of a component's hash, as `apply` shows it.
fn short(component: Option<ComponentDigest>) -> String {
    let text = component.map(|digest| digest.to_string()).unwrap_or_default();
    text.get(..16).unwrap_or(&text).to_owned()
}
