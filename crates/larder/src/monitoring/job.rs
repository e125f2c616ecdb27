//! Computations that are kept as jobs, with how they ended.

use larder_core::{Date, Result, unique_id};
use larder_serving::{Chosen, MetricRow, MonitoringReport, MonitoringRun};
use serde_json::{Map, Value, json};

use super::metric_files::{MetricFile, MetricFiles, python_time};
use super::monitor;
use crate::FeatureStore;

/// Runs a computation to its end. Its row says how far it is: `pending`, `running`, then `completed` or `failed`.
pub(super) async fn run(
    store: &FeatureStore,
    project: &str,
    run: MonitoringRun,
) -> Result<(String, MonitoringReport)> {
    let files = MetricFiles::of(store.repo());
    let job = unique_id::uuid()?;
    let (kind, view, parameters) = described(&run);
    let mut row = MetricRow::new();
    let mut set = |key: &str, value: Value| _ = row.insert(key.to_owned(), value);
    set("job_id", job.as_str().into());
    set("project_id", project.into());
    set("feature_view_name", view.into());
    set("job_type", kind.into());
    set("status", "pending".into());
    set("parameters", parameters);
    set("metric_date", Date::of(store.clock().now()).to_string().into());
    put(&files, &row).await?;
    let turn = store.monitoring_turn().lock().await;
    row.insert("status".to_owned(), "running".into());
    row.insert("started_at".to_owned(), python_time(store.clock().now()).into());
    put(&files, &row).await?;
    let ended = monitor(store, project, run).await;
    drop(turn);
    let (status, key, value) = match &ended {
        Ok(report) => ("completed", "result_summary", Value::Object(report.to_json())),
        Err(failed) => ("failed", "error_message", failed.chain().into()),
    };
    row.insert("status".to_owned(), status.into());
    row.insert("completed_at".to_owned(), python_time(store.clock().now()).into());
    row.insert(key.to_owned(), value);
    put(&files, &row).await?;
    Ok((job, ended?))
}

async fn put(files: &MetricFiles, row: &MetricRow) -> Result<()> {
    let (files, row) = (files.clone(), row.clone());
    larder_blocking::run(move || files.change()?.put(MetricFile::Job, vec![row])).await
}

/// A job of a project, with the columns of its file.
pub(super) async fn find(
    store: &FeatureStore,
    project: &str,
    job: &str,
) -> Result<Option<Map<String, Value>>> {
    let files = MetricFiles::of(store.repo());
    let jobs = larder_blocking::run(move || files.read(MetricFile::Job)).await?;
    let is = |row: &MetricRow, column: &str, value: &str| row.get(column).is_some_and(|found| found == value);
    Ok(jobs.into_iter().find(|row| is(row, "job_id", job) && is(row, "project_id", project)))
}

/// What a row says of a computation: its kind, its view and its parameters.
fn described(run: &MonitoringRun) -> (&'static str, Option<String>, Value) {
    let mut parameters = Map::new();
    let mut set = |key: &str, value: Value| _ = parameters.insert(key.to_owned(), value);
    let (kind, view) = match run {
        MonitoringRun::Compute { views, features, days, granularity, set_baseline } => {
            for (key, date) in [("start_date", days.start), ("end_date", days.end)] {
                if let Some(date) = date {
                    set(key, date.to_string().into());
                }
            }
            if !features.is_empty() {
                set("feature_names", json!(features));
            }
            set("granularity", granularity.name().into());
            set("set_baseline", (*set_baseline).into());
            ("compute", views)
        }
        MonitoringRun::Baseline { views, features } | MonitoringRun::Auto { views, features } => {
            if !features.is_empty() {
                set("feature_names", json!(features));
            }
            (if matches!(run, MonitoringRun::Baseline { .. }) { "baseline" } else { "auto_compute" }, views)
        }
        // Feast has no jobs for logs; their names are those of its routes.
        MonitoringRun::Log { service, .. } => {
            set("feature_service_name", service.as_str().into());
            ("compute_log", &Chosen::All)
        }
        MonitoringRun::AutoLog { services } => {
            set("feature_service_name", services.named().into());
            ("auto_compute_log", &Chosen::All)
        }
    };
    if let Chosen::Among(names) = view {
        set("allowed_feature_view_names", json!(names));
    }
    let parameters = if parameters.is_empty() { Value::Null } else { Value::Object(parameters) };
    (kind, view.named().map(str::to_owned), parameters)
}
