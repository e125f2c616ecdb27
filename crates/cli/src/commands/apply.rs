//! `larder plan` and `larder apply`.

use anyhow::Result;
use larder::{ApplyOptions, ApplyOutcome, BaselineJob, FeatureStore};
use larder_workbench::TestReport;

use super::udf;
use crate::arguments::{ApplyArguments, PlanArguments, ValidationFlags};
use crate::repo::Repo;
use crate::server_client;

/// Shows what apply would change and which on-demand views read each other, and tests the components that would
/// be new.
pub(crate) async fn plan(repo: &Repo, arguments: &PlanArguments) -> Result<()> {
    note(&arguments.of_feast);
    let store = repo.open().await?;
    let outcome = store.plan().await?;
    let tests = if arguments.skip_udf_tests || outcome.new_components.is_empty() {
        None
    } else {
        let components = outcome.new_components.clone();
        Some(udf::test::of_components(store.repo().to_owned(), components).await)
    };
    if arguments.json {
        warn(&outcome);
        let mut document = outcome.to_json();
        if let (Some(Ok(run)), Some(document)) = (&tests, document.as_object_mut()) {
            let reports = run.reports.iter().map(TestReport::to_json).collect();
            document.insert("tests".to_owned(), reports);
            if !run.problems.is_empty() {
                document.insert("test_problems".to_owned(), udf::test::json_of_problems(&run.problems));
            }
        }
        println!("{}", serde_json::to_string_pretty(&document)?);
    } else {
        show(&outcome, false)?;
        if !outcome.chains.is_empty() {
            print!("\nOn-demand feature views that read each other\n{}", outcome.chains_text());
        }
        if let Some(Ok(run)) = &tests
            && run.reports.iter().any(|report| !report.tests.is_empty())
        {
            println!("\nTests of new components");
            run.print();
        }
    }
    match tests {
        Some(run) => run?.verdict(),
        None => Ok(()),
    }
}

/// Registers the definitions.
pub(crate) async fn apply(repo: &Repo, arguments: &ApplyArguments) -> Result<()> {
    note(&arguments.of_feast);
    let store = repo.open().await?;
    if !arguments.json {
        println!("Applying changes for project {}", store.config().project);
    }
    let outcome = store.apply_with(ApplyOptions { no_promote: arguments.no_promote }).await?;
    server_client::refresh(&store).await?;
    show(&outcome, arguments.json)?;
    compute_baselines(&store).await;
    Ok(())
}

/// What new features look like, where `feature_store.yaml` asks for it. The definitions are applied by then, so what
/// fails is only told.
async fn compute_baselines(store: &FeatureStore) {
    let begin = |count| eprintln!("  → Computing baseline metrics ({count} job(s))...");
    match store.compute_new_baselines(begin).await {
        Ok(jobs) => {
            for BaselineJob { view, job } in jobs {
                match job {
                    Ok(job) => eprintln!("  ✓ Baseline computed (job: {job})"),
                    Err(reason) => eprintln!("warning: there is no baseline of `{view}`: {reason}"),
                }
            }
        }
        Err(error) => eprintln!("warning: there are no baselines of new features: {}", error.chain()),
    }
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

fn warn(outcome: &ApplyOutcome) {
    for warning in &outcome.warnings {
        eprintln!("{warning}");
    }
    for view in &outcome.outdated_views {
        eprintln!(
            "note: the stored rows of `{view}` were computed by an earlier function; they stay until `larder materialize` \
             computes them again"
        );
    }
}

fn show(outcome: &ApplyOutcome, json: bool) -> Result<()> {
    warn(outcome);
    if json {
        println!("{}", serde_json::to_string_pretty(&outcome.to_json())?);
    } else {
        print!("{outcome}");
    }
    Ok(())
}
