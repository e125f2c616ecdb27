//! Metrics of feature services: those of their views together.

use std::collections::BTreeSet;

use larder_core::{Date, Result};
use larder_serving::MetricRow;
use serde_json::Value;

use super::feature_metrics::average_and_greatest;
use super::keep::text;
use super::metric_files::MetricFile;
use super::{BATCH, Kept, Monitor};

impl Monitor<'_> {
    /// Computes the metrics of every service with views that have metrics under these granularities and days, and keeps
    /// them. Returns how many.
    pub(super) async fn compute_services(
        &self,
        under: BTreeSet<(&'static str, Date)>,
        is_baseline: bool,
    ) -> Result<usize> {
        if under.is_empty() || self.snapshot.feature_services().is_empty() {
            return Ok(0);
        }
        let files = self.files.clone();
        let kept = larder_blocking::run(move || files.read(MetricFile::FeatureView)).await?;
        let mut rows = Vec::new();
        for service in self.snapshot.feature_services() {
            let views: BTreeSet<&str> =
                service.object.features.iter().map(|projection| projection.view.as_str()).collect();
            for (granularity, date) in &under {
                let day = date.to_string();
                let of_service: Vec<&MetricRow> = kept
                    .iter()
                    .filter(|row| {
                        text(row, "project_id") == self.project
                            && text(row, "granularity") == *granularity
                            && text(row, "data_source_type") == BATCH
                            && text(row, "metric_date") == day
                            && views.contains(text(row, "feature_view_name"))
                    })
                    .collect();
                if !of_service.is_empty() {
                    rows.push(self.service_row(
                        &service.object.name,
                        &of_service,
                        granularity,
                        *date,
                        is_baseline,
                    ));
                }
            }
        }
        let count = rows.len();
        let files = self.files.clone();
        larder_blocking::run(move || files.change()?.put(MetricFile::FeatureService, rows)).await?;
        Ok(count)
    }

    fn service_row(
        &self,
        service: &str,
        views: &[&MetricRow],
        granularity: &'static str,
        date: Date,
        is_baseline: bool,
    ) -> MetricRow {
        let kept = Kept { date, granularity, is_baseline, newest: None };
        let mut row = self.row(("feature_service_name", service), BATCH, kept);
        let rates: Vec<f64> =
            views.iter().filter_map(|view| view.get("avg_null_rate").and_then(Value::as_f64)).collect();
        let features: u64 =
            views.iter().filter_map(|view| view.get("total_features").and_then(Value::as_u64)).sum();
        let newest = views.iter().filter_map(|view| {
            let text = view.get("max_event_timestamp")?.as_str()?;
            Some((larder_core::Timestamp::parse(text).ok()?, text))
        });
        let newest = newest.max().map(|(_, text)| text.to_owned());
        let (average, greatest) = average_and_greatest(&rates);
        let mut set = |key: &str, value: Value| _ = row.insert(key.to_owned(), value);
        set("max_event_timestamp", newest.into());
        set("total_feature_views", views.len().into());
        set("total_features", features.into());
        set("avg_null_rate", average.into());
        set("max_null_rate", greatest.into());
        row
    }
}
