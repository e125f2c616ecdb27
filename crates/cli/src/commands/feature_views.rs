//! `larder feature-views`.

use std::sync::Arc;

use anyhow::{Result, bail};
use larder::{FeatureStore, FeatureViewState, ObjectKind};

use super::objects;
use crate::object_arguments::FeatureViewVerb;
use crate::repo::Repo;
use crate::{plain_table, server_client};

pub(crate) async fn run(repo: &Repo, verb: &FeatureViewVerb) -> Result<()> {
    match verb {
        FeatureViewVerb::Object(verb) => objects::run(repo, ObjectKind::FeatureView, verb).await,
        FeatureViewVerb::Enable { name } => switch(&repo.open().await?, name, true).await,
        FeatureViewVerb::Disable { name } => switch(&repo.open().await?, name, false).await,
        FeatureViewVerb::SetState { name, state } => {
            set_state(&repo.open().await?, name, FeatureViewState::from(*state)).await
        }
        FeatureViewVerb::ListVersions { name } => list_versions(&repo.open().await?, name).await,
    }
}

async fn switch(store: &Arc<FeatureStore>, name: &str, enabled: bool) -> Result<()> {
    refuse_label_view(store, name, "enable/disable").await?;
    let word = if enabled { "enabled" } else { "disabled" };
    if store.feature_view_status(name).await?.enabled == enabled {
        println!("Feature view '{name}' is already {word}.");
        return Ok(());
    }
    store.set_feature_view_enabled(name, enabled).await?;
    server_client::refresh(store).await?;
    println!("Feature view '{name}' has been {word}.");
    Ok(())
}

async fn set_state(store: &Arc<FeatureStore>, name: &str, state: FeatureViewState) -> Result<()> {
    refuse_label_view(store, name, "state management").await?;
    let current = store.feature_view_status(name).await?.state;
    if current == state {
        println!("Feature view '{name}' is already in state {}.", state.name());
        return Ok(());
    }
    let allowed = next_states(current);
    if !allowed.contains(&state) {
        let mut names: Vec<&str> = allowed.iter().map(|state| state.name()).collect();
        names.sort_unstable();
        let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        let (current, state) = (current.name(), state.name());
        bail!("Invalid state transition: {current} -> {state}. Allowed transitions from {current}: {names}.");
    }
    store.set_feature_view_state(name, state).await?;
    server_client::refresh(store).await?;
    println!("Feature view '{name}' state set to {}.", state.name());
    Ok(())
}

/// Label views have neither switch nor state.
async fn refuse_label_view(store: &FeatureStore, name: &str, what: &str) -> Result<()> {
    if store.describe(ObjectKind::LabelView, name).await.is_ok() {
        bail!("Feature view '{name}' does not support {what}.");
    }
    Ok(())
}

/// The states that may follow, as in Feast.
fn next_states(state: FeatureViewState) -> &'static [FeatureViewState] {
    match state {
        FeatureViewState::Unspecified => &[FeatureViewState::Created],
        FeatureViewState::Created => &[FeatureViewState::Generated],
        FeatureViewState::Generated | FeatureViewState::AvailableOnline => &[FeatureViewState::Materializing],
        FeatureViewState::Materializing => &[FeatureViewState::AvailableOnline, FeatureViewState::Generated],
    }
}

async fn list_versions(store: &Arc<FeatureStore>, name: &str) -> Result<()> {
    let versions = store.list_feature_view_versions(name).await?;
    if versions.is_empty() {
        println!("No version history found for feature view '{name}'.");
        return Ok(());
    }
    let row = |version: &larder::FeatureViewVersion| {
        // Feast shows the time as Python does.
        let created = version.created.to_string().replace('T', " ").replace('Z', "");
        vec![format!("v{}", version.number), version.view_type.clone(), created, version.version_id.clone()]
    };
    let rows: Vec<Vec<String>> = versions.iter().map(row).collect();
    print!("{}", plain_table::render(&["VERSION", "TYPE", "CREATED", "VERSION_ID"], &rows));
    Ok(())
}
