//! `larder plan` and `larder apply`.

use anyhow::Result;
use larder::ApplyOutcome;

use crate::repo::Repo;
use crate::server_client::ServerClient;

/// Shows what apply would change.
pub(crate) async fn plan(repo: &Repo, json: bool) -> Result<()> {
    let store = repo.open().await?;
    show(&store.plan().await?, json)
}

/// Registers the definitions.
pub(crate) async fn apply(repo: &Repo, json: bool) -> Result<()> {
    let store = repo.open().await?;
    if !json {
        println!("Applying changes for project {}", store.config().project);
    }
    let outcome = store.apply().await?;
    if let Some(server) = &outcome.serving_at {
        // The server would see the change by itself within its refresh time; ask it to look now.
        ServerClient::new(*server).post("/v1/refresh", &serde_json::json!({})).await?;
    }
    show(&outcome, json)
}

fn show(outcome: &ApplyOutcome, json: bool) -> Result<()> {
    for warning in &outcome.warnings {
        eprintln!("{warning}");
    }
    if json {
        println!("{}", serde_json::to_string_pretty(&outcome.to_json())?);
    } else {
        print!("{outcome}");
    }
    Ok(())
}
