//! Metrics of what was served of feature services, as their logs have it.

use std::collections::BTreeSet;
use std::sync::Arc;

use larder_core::{Date, FeatureService, Field, OnDemandFeatureView, OnDemandSource, RequestError, Result};
use larder_serving::{Chosen, Days, Granularity, MonitoringReport};
use tracing::warn;

use super::feature_metrics::{FeatureKind, FeatureMetrics, Together};
use super::keep::keep_features;
use super::metric_files::MetricFile;
use super::rows::{Measured, MonitoredRows};
use super::views::of_view;
use super::{Kept, LOG, Monitor, span_of, window};
use crate::feature_log::log_folder;

/// A service whose log is read.
#[derive(Debug)]
struct MonitoredLog {
    service: String,
    rows: MonitoredRows,
    columns: Vec<LoggedColumn>,
}

/// A column of a log that has metrics.
#[derive(Clone, Debug, PartialEq)]
struct LoggedColumn {
    /// As it is called in the log.
    field: Field,
    kind: FeatureKind,
    /// The view under which its metrics are kept, so that they can be compared with those of its source; of request data
    /// that is the service.
    view: String,
    feature: String,
}

impl Monitor<'_> {
    /// Metrics of what was served on some days, kept under the first of them.
    pub(super) async fn log(
        &mut self,
        service: &str,
        days: Days,
        granularity: Granularity,
        is_baseline: bool,
    ) -> Result<MonitoringReport> {
        let (span, start, _) = span_of(days, self.now)?;
        let service = Arc::clone(&self.snapshot.feature_service(service)?.object);
        let mut report =
            MonitoringReport { feature_service: service.name.clone(), ..MonitoringReport::default() };
        let Some(log) = self.logged(&service)? else {
            report.skipped = Some(format!("Feature service '{}' has no logging configured", service.name));
            return Ok(report);
        };
        let measured = log.measure(span).await?;
        let kept =
            Kept { date: start, granularity: granularity.name(), is_baseline, newest: measured.newest };
        report.features = measured.features.len();
        self.keep_log(&log, measured.features, kept).await?;
        report.granularities.insert(granularity.name());
        report.metric_dates.insert(start);
        Ok(report)
    }

    /// Metrics of every granularity up to the newest answer of each service that is logged.
    pub(super) async fn auto_log(&mut self, services: &Chosen) -> Result<MonitoringReport> {
        let all = self.snapshot.feature_services().iter().map(|service| Arc::clone(&service.object));
        let chosen: Vec<Arc<FeatureService>> = match services {
            Chosen::One(name) => vec![Arc::clone(&self.snapshot.feature_service(name)?.object)],
            Chosen::All => all.collect(),
            Chosen::Among(names) => all.filter(|service| names.contains(&service.name)).collect(),
        };
        let mut report = MonitoringReport::default();
        for service in chosen {
            match self.auto_of_log(&service).await {
                Ok(0) => {}
                Ok(features) => {
                    report.features += features;
                    report.feature_services += 1;
                    report.granularities.extend(Granularity::ALL.map(Granularity::name));
                }
                Err(failed) if services.named().is_some() => return Err(failed),
                Err(failed) => {
                    report.failures.push((service.name.clone(), failed.chain()));
                }
            }
        }
        Ok(report)
    }

    /// How many metrics of features were computed.
    async fn auto_of_log(&self, service: &FeatureService) -> Result<usize> {
        let Some(log) = self.logged(service)? else { return Ok(0) };
        let Some(newest) = log.rows.newest().await? else {
            warn!(feature_service = %service.name, "nothing is logged to compute metrics of");
            return Ok(0);
        };
        let mut features = 0;
        for granularity in Granularity::ALL {
            let span = window(granularity, newest);
            let Measured { features: metrics, newest } = log.measure(span).await?;
            features += metrics.len();
            let (date, granularity) = (Date::of(span.start), granularity.name());
            self.keep_log(&log, metrics, Kept { date, granularity, is_baseline: false, newest }).await?;
        }
        Ok(features)
    }

    /// The log of a service; `None`, if nothing of it is logged, or nothing that has metrics.
    fn logged(&self, service: &FeatureService) -> Result<Option<MonitoredLog>, RequestError> {
        let Some(config) = &service.logging_config else { return Ok(None) };
        let columns = self.logged_columns(service);
        if columns.is_empty() {
            return Ok(None);
        }
        let Some(folder) = log_folder(self.store.repo(), service) else {
            return Err(RequestError::other(format!(
                "feature service `{}` is logged to {:?}, which larder does not read; it reads folders on this machine",
                service.name, config.destination
            )));
        };
        let rows = MonitoredRows::Log { folder };
        Ok(Some(MonitoredLog { service: service.name.clone(), rows, columns }))
    }

    /// The features of a service and the request data that they are made of.
    fn logged_columns(&self, service: &FeatureService) -> Vec<LoggedColumn> {
        let mut columns: Vec<LoggedColumn> = Vec::new();
        let mut add = |name: String, field: &Field, view: &str| {
            let Some(kind) = FeatureKind::of(&field.value_type) else { return };
            if columns.iter().all(|column| column.field.name != name) {
                columns.push(LoggedColumn {
                    field: Field::new(name, field.value_type.clone()),
                    kind,
                    view: view.to_owned(),
                    feature: field.name.clone(),
                });
            }
        };
        for projection in &service.features {
            let on_demand = self.snapshot.on_demand_feature_view(&projection.view).ok();
            let on_demand = on_demand.map(|view| &view.object);
            for field in on_demand.into_iter().flat_map(|view| self.request_data(view)) {
                add(field.name.clone(), &field, &service.name);
            }
            let stored = self.snapshot.feature_view(&projection.view).ok();
            let fields = match (&on_demand, &stored) {
                (Some(view), _) => &view.features,
                (None, Some(view)) => &view.object.features,
                (None, None) => continue,
            };
            for feature in &projection.features {
                if let Some(field) = fields.iter().find(|field| field.name == *feature) {
                    add(format!("{}__{feature}", projection.name_to_use()), field, &projection.view);
                }
            }
        }
        columns
    }

    /// The request data that a view takes, itself or through the views that it reads.
    fn request_data(&self, view: &OnDemandFeatureView) -> Vec<Field> {
        let mut fields = Vec::new();
        let mut seen = BTreeSet::from([view.name.as_str()]);
        let mut open: Vec<&OnDemandSource> = view.sources.iter().collect();
        while let Some(source) = open.pop() {
            match source {
                OnDemandSource::OnDemandFeatureView(inner) => {
                    if let Ok(inner) = self.snapshot.on_demand_feature_view(&inner.view)
                        && seen.insert(&inner.object.name)
                    {
                        open.extend(&inner.object.sources);
                    }
                }
                OnDemandSource::RequestSource(name) => {
                    if let Ok(source) = self.snapshot.data_source(name)
                        && let larder_core::DataSourceKind::Request(request) = &source.object.kind
                    {
                        fields.extend(request.schema.iter().cloned());
                    }
                }
                _ => {}
            }
        }
        fields
    }

    /// Keeps the metrics of logged features, of each view together, and of the service.
    async fn keep_log(&self, log: &MonitoredLog, metrics: Vec<FeatureMetrics>, kept: Kept) -> Result<()> {
        let named: Vec<(&LoggedColumn, &FeatureMetrics)> = metrics
            .iter()
            .filter_map(|metrics| {
                let column = log.columns.iter().find(|column| column.field.name == metrics.name)?;
                Some((column, metrics))
            })
            .collect();
        let features: Vec<_> = named
            .iter()
            .map(|(column, metrics)| {
                let mut row = self.row(("feature_view_name", &column.view), LOG, kept);
                row.extend(metrics.to_row());
                row.insert("feature_name".to_owned(), column.feature.as_str().into());
                row
            })
            .collect();
        let mut names: Vec<&str> = Vec::new();
        for (column, _) in &named {
            if !names.contains(&column.view.as_str()) {
                names.push(&column.view);
            }
        }
        let views: Vec<_> = names
            .iter()
            .map(|view| {
                let of = named.iter().filter(|(column, _)| column.view == *view).map(|(_, metrics)| *metrics);
                let mut row = self.row(("feature_view_name", view), LOG, kept);
                row.extend(of_view(Together::of(of.map(FeatureMetrics::counts))));
                row
            })
            .collect();
        let together = Together::of(metrics.iter().map(FeatureMetrics::counts));
        let mut service = self.row(("feature_service_name", &log.service), LOG, kept);
        service.insert("total_feature_views".to_owned(), names.len().into());
        service.extend(of_view(together));
        let files = self.files.clone();
        larder_blocking::run(move || {
            let change = files.change()?;
            keep_features(&change, features)?;
            change.put(MetricFile::FeatureView, views)?;
            change.put(MetricFile::FeatureService, vec![service])
        })
        .await
    }
}

impl MonitoredLog {
    async fn measure(&self, span: super::Span) -> Result<Measured> {
        let columns: Vec<(Field, FeatureKind)> =
            self.columns.iter().map(|column| (column.field.clone(), column.kind)).collect();
        self.rows.measure(span, &columns).await
    }
}
