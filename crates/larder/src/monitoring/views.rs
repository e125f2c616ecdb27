//! Metrics of what lies in the sources of views.

use std::collections::BTreeSet;
use std::sync::Arc;

use larder_core::{DataSource, DataSourceKind, Date, FeatureView, Field, RequestError, Result};
use larder_serving::{Chosen, Days, Granularity, MonitoringReport};
use tracing::warn;

use super::feature_metrics::{FeatureKind, FeatureMetrics, Together};
use super::keep::{baselines_together, keep_features};
use super::metric_files::MetricFile;
use super::rows::{Measured, MonitoredRows, Span};
use super::{BASELINE, BATCH, Kept, Monitor, span_of, window};

/// A view whose source is read.
#[derive(Debug)]
pub(super) struct MonitoredView {
    pub(super) name: String,
    pub(super) rows: MonitoredRows,
    /// Those that are chosen and have metrics.
    pub(super) features: Vec<(Field, FeatureKind)>,
    /// All features of the view.
    all: Vec<String>,
}

impl Monitor<'_> {
    /// Metrics of some days, kept under the first of them.
    pub(super) async fn compute(
        &mut self,
        views: &Chosen,
        features: &[String],
        days: Days,
        granularity: Granularity,
        set_baseline: bool,
    ) -> Result<MonitoringReport> {
        let (span, start, _) = span_of(days, self.now)?;
        let mut report = MonitoringReport {
            without_metrics: self.without_metrics(views, features),
            ..MonitoringReport::default()
        };
        for view in self.views(views, features)? {
            let computed = async {
                let view = view.as_ref().map_err(Clone::clone)?;
                let measured = view.rows.measure(span, &view.features).await?;
                let kept = Kept {
                    date: start,
                    granularity: granularity.name(),
                    is_baseline: set_baseline,
                    newest: measured.newest,
                };
                let count = measured.features.len();
                self.keep_view(view, measured.features, kept).await?;
                Ok(count)
            };
            if let Some(features) = note(&mut report, views, &view, computed.await)? {
                report.features += features;
                report.feature_views += 1;
                report.metric_dates.insert(start);
            }
        }
        report.granularities.insert(granularity.name());
        let kept = report.metric_dates.iter().map(|date| (granularity.name(), *date));
        report.feature_services = self.compute_services(kept.collect(), set_baseline).await?;
        Ok(report)
    }

    /// Metrics of every granularity up to the newest row of each view, and baselines of features without one.
    pub(super) async fn auto(&mut self, views: &Chosen, features: &[String]) -> Result<MonitoringReport> {
        let mut report = MonitoringReport {
            without_metrics: self.without_metrics(views, features),
            ..MonitoringReport::default()
        };
        let mut kept_under: BTreeSet<(&'static str, Date)> = BTreeSet::new();
        for view in self.views(views, features)? {
            let computed = async {
                let view = view.as_ref().map_err(Clone::clone)?;
                self.auto_of_view(view, &mut kept_under).await
            };
            if let Some((features, baselines)) = note(&mut report, views, &view, computed.await)? {
                report.features += features;
                report.baseline_features += baselines;
                report.feature_views += usize::from(features > 0);
            }
        }
        report.granularities = kept_under.iter().map(|(granularity, _)| *granularity).collect();
        self.compute_services(kept_under, false).await?;
        Ok(report)
    }

    /// How many metrics of features were computed, and how many baselines.
    async fn auto_of_view(
        &self,
        view: &MonitoredView,
        kept_under: &mut BTreeSet<(&'static str, Date)>,
    ) -> Result<(usize, usize)> {
        let Some(newest) = view.rows.newest().await? else {
            warn!(feature_view = %view.name, "there are no rows to compute metrics of");
            return Ok((0, 0));
        };
        let baselines = self.baseline_of_view(view).await?;
        let mut features = 0;
        for granularity in Granularity::ALL {
            let span = window(granularity, newest);
            let Measured { features: metrics, newest } = view.rows.measure(span, &view.features).await?;
            let (date, name) = (Date::of(span.start), granularity.name());
            features += metrics.len();
            self.keep_view(view, metrics, Kept { date, granularity: name, is_baseline: false, newest })
                .await?;
            kept_under.insert((name, date));
        }
        Ok((features, baselines))
    }

    /// Baselines of the features of views that have none yet.
    pub(super) async fn baseline(&mut self, views: &Chosen, features: &[String]) -> Result<MonitoringReport> {
        let mut report = MonitoringReport {
            without_metrics: self.without_metrics(views, features),
            ..MonitoringReport::default()
        };
        for view in self.views(views, features)? {
            let computed = async {
                let view = view.as_ref().map_err(Clone::clone)?;
                self.baseline_of_view(view).await
            };
            if let Some(features) = note(&mut report, views, &view, computed.await)? {
                report.features += features;
                report.feature_views += usize::from(features > 0);
            }
        }
        Ok(report)
    }

    /// How many baselines were computed. Without any row there is nothing to compare with later, and so no baseline.
    async fn baseline_of_view(&self, view: &MonitoredView) -> Result<usize> {
        let missing = self.without_baseline(view).await?;
        if missing.is_empty() {
            return Ok(0);
        }
        let Measured { features, newest } = view.rows.measure(Span::EVER, &missing).await?;
        if newest.is_none() {
            return Ok(0);
        }
        let count = features.len();
        let kept = Kept { date: Date::of(self.now), granularity: BASELINE, is_baseline: true, newest };
        self.keep_view(view, features, kept).await?;
        Ok(count)
    }

    /// Keeps the metrics of a view's features, and of them together.
    async fn keep_view(&self, view: &MonitoredView, metrics: Vec<FeatureMetrics>, kept: Kept) -> Result<()> {
        if metrics.is_empty() {
            return Ok(());
        }
        let mut of_all = self.row(("feature_view_name", &view.name), BATCH, kept);
        let together = Together::of(metrics.iter().map(FeatureMetrics::counts));
        let rows = metrics
            .iter()
            .map(|feature| {
                let mut row = self.row(("feature_view_name", &view.name), BATCH, kept);
                row.extend(feature.to_row());
                row
            })
            .collect();
        let (files, project, name) = (self.files.clone(), self.project.to_owned(), view.name.clone());
        let all = view.all.clone();
        larder_blocking::run(move || {
            let change = files.change()?;
            keep_features(&change, rows)?;
            // Baselines come as features do; together they are those of all.
            let together = if kept.granularity == BASELINE {
                baselines_together(&change, (&project, &name, BATCH), &all)?
            } else {
                together
            };
            of_all.extend(of_view(together));
            change.put(MetricFile::FeatureView, vec![of_all])
        })
        .await
    }

    /// The views that are chosen, each with its source and features, or with why it has none.
    ///
    /// # Errors
    ///
    /// If the one that is named is not there, and if a feature that is named is of none of them.
    pub(super) fn views(&self, chosen: &Chosen, features: &[String]) -> Result<Vec<Viewed>, RequestError> {
        let all = self.snapshot.feature_views().iter().map(|view| &view.object);
        let views: Vec<&Arc<FeatureView>> = match chosen {
            Chosen::One(name) => vec![&self.snapshot.feature_view(name)?.object],
            Chosen::All => all.collect(),
            Chosen::Among(names) => all.filter(|view| names.contains(&view.name)).collect(),
        };
        if let Some(unknown) =
            features.iter().find(|feature| !views.iter().any(|view| view.feature_index(feature).is_some()))
        {
            return Err(RequestError::other(match views.as_slice() {
                [view] => format!("feature view `{}` has no feature `{unknown}`", view.name),
                _ => format!("none of the feature views has a feature `{unknown}`"),
            }));
        }
        let is_named = chosen.named().is_some();
        Ok(views.into_iter().filter_map(|view| self.viewed(view, features, is_named)).collect())
    }

    /// The features that are chosen and have no metrics, with the name of their view.
    fn without_metrics(&self, chosen: &Chosen, features: &[String]) -> BTreeSet<String> {
        let is_chosen = |view: &FeatureView| match chosen {
            Chosen::One(name) => view.name == *name,
            Chosen::All => true,
            Chosen::Among(names) => names.contains(&view.name),
        };
        let views = self.snapshot.feature_views().iter().map(|view| &view.object);
        let fields = views
            .filter(|view| is_chosen(view))
            .flat_map(|view| view.features.iter().map(move |field| (&view.name, field)));
        fields
            .filter(|(_, field)| features.is_empty() || features.contains(&field.name))
            .filter(|(_, field)| FeatureKind::of(&field.value_type).is_none())
            .map(|(view, field)| format!("{view}:{}", field.name))
            .collect()
    }

    fn viewed(&self, view: &FeatureView, features: &[String], is_named: bool) -> Option<Viewed> {
        let chosen = |field: &&Field| features.is_empty() || features.contains(&field.name);
        let with_metrics = |field: &Field| Some((field.clone(), FeatureKind::of(&field.value_type)?));
        let monitored: Vec<_> = view.features.iter().filter(chosen).filter_map(with_metrics).collect();
        // There is nothing to be read, unless somebody thinks so.
        if (monitored.is_empty() || view.batch_source.is_none()) && !is_named {
            return None;
        }
        let rows = match self.rows_of(view) {
            Ok(rows) => rows,
            Err(reason) => return Some(Err((view.name.clone(), reason).into())),
        };
        let all = view.features.iter().map(|field| field.name.clone()).collect();
        Some(Ok(MonitoredView { name: view.name.clone(), rows, features: monitored, all }))
    }

    fn rows_of(&self, view: &FeatureView) -> Result<MonitoredRows, String> {
        let Some(source) = &view.batch_source else {
            return Err(format!("feature view `{}` has no batch source, so it has no history", view.name));
        };
        let source = self.snapshot.data_source(source).map_err(|error| error.to_string())?;
        let timestamp_field = timestamp_field(&source.object);
        let (offline, source) = (Arc::clone(self.store.offline()), Arc::clone(&source.object));
        Ok(MonitoredRows::Source { offline, source, timestamp_field })
    }
}

/// A view, or why it cannot be read.
pub(super) type Viewed = Result<MonitoredView, Unreadable>;

/// A view that cannot be read.
#[derive(Clone, Debug)]
pub(super) struct Unreadable {
    view: String,
    reason: String,
}

impl From<(String, String)> for Unreadable {
    fn from((view, reason): (String, String)) -> Self {
        Self { view, reason }
    }
}

impl From<Unreadable> for larder_core::Error {
    fn from(unreadable: Unreadable) -> Self {
        RequestError::other(unreadable.reason).into()
    }
}

/// What was computed; of a view that nobody named, a failure only enters the report.
fn note<T>(
    report: &mut MonitoringReport,
    chosen: &Chosen,
    view: &Viewed,
    computed: Result<T>,
) -> Result<Option<T>> {
    let name = match view {
        Ok(view) => &view.name,
        Err(unreadable) => &unreadable.view,
    };
    match computed {
        Ok(computed) => Ok(Some(computed)),
        Err(failed) if chosen.named().is_some() => Err(failed),
        Err(failed) => {
            report.failures.push((name.clone(), failed.chain()));
            Ok(None)
        }
    }
}

/// The columns of a view's metrics.
pub(super) fn of_view(together: Together) -> [(String, serde_json::Value); 5] {
    [
        ("total_row_count", together.rows.into()),
        ("total_features", together.features.into()),
        ("features_with_nulls", together.with_nulls.into()),
        ("avg_null_rate", together.average_null_rate.into()),
        ("max_null_rate", together.greatest_null_rate.into()),
    ]
    .map(|(name, value): (&str, serde_json::Value)| (name.to_owned(), value))
}

/// The column of event times, as it is called after the field mapping; that of another system is told when it is read.
fn timestamp_field(source: &DataSource) -> String {
    match &source.kind {
        DataSourceKind::File(file) => {
            file.field_mapping.get(&file.timestamp_field).unwrap_or(&file.timestamp_field).clone()
        }
        _ => "event_timestamp".to_owned(),
    }
}
