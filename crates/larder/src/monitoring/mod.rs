//! Data quality monitoring: what the values of features look like, in their sources and as they were served, day by
//! day, and what they looked like when they were new.
//!
//! ```text
//! sources of views ──▶ MonitoredRows ─▶ CountedFeature ─▶ FeatureMetrics ─▶ MetricFiles ─▶ answers, pages
//! logs of services ─┘   (passes)         (statistics)                        (Feast's Parquet files)
//! ```
//!
//! Rows go by and are not kept; what that leaves exact is said in [`statistics`](crate::statistics).

mod baseline;
mod feature_metrics;
mod job;
mod keep;
mod log;
mod metric_files;
mod of_services;
mod query;
mod rows;
mod transient;
mod views;

use std::sync::Arc;

use async_trait::async_trait;
use larder_core::{Date, RequestError, Result, Timestamp};
use larder_registry::RegistrySnapshot;
use larder_serving::{
    Days, Granularity, MetricRow, MetricTable, MetricsQuery, MonitoringReport, MonitoringRun,
    MonitoringServer, RunKind, TransientMetrics,
};
use serde_json::{Map, Value};
use tokio::time::Instant;

pub use self::baseline::BaselineJob;
use self::metric_files::{MetricFiles, python_time};
use self::rows::Span;
use crate::FeatureStore;

/// Where the values of kept metrics come from, in the words of the files.
const BATCH: &str = "batch";
const LOG: &str = "log";
/// The granularity of metrics of all rows that there are.
const BASELINE: &str = "baseline";

/// One computation: of which project as it is now, when, and where metrics are kept.
#[derive(Debug)]
struct Monitor<'a> {
    store: &'a FeatureStore,
    project: &'a str,
    snapshot: Arc<RegistrySnapshot>,
    files: MetricFiles,
    now: Timestamp,
}

/// Under what a computation's metrics are kept.
#[derive(Clone, Copy, Debug)]
struct Kept {
    date: Date,
    granularity: &'static str,
    is_baseline: bool,
    /// The time of the newest row.
    newest: Option<Timestamp>,
}

#[async_trait]
impl MonitoringServer for FeatureStore {
    async fn monitor(&self, project: &str, run: MonitoringRun) -> Result<MonitoringReport> {
        // One at a time: each takes its share of memory.
        let _turn = self.monitoring_turn().lock().await;
        monitor(self, project, run).await
    }

    async fn monitor_as_job(&self, project: &str, run: MonitoringRun) -> Result<(String, MonitoringReport)> {
        job::run(self, project, run).await
    }

    async fn transient_metrics(&self, project: &str, asked: TransientMetrics) -> Result<Map<String, Value>> {
        let _turn = self.monitoring_turn().lock().await;
        Monitor::new(self, project).await?.transient(asked).await
    }

    async fn metrics(
        &self,
        project: &str,
        table: MetricTable,
        query: MetricsQuery,
    ) -> Result<Vec<MetricRow>> {
        query::run(self, project, table, query).await
    }

    async fn monitoring_job(&self, project: &str, job: &str) -> Result<Option<Map<String, Value>>> {
        job::find(self, project, job).await
    }
}

/// Computes metrics and keeps them. Only for the holder of the turn.
async fn monitor(store: &FeatureStore, project: &str, run: MonitoringRun) -> Result<MonitoringReport> {
    let began = Instant::now();
    let mut monitor = Monitor::new(store, project).await?;
    let kind = kind_of(&run);
    let report = match run {
        MonitoringRun::Compute { views, features, days, granularity, set_baseline } => {
            monitor.compute(&views, &features, days, granularity, set_baseline).await?
        }
        MonitoringRun::Baseline { views, features } => monitor.baseline(&views, &features).await?,
        MonitoringRun::Auto { views, features } => monitor.auto(&views, &features).await?,
        MonitoringRun::Log { service, days, granularity, set_baseline } => {
            monitor.log(&service, days, granularity, set_baseline).await?
        }
        MonitoringRun::AutoLog { services } => monitor.auto_log(&services).await?,
    };
    Ok(MonitoringReport { kind, duration: began.elapsed(), ..report })
}

fn kind_of(run: &MonitoringRun) -> RunKind {
    match run {
        MonitoringRun::Compute { .. } => RunKind::Compute,
        MonitoringRun::Baseline { .. } => RunKind::Baseline,
        MonitoringRun::Auto { .. } => RunKind::Auto,
        MonitoringRun::Log { .. } => RunKind::Log,
        MonitoringRun::AutoLog { .. } => RunKind::AutoLog,
    }
}

impl<'a> Monitor<'a> {
    async fn new(store: &'a FeatureStore, project: &'a str) -> Result<Self> {
        let files = MetricFiles::of(store.repo());
        let snapshot = snapshot_of(store, project).await?;
        Ok(Self { store, project, snapshot, files, now: store.clock().now() })
    }

    /// The columns that say what a row is of and where it comes from.
    fn row(&self, of: (&str, &str), data_source_type: &str, kept: Kept) -> MetricRow {
        let mut row = MetricRow::new();
        let mut set = |key: &str, value: Value| _ = row.insert(key.to_owned(), value);
        set("project_id", self.project.into());
        set(of.0, of.1.into());
        set("metric_date", kept.date.to_string().into());
        set("granularity", kept.granularity.into());
        set("data_source_type", data_source_type.into());
        set("computed_at", python_time(self.now).into());
        set("max_event_timestamp", kept.newest.map(python_time).into());
        set("is_baseline", kept.is_baseline.into());
        row
    }
}

/// A project as the registry holds it now.
async fn snapshot_of(store: &FeatureStore, project: &str) -> Result<Arc<RegistrySnapshot>> {
    if project == store.config().project {
        return Ok(Arc::clone(store.refresh().await?.snapshot()));
    }
    let (registry, project) = (Arc::clone(store.registry()), project.to_owned());
    larder_blocking::run(move || registry.snapshot(&project)).await
}

/// The span of some days, and the first of them.
fn span_of(days: Days, now: Timestamp) -> Result<(Span, Date, Date), RequestError> {
    let end = days.end.unwrap_or_else(|| Date::of(now));
    let start = days.start.unwrap_or_else(|| end.before());
    if start > end {
        return Err(RequestError::other(format!(
            "start_date ({start}) must not be after end_date ({end}); give an earlier start or a later end"
        )));
    }
    Ok((Span { start: start.start(), end: end.end() }, start, end))
}

/// The span of a granularity up to the newest row.
fn window(granularity: Granularity, newest: Timestamp) -> Span {
    Span { start: newest.saturating_sub(granularity.window()), end: newest }
}
