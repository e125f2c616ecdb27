//! `larder validate`.

use anyhow::{Result, bail};
use larder::{LoggedFeatures, ProfileCache, ValidationReport};
use larder_core::json::python_dumps_indented;
use serde_json::{Value, json};

use crate::arguments::ValidateArguments;
use crate::repo::Repo;

pub(crate) async fn run(repo: &Repo, arguments: &ValidateArguments) -> Result<()> {
    if arguments.start > arguments.end {
        bail!("START {} must not be after END {}", arguments.start, arguments.end);
    }
    let store = repo.open().await?;
    let logged = LoggedFeatures {
        feature_service: arguments.feature_service.clone(),
        start: arguments.start,
        end: arguments.end,
    };
    let cache = if arguments.no_profile_cache { ProfileCache::Avoid } else { ProfileCache::Use };
    let report = store.validate_logged_features(logged, &arguments.reference, cache).await?;
    remark(&report, &arguments.reference);
    if arguments.json {
        let found = json!({ "success": report.is_success(), "rows": report.rows, "errors": errors(&report) });
        println!("{}", serde_json::to_string_pretty(&found)?);
    } else if report.is_success() {
        println!("{} rows were validated.", report.rows);
        println!("Validation successful!");
    } else {
        println!("Validation failed!");
        println!("{}", python_dumps_indented(&errors(&report), 4));
    }
    verdict(&report, &arguments.reference)
}

/// Says on stderr what was not looked at.
pub(super) fn remark(report: &ValidationReport, reference: &str) {
    if report.ignores_python_profiler {
        eprintln!(
            "warning: the profiler of `{reference}` is Python, which is not run; its dataset was compared by \
             larder's own expectations"
        );
    }
}

/// What differs, as Feast prints it.
pub(super) fn errors(report: &ValidationReport) -> Value {
    report.failures.iter().map(larder::ValidationFailure::to_json).collect()
}

/// An error for data that are not as expected.
pub(super) fn verdict(report: &ValidationReport, reference: &str) -> Result<()> {
    if report.is_success() {
        return Ok(());
    }
    let columns: Vec<String> = report
        .failures
        .iter()
        .map(|failure| match failure.column.as_str() {
            "" => failure.check.to_owned(),
            column => format!("{} of {column}", failure.check),
        })
        .collect();
    bail!("the data are not as `{reference}` expects: {}", columns.join(", "))
}
