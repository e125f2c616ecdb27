//! What the server counts, under Feast's names, as Prometheus text.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use larder_core::Timestamp;
use larder_registry::{MetricsConfig, RegistrySnapshot};
use metrics::{Counter, Histogram, counter, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::time::Instant;

use crate::{MaterializeEvent, MaterializeObserver, OnlineResponse};

const SECONDS: &[f64] = &[
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
/// A call of a transformation is over in microseconds, or runs into its limit.
const CALL_SECONDS: &[f64] = &[
    0.000_005, 0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025,
    0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
const ENTITIES: &[f64] = &[1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 10_000.0];

/// The recorder of the process. Metrics of all crates end here, from the first call on.
pub(crate) fn prometheus() -> &'static PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| {
        let buckets = "bucket lists are not empty";
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
            .expect(buckets)
            .set_buckets_for_metric(Matcher::Prefix("larder_udf_".to_owned()), CALL_SECONDS)
            .expect(buckets)
            .set_buckets_for_metric(Matcher::Suffix("_entity_count".to_owned()), ENTITIES)
            .expect(buckets)
            .build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("the process has a metrics recorder already: `/metrics` will be empty");
        }
        handle
    })
}

/// How often samples are moved from their buffers into histograms.
pub(crate) const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// A route that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    GetOnlineFeatures,
    Push,
    WriteToOnlineStore,
    Search,
    RetrieveOnlineDocuments,
    Materialize,
    MaterializeIncremental,
    MaterializeWithProgress,
    VectorStores,
    VectorStore,
    SearchVectorStore,
    Jobs,
    JobRuns,
    JobRun,
    Refresh,
    Record,
}

impl Endpoint {
    pub(crate) const ALL: [Self; 16] = [
        Self::GetOnlineFeatures,
        Self::Push,
        Self::WriteToOnlineStore,
        Self::Search,
        Self::RetrieveOnlineDocuments,
        Self::Materialize,
        Self::MaterializeIncremental,
        Self::MaterializeWithProgress,
        Self::VectorStores,
        Self::VectorStore,
        Self::SearchVectorStore,
        Self::Jobs,
        Self::JobRuns,
        Self::JobRun,
        Self::Refresh,
        Self::Record,
    ];

    /// Its path; names within stand for all of them.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::GetOnlineFeatures => "/get-online-features",
            Self::Push => "/push",
            Self::WriteToOnlineStore => "/write-to-online-store",
            Self::Search => "/search",
            Self::RetrieveOnlineDocuments => "/retrieve-online-documents",
            Self::Materialize => "/materialize",
            Self::MaterializeIncremental => "/materialize-incremental",
            Self::MaterializeWithProgress => "/v1/materialize",
            Self::VectorStores => "/v1/vector_stores",
            Self::VectorStore => "/v1/vector_stores/{id}",
            Self::SearchVectorStore => "/v1/vector_stores/{id}/search",
            Self::Jobs => "/v1/jobs",
            Self::JobRuns => "/v1/jobs/{name}/runs",
            Self::JobRun => "/v1/jobs/{name}/runs/{id}",
            Self::Refresh => "/v1/refresh",
            Self::Record => "/v1/record",
        }
    }

    /// Whether it is over soon, so that its requests may wait for each other.
    pub(crate) fn is_short(self) -> bool {
        !matches!(self, Self::Materialize | Self::MaterializeIncremental | Self::MaterializeWithProgress)
    }
}

/// The text of all metrics whose category is switched on.
pub(crate) fn render(config: &MetricsConfig) -> String {
    let text = prometheus().render();
    let off: Vec<&str> = categories(config)
        .into_iter()
        .filter(|(on, _)| !on)
        .flat_map(|(_, families)| families.iter().copied())
        .collect();
    if off.is_empty() {
        return text;
    }
    let is_on = |line: &str| {
        let name = line.trim_start_matches("# HELP ").trim_start_matches("# TYPE ");
        !off.iter().any(|family| name.starts_with(family))
    };
    text.split_inclusive('\n').filter(|line| is_on(line)).collect()
}

/// The metrics of each category, by the beginnings of their names.
fn categories(config: &MetricsConfig) -> [(bool, &'static [&'static str]); 6] {
    [
        (config.resource, &["feast_feature_server_cpu_usage", "feast_feature_server_memory_usage"]),
        (config.request, &["feast_feature_server_request_"]),
        (
            config.online_features,
            &[
                "feast_online_features_",
                "feast_feature_server_online_store_read_",
                "feast_feature_server_transformation_",
                "feast_feature_server_write_transformation_",
                "larder_udf_",
            ],
        ),
        (config.push, &["feast_push_"]),
        (config.materialization, &["feast_materialization_"]),
        (config.freshness, &["feast_feature_freshness_"]),
    ]
}

/// How many features of how many views were asked for: labels of the latency of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FeatureCounts {
    pub(crate) features: usize,
    pub(crate) feature_views: usize,
}

/// The metrics of every request, looked up once.
#[derive(Debug)]
pub(crate) struct ServerMetrics {
    endpoints: Vec<EndpointMetrics>,
    online_requests: Counter,
    entity_count: Histogram,
    feature_count_bins: Vec<u64>,
    /// Latencies of requests for features, by bin and number of views.
    latencies: Mutex<HashMap<(usize, usize), Histogram>>,
    /// Values that were present and that were not, by feature view.
    statuses: Mutex<HashMap<Arc<str>, (Counter, Counter)>>,
}

#[derive(Debug)]
struct EndpointMetrics {
    endpoint: Endpoint,
    success: Counter,
    error: Counter,
    latency: Histogram,
}

impl ServerMetrics {
    pub(crate) fn new(config: &MetricsConfig) -> Self {
        let endpoint_metrics = |endpoint: Endpoint| {
            let path = endpoint.path();
            let requests = |status| counter!("feast_feature_server_request_total", "endpoint" => path, "status" => status);
            EndpointMetrics {
                endpoint,
                success: requests("success"),
                error: requests("error"),
                latency: latency(path, String::new(), String::new()),
            }
        };
        Self {
            endpoints: Endpoint::ALL.map(endpoint_metrics).into(),
            online_requests: counter!("feast_online_features_request_total"),
            entity_count: histogram!("feast_online_features_entity_count"),
            feature_count_bins: config.feature_count_bins.clone(),
            latencies: Mutex::default(),
            statuses: Mutex::default(),
        }
    }

    /// Counts an answer. `counts` is known only of requests for features that were answered well.
    pub(crate) fn answered(
        &self,
        endpoint: Endpoint,
        success: bool,
        counts: Option<FeatureCounts>,
        elapsed: Duration,
    ) {
        let Some(known) = self.endpoints.iter().find(|known| known.endpoint == endpoint) else { return };
        if success { &known.success } else { &known.error }.increment(1);
        let Some(FeatureCounts { features, feature_views }) = counts else {
            known.latency.record(elapsed);
            return;
        };
        let bin = self.feature_count_bins.partition_point(|end| *end < features as u64);
        let mut latencies = self.latencies.lock().unwrap_or_else(PoisonError::into_inner);
        let of_request = latencies
            .entry((bin, feature_views))
            .or_insert_with(|| latency(endpoint.path(), self.bin_name(bin), feature_views.to_string()));
        of_request.record(elapsed);
    }

    /// Feast's name of a range of numbers of features: `1-10`, `11-50`, `51+`.
    fn bin_name(&self, bin: usize) -> String {
        let before = bin.checked_sub(1).and_then(|before| self.feature_count_bins.get(before));
        let start = before.map_or(1, |end| end + 1);
        match self.feature_count_bins.get(bin) {
            Some(end) => format!("{start}-{end}"),
            None => format!("{start}+"),
        }
    }

    /// Counts the values of an answer.
    pub(crate) fn answered_features(&self, response: &OnlineResponse) {
        self.online_requests.increment(1);
        self.entity_count.record(u32::try_from(response.row_count()).unwrap_or(u32::MAX));
        let mut statuses = self.statuses.lock().unwrap_or_else(PoisonError::into_inner);
        for (column, view) in response.feature_columns().iter().zip(response.views_of_features()) {
            let (held, missing) = column.status_counts();
            if let Some((present, not_found)) = statuses.get(view) {
                present.increment(held as u64);
                not_found.increment(missing as u64);
                continue;
            }
            let counter = |status| counter!("feast_online_features_status_total", "feature_view" => view.to_string(), "status" => status);
            let (present, not_found) = (counter("present"), counter("not_found"));
            present.increment(held as u64);
            not_found.increment(missing as u64);
            statuses.insert(Arc::clone(view), (present, not_found));
        }
    }
}

fn latency(path: &'static str, feature_count: String, feature_view_count: String) -> Histogram {
    histogram!(
        "feast_feature_server_request_latency_seconds",
        "endpoint" => path, "feature_count" => feature_count, "feature_view_count" => feature_view_count
    )
}

/// Counts a push that was taken; the source's name is one that the registry has.
pub(crate) fn pushed(push_source: String, request_mode: &'static str) {
    counter!("feast_push_request_total", "push_source" => push_source, "mode" => request_mode).increment(1);
}

/// Sets how long ago the newest materialized time of each view is.
pub(crate) fn set_freshness(snapshot: &RegistrySnapshot, now: Timestamp) {
    for view in snapshot.feature_views() {
        let Some(end) = view.materialization_intervals.iter().map(|interval| interval.end).max() else {
            continue;
        };
        let micros = u64::try_from(now.micros().saturating_sub(end.micros())).unwrap_or(0);
        let labels = [("feature_view", view.object.name.clone()), ("project", snapshot.project.name.clone())];
        gauge!("feast_feature_freshness_seconds", &labels).set(Duration::from_micros(micros).as_secs_f64());
    }
}

/// Passes progress on, and counts the views of a materialization.
pub(crate) struct CountingObserver {
    inner: Arc<dyn MaterializeObserver>,
    running: Mutex<Option<(String, Instant)>>,
}

impl CountingObserver {
    pub(crate) fn new(inner: Arc<dyn MaterializeObserver>) -> Self {
        Self { inner, running: Mutex::new(None) }
    }

    /// Counts the view that was running when the materialization failed.
    pub(crate) fn failed(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((view, started)) = running {
            count_view(view, "failure", started);
        }
    }
}

impl MaterializeObserver for CountingObserver {
    fn observe(&self, event: MaterializeEvent) {
        {
            let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            match &event {
                MaterializeEvent::ViewStarted { feature_view, .. } => {
                    *running = Some((feature_view.clone(), Instant::now()));
                }
                MaterializeEvent::ViewDone(_) => {
                    if let Some((view, started)) = running.take() {
                        count_view(view, "success", started);
                    }
                }
                _ => {}
            }
        }
        self.inner.observe(event);
    }
}

fn count_view(view: String, status: &'static str, started: Instant) {
    histogram!("feast_materialization_duration_seconds", "feature_view" => view.clone())
        .record(started.elapsed());
    counter!("feast_materialization_result_total", "feature_view" => view, "status" => status).increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_features_are_told_in_feasts_ranges() {
        let metrics = ServerMetrics::new(&MetricsConfig::default());
        let names: Vec<String> = (0..4).map(|bin| metrics.bin_name(bin)).collect();
        assert_eq!(names, ["1-10", "11-50", "51-200", "201+"]);
    }
}
