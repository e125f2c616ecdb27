//! What MLflow is told of larder's verbs, by Feast's names.

use std::collections::BTreeSet;
use std::time::Duration;

use larder_core::{Result, Timestamp};
use larder_mlflow::{MlflowServers, Operation};
use larder_registry::{Action, MlflowConfig, ObjectKind};

use super::mlflow_servers;
use crate::{ApplyOutcome, FeatureStore, TrainingSet};

/// A materialization that is over.
#[derive(Clone, Debug)]
pub(crate) struct Materialized {
    /// The views that were asked for.
    pub(crate) views: Vec<String>,
    /// The beginning; `None` of an incremental one.
    pub(crate) start: Option<Timestamp>,
    /// The end.
    pub(crate) end: Timestamp,
    /// How long it took.
    pub(crate) took: Duration,
}

impl FeatureStore {
    /// Tells MLflow what was registered, where `mlflow` asks for it. What goes wrong with that is a remark, since the
    /// registry has changed.
    pub(crate) async fn tell_mlflow_of_apply(&self, outcome: &ApplyOutcome) {
        let project = &self.config().project;
        let names = |kinds: &[ObjectKind], wanted: Option<&str>| -> Vec<String> {
            let changes = outcome.diff.changes.iter().filter(|change| kinds.contains(&change.kind));
            let done = |action: &Action| match action {
                Action::Create => "created",
                Action::Update(_) => "updated",
                Action::Delete => "deleted",
            };
            let of = changes.filter(|change| wanted.is_none_or(|wanted| wanted == done(&change.action)));
            of.map(|change| change.name.clone()).collect()
        };
        let views = [
            ObjectKind::FeatureView,
            ObjectKind::StreamFeatureView,
            ObjectKind::LabelView,
            ObjectKind::OnDemandFeatureView,
        ];
        let kinds: [(&str, &[ObjectKind]); 3] = [
            ("feature_views", &views),
            ("feature_services", &[ObjectKind::FeatureService]),
            ("entities", &[ObjectKind::Entity]),
        ];
        let mut operation = Operation {
            name: format!("apply_{project}"),
            tags: tags(project, "apply"),
            ..Operation::default()
        };
        let mut changed = 0;
        for (noun, kinds) in kinds {
            let all = names(kinds, None);
            changed += all.len();
            operation.tags.push((format!("feast.{noun}_changed"), all.join(",")));
            for done in ["created", "updated", "deleted"] {
                operation.tags.push((format!("feast.{noun}_{done}"), names(kinds, Some(done)).join(",")));
            }
            let count = u32::try_from(all.len()).unwrap_or(u32::MAX);
            operation.metrics.push((format!("feast.apply.{noun}_count"), f64::from(count)));
        }
        if changed > 0 {
            self.tell_mlflow(operation).await;
        }
    }

    /// Tells MLflow what was materialized, likewise.
    pub(crate) async fn tell_mlflow_of_materialization(&self, done: Materialized) {
        let project = &self.config().project;
        let verb = if done.start.is_some() { "materialize" } else { "materialize_incremental" };
        let mut operation = Operation {
            name: format!("{verb}_{project}"),
            tags: tags(project, verb),
            ..Operation::default()
        };
        operation.tags.push(("feast.materialize.feature_views".to_owned(), done.views.join(",")));
        let times = [("start", done.start), ("end", Some(done.end))];
        let times = times.into_iter().filter_map(|(name, time)| Some((name, time?)));
        operation.parameters =
            times.map(|(name, time)| (format!("feast.materialize.{name}_date"), time.to_string())).collect();
        operation.metrics.push(("feast.materialize.duration_sec".to_owned(), done.took.as_secs_f64()));
        self.tell_mlflow(operation).await;
    }

    /// Tells MLflow of a training set, as tags of the run that this process belongs to, where `mlflow` asks for it and
    /// there is one.
    pub async fn tell_mlflow_of_training_set(
        &self,
        made: &TrainingSet,
        service: Option<&str>,
        took: Duration,
    ) {
        let config = &self.config().mlflow;
        let Some(run) = config.run_id.clone().filter(|_| config.enabled && config.auto_log) else { return };
        let views: BTreeSet<&str> =
            made.features.iter().filter_map(|reference| Some(reference.split_once(':')?.0)).collect();
        let pair = |key: &str, value: String| (key.to_owned(), value);
        let operation = Operation {
            tags: vec![
                pair("feast.project", self.config().project.clone()),
                pair("feast.retrieval_type", "historical".to_owned()),
                pair("feast.feature_service", service.unwrap_or_default().to_owned()),
                pair("feast.feature_views", views.into_iter().collect::<Vec<_>>().join(",")),
                pair("feast.feature_refs", made.features.join(",")),
                pair("feast.entity_count", made.rows.num_rows().to_string()),
                pair("feast.feature_count", made.features.len().to_string()),
            ],
            metrics: vec![("feast.job_submission_sec".to_owned(), took.as_secs_f64())],
            ..Operation::default()
        };
        let (servers, now) = (impatient(config), self.clock().now());
        remark(larder_blocking::run(move || Ok(operation.log_to(&servers.server(None)?, &run, now)?)).await);
    }

    async fn tell_mlflow(&self, operation: Operation) {
        let config = &self.config().mlflow;
        if !(config.enabled && config.log_operations) {
            return;
        }
        let experiment = format!("{}{}", self.config().project, config.ops_experiment_suffix);
        let (servers, now) = (impatient(config), self.clock().now());
        remark(
            larder_blocking::run(move || Ok(operation.log(&servers.server(None)?, &experiment, now)?)).await,
        );
    }
}

/// The servers, asked once: whoever waits for the verb has what they asked for, and does not wait for MLflow to return.
fn impatient(config: &MlflowConfig) -> MlflowServers {
    mlflow_servers(&MlflowConfig { max_retries: 0, ..config.clone() })
}

/// What was done is done, whether or not MLflow knows.
fn remark(told: Result<()>) {
    if let Err(error) = told {
        tracing::warn!(error = error.chain(), "MLflow was not told what was done");
    }
}

fn tags(project: &str, operation: &str) -> Vec<(String, String)> {
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    vec![pair("feast.operation", operation), pair("feast.project", project)]
}
