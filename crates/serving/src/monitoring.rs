//! Data quality monitoring as a server offers it: what is asked, and what is answered, in Feast's words.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use larder_core::{Date, Result};
use serde_json::{Map, Value, json};

/// A span of time that metrics are computed of, up to the newest row, or from a day on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Granularity {
    /// A day.
    Daily,
    /// 7 days.
    Weekly,
    /// 14 days.
    Biweekly,
    /// 30 days.
    Monthly,
    /// 90 days.
    Quarterly,
}

impl Granularity {
    /// All of them, the shortest first.
    pub const ALL: [Self; 5] = [Self::Daily, Self::Weekly, Self::Biweekly, Self::Monthly, Self::Quarterly];

    /// Feast's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Biweekly => "biweekly",
            Self::Monthly => "monthly",
            Self::Quarterly => "quarterly",
        }
    }

    /// The granularity of a word, if it is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|granularity| granularity.name() == name)
    }

    /// How long before the newest row it reaches.
    pub fn window(self) -> Duration {
        let days = match self {
            Self::Daily => 1,
            Self::Weekly => 7,
            Self::Biweekly => 14,
            Self::Monthly => 30,
            Self::Quarterly => 90,
        };
        Duration::from_secs(days * 24 * 3600)
    }
}

/// The days whose rows are looked at, both included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Days {
    /// The first; the day before the last, without it.
    pub start: Option<Date>,
    /// The last; today, without it.
    pub end: Option<Date>,
}

/// Which views or services are looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Chosen {
    /// All of the project.
    #[default]
    All,
    /// One, which must be there.
    One(String),
    /// Those of the project that are among these.
    Among(Vec<String>),
}

impl Chosen {
    /// The one that is named, if any is.
    pub fn named(&self) -> Option<&str> {
        match self {
            Self::One(name) => Some(name),
            Self::All | Self::Among(_) => None,
        }
    }
}

/// What is to be computed and kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MonitoringRun {
    /// What lies in the sources of views between two days.
    Compute {
        /// Which views.
        views: Chosen,
        /// Which of their features; all, where none is named.
        features: Vec<String>,
        /// Which days.
        days: Days,
        /// Under which granularity the metrics are kept.
        granularity: Granularity,
        /// Whether later metrics are compared with these.
        set_baseline: bool,
    },
    /// All that lies in the sources of views, for features that have no baseline yet.
    Baseline {
        /// Which views.
        views: Chosen,
        /// Which of their features; all, where none is named.
        features: Vec<String>,
    },
    /// Of every granularity, what lies in the sources up to the newest row; and baselines that are missing.
    Auto {
        /// Which views.
        views: Chosen,
        /// Which of their features; all, where none is named.
        features: Vec<String>,
    },
    /// What was served of a feature service between two days, as its log has it.
    Log {
        /// The service.
        service: String,
        /// Which days.
        days: Days,
        /// Under which granularity the metrics are kept.
        granularity: Granularity,
        /// Whether later metrics are compared with these.
        set_baseline: bool,
    },
    /// Of every granularity, what was served up to the newest answer.
    AutoLog {
        /// Which services; of all, only those that are logged.
        services: Chosen,
    },
}

/// What came of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MonitoringReport {
    /// What was computed.
    pub kind: RunKind,
    /// Views of which metrics were computed.
    pub feature_views: usize,
    /// Metrics of services that were computed.
    pub feature_services: usize,
    /// Metrics of features that were computed, without baselines that were missing.
    pub features: usize,
    /// Baselines of features that were missing.
    pub baseline_features: usize,
    /// The granularities of which there are metrics now, by name.
    pub granularities: BTreeSet<&'static str>,
    /// The days under which metrics are kept.
    pub metric_dates: BTreeSet<Date>,
    /// The service, of a run over its log.
    pub feature_service: String,
    /// Why there was nothing to do, where a service is not logged.
    pub skipped: Option<String>,
    /// Features that were asked for, as `view:feature`, of whose types there are no metrics.
    pub without_metrics: BTreeSet<String>,
    /// What could not be computed, with the reason. The rest was.
    pub failures: Vec<(String, String)>,
    /// How long it took.
    pub duration: Duration,
}

/// The kinds of [`MonitoringRun`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "as of the run")]
pub enum RunKind {
    #[default]
    Compute,
    Baseline,
    Auto,
    Log,
    AutoLog,
}

impl MonitoringReport {
    /// As Feast answers; where something failed, with `failures` beside it.
    pub fn to_json(&self) -> Map<String, Value> {
        let mut told = Map::new();
        let mut tell = |key: &str, value: Value| _ = told.insert(key.to_owned(), value);
        if let Some(reason) = &self.skipped {
            tell("status", "skipped".into());
            tell("reason", reason.as_str().into());
        } else {
            tell("status", "completed".into());
            let granularities = json!(self.granularities);
            let dates: Vec<String> = self.metric_dates.iter().map(Date::to_string).collect();
            match self.kind {
                RunKind::Compute => {
                    tell("granularity", self.granularities.first().copied().into());
                    tell("computed_features", self.features.into());
                    tell("computed_feature_views", self.feature_views.into());
                    tell("computed_feature_services", self.feature_services.into());
                    tell("metric_dates", dates.into());
                }
                RunKind::Baseline => {
                    tell("computed_features", self.features.into());
                    tell("computed_feature_views", self.feature_views.into());
                    tell("is_baseline", true.into());
                }
                RunKind::Auto => {
                    tell("computed_feature_views", self.feature_views.into());
                    tell("computed_features", self.features.into());
                    tell("baseline_features", self.baseline_features.into());
                    tell("granularities", granularities);
                }
                RunKind::Log => {
                    tell("data_source_type", "log".into());
                    tell("feature_service_name", self.feature_service.as_str().into());
                    tell("granularity", self.granularities.first().copied().into());
                    tell("computed_features", self.features.into());
                    tell("metric_date", dates.first().cloned().into());
                }
                RunKind::AutoLog => {
                    tell("data_source_type", "log".into());
                    tell("computed_feature_services", self.feature_services.into());
                    tell("computed_features", self.features.into());
                    tell("granularities", granularities);
                }
            }
        }
        tell("duration_ms", u64::try_from(self.duration.as_millis()).unwrap_or(u64::MAX).into());
        if !self.failures.is_empty() {
            let failures = self.failures.iter().map(|(name, why)| (name.clone(), why.as_str().into()));
            tell("failures", Value::Object(failures.collect()));
        }
        told
    }
}

/// Metrics that are computed and not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransientMetrics {
    /// The view.
    pub view: String,
    /// Which of its features; all, where none is named.
    pub features: Vec<String>,
    /// Which days.
    pub days: Days,
}

/// The tables of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricTable {
    /// Of single features.
    Feature,
    /// Of views.
    FeatureView,
    /// Of services.
    FeatureService,
}

/// Which metrics are asked for. What is `None` may be anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as the columns of the tables are")]
pub struct MetricsQuery {
    pub feature_view: Option<String>,
    pub feature: Option<String>,
    pub feature_service: Option<String>,
    pub granularity: Option<String>,
    pub data_source_type: Option<String>,
    /// Only those that later ones are compared with.
    pub baselines_only: bool,
    /// The earliest day under which they are kept.
    pub start: Option<Date>,
    /// The latest.
    pub end: Option<Date>,
}

/// A row of a table of metrics, by column, as Feast answers it.
pub type MetricRow = Map<String, Value>;

/// The verbs of data quality monitoring. One computation runs at a time; others wait for it.
#[async_trait]
pub trait MonitoringServer: Debug + Send + Sync + 'static {
    /// Computes metrics of a project and keeps them.
    ///
    /// # Errors
    ///
    /// If what is named is not there or cannot be computed. What is not named and cannot be computed is told in the
    /// report.
    async fn monitor(&self, project: &str, run: MonitoringRun) -> Result<MonitoringReport>;

    /// The same as a job, which is kept with how it ended; its name, and the report.
    ///
    /// # Errors
    ///
    /// As [`monitor`](Self::monitor); the job then says so too.
    async fn monitor_as_job(&self, project: &str, run: MonitoringRun) -> Result<(String, MonitoringReport)>;

    /// Computes metrics of a view and answers them.
    ///
    /// # Errors
    ///
    /// As [`monitor`](Self::monitor).
    async fn transient_metrics(&self, project: &str, asked: TransientMetrics) -> Result<Map<String, Value>>;

    /// Metrics that are kept, by day.
    ///
    /// # Errors
    ///
    /// If they cannot be read.
    async fn metrics(&self, project: &str, table: MetricTable, query: MetricsQuery)
    -> Result<Vec<MetricRow>>;

    /// A job of a project, if it is there.
    ///
    /// # Errors
    ///
    /// As [`metrics`](Self::metrics).
    async fn monitoring_job(&self, project: &str, job: &str) -> Result<Option<Map<String, Value>>>;
}
