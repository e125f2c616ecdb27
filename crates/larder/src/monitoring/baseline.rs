//! What features looked like when they were new, to compare with later.

use std::collections::BTreeSet;

use larder_core::{Field, Result};
use larder_serving::{Chosen, MonitoringRun, MonitoringServer as _};

use super::feature_metrics::FeatureKind;
use super::keep::{is_baseline, text};
use super::metric_files::MetricFile;
use super::views::MonitoredView;
use super::{BATCH, Monitor};
use crate::FeatureStore;

/// A baseline that was computed after an apply, or was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaselineJob {
    /// The view with new features.
    pub view: String,
    /// The job; why there is no baseline, if there is none.
    pub job: Result<String, String>,
}

impl FeatureStore {
    /// Computes what features without a baseline look like, as a job for each view, where `data_quality_monitoring` of
    /// `feature_store.yaml` asks for that; `begin` is told how many. A view that cannot be read keeps nobody else from
    /// its baseline.
    ///
    /// # Errors
    ///
    /// If the registry or the metrics that are kept cannot be read.
    pub async fn compute_new_baselines(&self, begin: impl FnOnce(usize) + Send) -> Result<Vec<BaselineJob>> {
        if !self.config().data_quality_monitoring.is_some_and(|section| section.auto_baseline) {
            return Ok(Vec::new());
        }
        let project = self.config().project.clone();
        let monitor = Monitor::new(self, &project).await?;
        let mut new: Vec<(String, Result<Vec<String>, String>)> = Vec::new();
        for view in monitor.views(&Chosen::All, &[])? {
            let Ok(view) = view else {
                // A view without history will have no baseline; whoever asks for its metrics is told.
                continue;
            };
            let missing = monitor.without_baseline(&view).await?;
            let names = || missing.iter().map(|(field, _)| field.name.clone()).collect();
            if missing.is_empty() {
                continue;
            }
            match view.rows.newest().await {
                Ok(Some(_)) => new.push((view.name, Ok(names()))),
                Ok(None) => {}
                Err(failed) => new.push((view.name, Err(failed.chain()))),
            }
        }
        let count = new.iter().filter(|(_, features)| features.is_ok()).count();
        if count > 0 {
            begin(count);
        }
        let mut jobs = Vec::with_capacity(new.len());
        for (view, features) in new {
            let job = match features {
                Err(reason) => Err(reason),
                Ok(features) => {
                    let run = MonitoringRun::Baseline { views: Chosen::One(view.clone()), features };
                    let job = self.monitor_as_job(&project, run).await;
                    job.map(|(job, _)| job).map_err(|error| error.chain())
                }
            };
            jobs.push(BaselineJob { view, job });
        }
        Ok(jobs)
    }
}

impl Monitor<'_> {
    /// The features of a view that have no baseline of their source.
    pub(super) async fn without_baseline(&self, view: &MonitoredView) -> Result<Vec<(Field, FeatureKind)>> {
        let files = self.files.clone();
        let kept = larder_blocking::run(move || files.read(MetricFile::Feature)).await?;
        let known: BTreeSet<&str> = kept
            .iter()
            .filter(|row| {
                text(row, "project_id") == self.project
                    && text(row, "feature_view_name") == view.name
                    && text(row, "data_source_type") == BATCH
                    && is_baseline(row)
            })
            .map(|row| text(row, "feature_name"))
            .collect();
        Ok(view.features.iter().filter(|(field, _)| !known.contains(field.name.as_str())).cloned().collect())
    }
}
