//! `larder plan` and `larder apply`.

use anyhow::Result;
use larder::{ApplyOptions, ApplyOutcome};

use crate::arguments::{ApplyArguments, PlanArguments, ValidationFlags};
use crate::repo::Repo;
use crate::server_client;

/// Shows what apply would change.
pub(crate) async fn plan(repo: &Repo, arguments: &PlanArguments) -> Result<()> {
    note(&arguments.of_feast);
    let store = repo.open().await?;
    show(&store.plan().await?, arguments.json)
}

/// Registers the definitions.
pub(crate) async fn apply(repo: &Repo, arguments: &ApplyArguments) -> Result<()> {
    note(&arguments.of_feast);
    let store = repo.open().await?;
    if !arguments.json {
        println!("Applying changes for project {}", store.config().project);
    }
    let outcome = store.apply_with(ApplyOptions { no_promote: arguments.no_promote }).await?;
    server_client::refresh(&store, outcome.serving_at).await?;
    show(&outcome, arguments.json)
}

/// Says which of Feast's flags do nothing here.
fn note(flags: &ValidationFlags) {
    if flags.skip_source_validation {
        eprintln!(
            "note: `--skip-source-validation` has no effect: a source without a file is only a warning"
        );
    }
    if flags.skip_feature_view_validation {
        eprintln!(
            "note: `--skip-feature-view-validation` has no effect: what is wrong with a view is never left out"
        );
    }
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
