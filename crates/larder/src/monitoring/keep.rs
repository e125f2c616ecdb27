//! Keeping the metrics of features, and what of them is a baseline.

use std::collections::HashSet;

use larder_core::Result;
use larder_serving::MetricRow;
use serde_json::Value;

use super::BASELINE;
use super::feature_metrics::Together;
use super::metric_files::{Change, MetricFile};

/// Keeps rows of features. One that is a baseline takes the place of the baseline that its feature had of the same
/// source, which stays as what it was under its day.
pub(super) fn keep_features(change: &Change<'_>, rows: Vec<MetricRow>) -> Result<()> {
    let replaced: HashSet<[String; 4]> = rows.iter().filter(|row| is_baseline(row)).map(identity).collect();
    change.put_after(MetricFile::Feature, rows, |row| {
        if is_baseline(row) && replaced.contains(&identity(row)) {
            row.insert("is_baseline".to_owned(), false.into());
        }
    })
}

/// What the baselines of a view's features tell together, of all rows that there were when they were computed.
pub(super) fn baselines_together(
    change: &Change<'_>,
    (project, view, data_source_type): (&str, &str, &str),
    features: &[String],
) -> Result<Together> {
    let kept = change.read(MetricFile::Feature)?;
    let is_of_view = |row: &&MetricRow| {
        let [its_project, its_view, feature, its_type] = identity(row);
        is_baseline(row)
            && (its_project.as_str(), its_view.as_str(), its_type.as_str())
                == (project, view, data_source_type)
            && text(row, "granularity") == BASELINE
            && features.contains(&feature)
    };
    let count = |row: &MetricRow, column: &str| row.get(column).and_then(Value::as_u64).unwrap_or_default();
    Ok(Together::of(
        kept.iter().filter(is_of_view).map(|row| (count(row, "row_count"), count(row, "null_count"))),
    ))
}

/// Whose metrics a row holds, whenever they were computed.
fn identity(row: &MetricRow) -> [String; 4] {
    ["project_id", "feature_view_name", "feature_name", "data_source_type"]
        .map(|column| text(row, column).to_owned())
}

pub(super) fn is_baseline(row: &MetricRow) -> bool {
    row.get("is_baseline") == Some(&Value::Bool(true))
}

/// The text of a column; empty where there is none.
pub(super) fn text<'r>(row: &'r MetricRow, column: &str) -> &'r str {
    row.get(column).and_then(Value::as_str).unwrap_or_default()
}
