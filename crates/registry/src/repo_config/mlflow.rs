//! The section `mlflow`, and what of MLflow the environment says.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use super::auth::Secret;
use super::keys::Fate;
use super::read::{Block, Reader};
use crate::yaml::Node;

/// The server of MLflow, and what larder does with it.
#[derive(Clone, Debug)]
pub struct MlflowConfig {
    /// Whether larder tells MLflow of what it does.
    pub enabled: bool,
    /// The server's address: that of the file, or else of `MLFLOW_TRACKING_URI`.
    pub tracking_uri: Option<String>,
    /// Who asks the server, by the environment.
    pub credentials: Option<MlflowCredentials>,
    /// A file of certificates that are trusted instead of the usual ones: that of the file, or else of
    /// `MLFLOW_TRACKING_SERVER_CERT_PATH`, `REQUESTS_CA_BUNDLE` or `CURL_CA_BUNDLE`.
    pub ca_bundle: Option<PathBuf>,
    /// How long one request may take.
    pub request_timeout: Duration,
    /// How often a request is made again that failed for a reason that may pass.
    pub max_retries: u32,
    /// How long is waited before that; twice as long each time.
    pub retry_backoff: Duration,
    /// The formats of artifacts that are read, by their names.
    pub supported_artifact_formats: Vec<String>,
    /// Whether registering and materializing become runs of an experiment.
    pub log_operations: bool,
    /// What follows the project's name in the name of that experiment.
    pub ops_experiment_suffix: String,
    /// Whether the making of a training set becomes tags of `run_id`.
    pub auto_log: bool,
    /// The run that this process belongs to, from `MLFLOW_RUN_ID`.
    pub run_id: Option<String>,
    /// How datasets of records are taken over.
    pub dataset_sync: DatasetSyncConfig,
}

/// Who asks MLflow's server.
#[derive(Clone, Debug)]
pub enum MlflowCredentials {
    /// Whoever has this token, from `MLFLOW_TRACKING_TOKEN`.
    Token(Secret),
    /// A user with a password, from `MLFLOW_TRACKING_USERNAME` and `MLFLOW_TRACKING_PASSWORD`.
    User {
        /// The user.
        name: String,
        /// The password.
        password: Secret,
    },
}

/// How datasets of records are taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatasetSyncConfig {
    /// What columns are called that are not to have their usual names: path in a record to name.
    pub default_field_mapping: BTreeMap<String, String>,
    /// The tag of a dataset that says how far it has been taken over.
    pub watermark_key: String,
    /// How many rows are written at a time.
    pub default_batch_size: NonZeroUsize,
}

const KEYS: [&str; 11] = [
    "enabled",
    "tracking_uri",
    "auto_log",
    "log_operations",
    "ops_experiment_suffix",
    "dataset_sync",
    "ca_bundle",
    "supported_artifact_formats",
    "request_timeout",
    "max_retries",
    "retry_backoff_factor",
];

const OTHERS: [(&str, Fate); 3] = [
    ("ui_url", Fate::Remark("the web page of `larder ui` shows no runs of MLflow")),
    (
        "auto_log_entity_df",
        Fate::Remark("entity rows are not sent to MLflow; only what of them is counted is"),
    ),
    ("entity_df_max_rows", Fate::Remark("entity rows are not sent to MLflow")),
];

const ARTIFACT_FORMATS: [&str; 2] = ["parquet", "csv"];
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
const DEFAULT_BACKOFF: Duration = Duration::from_secs(1);
const DEFAULT_BATCH_SIZE: NonZeroUsize = NonZeroUsize::new(10_000).expect("it is not zero");

impl MlflowConfig {
    /// What holds where the file says nothing.
    fn of_environment(variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let said = |name: &str| variable(name).filter(|value| !value.is_empty());
        let user = || {
            let (name, password) = (said("MLFLOW_TRACKING_USERNAME")?, said("MLFLOW_TRACKING_PASSWORD")?);
            Some(MlflowCredentials::User { name, password: Secret::new(password) })
        };
        let certificates = ["MLFLOW_TRACKING_SERVER_CERT_PATH", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"];
        Self {
            enabled: false,
            tracking_uri: said("MLFLOW_TRACKING_URI"),
            credentials: said("MLFLOW_TRACKING_TOKEN")
                .map(|token| MlflowCredentials::Token(Secret::new(token)))
                .or_else(user),
            ca_bundle: certificates.into_iter().find_map(said).map(PathBuf::from),
            request_timeout: DEFAULT_TIMEOUT,
            max_retries: 3,
            retry_backoff: DEFAULT_BACKOFF,
            supported_artifact_formats: ARTIFACT_FORMATS.map(str::to_owned).to_vec(),
            log_operations: false,
            ops_experiment_suffix: "-feast-ops".to_owned(),
            auto_log: true,
            run_id: said("MLFLOW_RUN_ID"),
            dataset_sync: DatasetSyncConfig {
                default_field_mapping: BTreeMap::new(),
                watermark_key: "feast_last_sync_time".to_owned(),
                default_batch_size: DEFAULT_BATCH_SIZE,
            },
        }
    }
}

impl<'a> Reader<'a> {
    pub(super) fn mlflow(&mut self, variable: &dyn Fn(&str) -> Option<String>) -> MlflowConfig {
        let mut config = MlflowConfig::of_environment(variable);
        let Some(node) = self.node("mlflow") else { return config };
        let block = self.block("mlflow", node, &KEYS, &OTHERS);
        config.enabled = self.switch(&block, "enabled", false);
        config.auto_log = self.switch(&block, "auto_log", true);
        config.log_operations = self.switch(&block, "log_operations", false);
        config.tracking_uri = self.block_text(&block, "tracking_uri").or(config.tracking_uri);
        let ca_bundle = self.block_text(&block, "ca_bundle").map(|path| self.repo.join(path));
        config.ca_bundle = ca_bundle.or(config.ca_bundle);
        if let Some(suffix) = self.block_text(&block, "ops_experiment_suffix") {
            config.ops_experiment_suffix = suffix;
        }
        config.request_timeout = self.seconds(&block, "request_timeout", DEFAULT_TIMEOUT);
        config.retry_backoff = self.seconds(&block, "retry_backoff_factor", DEFAULT_BACKOFF);
        if let Some(retries) = block.get("max_retries").and_then(|node| self.ok(node.count("`max_retries`")))
        {
            config.max_retries = u32::try_from(retries).unwrap_or(u32::MAX);
        }
        if let Some(node) = block.get("supported_artifact_formats") {
            config.supported_artifact_formats = self.artifact_formats(node);
        }
        if let Some(node) = block.get("dataset_sync") {
            config.dataset_sync = self.dataset_sync(node, config.dataset_sync);
        }
        config
    }

    fn artifact_formats(&mut self, node: &'a Node) -> Vec<String> {
        let mut formats = Vec::new();
        for item in self.ok(node.list("`supported_artifact_formats`")).unwrap_or_default() {
            let Some(text) = self.ok(item.text("a format")) else { continue };
            if ARTIFACT_FORMATS.contains(&text) {
                formats.push(text.to_owned());
            } else {
                let problem = item.place.problem(format!("artifacts of format `{text}` cannot be read"));
                self.report.problem(problem.remedy("write `parquet` or `csv`"));
            }
        }
        formats
    }

    fn dataset_sync(&mut self, node: &'a Node, default: DatasetSyncConfig) -> DatasetSyncConfig {
        let keys = ["default_field_mapping", "watermark_key", "default_batch_size"];
        let block = self.block("mlflow.dataset_sync", node, &keys, &[]);
        let mapping = block
            .get("default_field_mapping")
            .and_then(|node| self.ok(node.text_map("`default_field_mapping`")));
        DatasetSyncConfig {
            default_field_mapping: mapping.unwrap_or(default.default_field_mapping),
            watermark_key: self.block_text(&block, "watermark_key").unwrap_or(default.watermark_key),
            default_batch_size: self
                .positive(&block, "default_batch_size")
                .unwrap_or(default.default_batch_size),
        }
    }

    /// A text of a block; none where it is empty.
    pub(super) fn block_text(&mut self, block: &Block<'a>, key: &str) -> Option<String> {
        let text = self.ok(block.get(key)?.text(&format!("`{key}`")))?;
        (!text.is_empty()).then(|| text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::RepoConfig;

    fn read(section: &str, variables: &[(&str, &str)]) -> Result<RepoConfig, String> {
        let text = format!("project: demo\nregistry: r.db\nprovider: local\n{section}");
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        RepoConfig::from_text(Path::new("/repo"), "feature_store.yaml", &text, &variable)
            .map_err(|problems| problems.to_string())
    }

    #[test]
    fn feasts_defaults_hold_where_nothing_is_said() {
        let config = read("", &[]).unwrap().mlflow;
        assert!(!config.enabled && config.auto_log && !config.log_operations);
        assert_eq!((config.tracking_uri, config.ca_bundle), (None, None));
        assert!(config.credentials.is_none());
        assert_eq!((config.request_timeout.as_secs(), config.max_retries), (30, 3));
        assert_eq!(config.retry_backoff.as_secs(), 1);
        assert_eq!(config.ops_experiment_suffix, "-feast-ops");
        assert_eq!(config.supported_artifact_formats, ["parquet", "csv"]);
        assert_eq!(config.dataset_sync.watermark_key, "feast_last_sync_time");
        assert_eq!(config.dataset_sync.default_batch_size.get(), 10_000);
    }

    #[test]
    fn the_file_goes_before_the_environment_and_secrets_are_not_shown() {
        let variables = [
            ("MLFLOW_TRACKING_URI", "http://of-environment"),
            ("MLFLOW_TRACKING_TOKEN", "of-the-test"),
            ("MLFLOW_TRACKING_USERNAME", "ada"),
            ("MLFLOW_TRACKING_PASSWORD", "of-the-test"),
            ("REQUESTS_CA_BUNDLE", "/etc/ca.pem"),
        ];
        let section = "mlflow: {enabled: true, tracking_uri: 'http://of-file', ca_bundle: ca.pem, request_timeout: 5, \
                       max_retries: 0, retry_backoff_factor: 0.5, auto_log: false, log_operations: true, \
                       ops_experiment_suffix: -ops, supported_artifact_formats: [csv], dataset_sync: \
                       {default_field_mapping: {a.b: c}, watermark_key: w, default_batch_size: 7}}\n";
        let of_file = read(section, &variables).unwrap();
        assert_eq!(of_file.warnings, []);
        let config = of_file.mlflow;
        assert!(config.enabled && !config.auto_log && config.log_operations);
        assert_eq!(config.tracking_uri.as_deref(), Some("http://of-file"));
        assert_eq!(config.ca_bundle.as_deref(), Some(Path::new("/repo/ca.pem")));
        assert_eq!((config.request_timeout.as_secs(), config.max_retries), (5, 0));
        assert_eq!(config.retry_backoff.as_millis(), 500);
        assert_eq!(config.supported_artifact_formats, ["csv"]);
        assert_eq!(config.dataset_sync.default_field_mapping.get("a.b").map(String::as_str), Some("c"));
        assert_eq!(config.dataset_sync.default_batch_size.get(), 7);
        assert!(matches!(&config.credentials, Some(MlflowCredentials::Token(_))));
        assert!(!format!("{config:?}").contains("of-the-test"));

        let of_environment = read("mlflow: {}\n", &variables[..1]).unwrap().mlflow;
        assert_eq!(of_environment.tracking_uri.as_deref(), Some("http://of-environment"));
        let user = read("", &variables[2..]).unwrap().mlflow;
        assert!(matches!(user.credentials, Some(MlflowCredentials::User { .. })));
        assert_eq!(user.ca_bundle.as_deref(), Some(Path::new("/etc/ca.pem")));
    }

    #[test]
    fn what_has_no_effect_is_told_and_what_is_wrong_refused() {
        let told = read("mlflow: {ui_url: 'http://x', auto_log_entity_df: true}\n", &[]).unwrap();
        let warnings: Vec<String> = told.warnings.iter().map(ToString::to_string).collect();
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert!(warnings[0].contains("`ui_url` has no effect"), "{warnings:?}");
        for (section, what) in [
            ("mlflow: {trakking_uri: x}", "did you mean `tracking_uri`?"),
            ("mlflow: {supported_artifact_formats: [json]}", "artifacts of format `json` cannot be read"),
            ("mlflow: {request_timeout: 0}", "no number of seconds above zero"),
            ("mlflow: {dataset_sync: {default_batch_size: 0}}", "default_batch_size"),
            ("mlflow: {enabled: maybe}", "`enabled`"),
        ] {
            let error = read(&format!("{section}\n"), &[]).unwrap_err();
            assert!(error.contains(what), "{section}: {error}");
        }
    }
}
