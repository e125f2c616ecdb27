//! The section `feature_server`: what a server does beside answering.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use super::keys::{FEATURE_SERVER, OTHER_FEATURE_LOGGING, OTHER_METRICS};
use super::mcp::{self, McpConfig};
use super::read::{Block, Reader};
use crate::yaml::Node;

/// What a server does beside answering.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeatureServerConfig {
    /// What it measures, and whether it tells so on a port of its own.
    pub metrics: MetricsConfig,
    /// Whether rows that are pushed offline are gathered first; `None` means that each push is written
    /// before it is answered.
    pub offline_push_batching: Option<OfflinePushBatching>,
    /// Whether served features are logged; `None` means not.
    pub feature_logging: Option<FeatureLoggingConfig>,
    /// Whether requests are logged for auditors; `None` means not.
    pub audit_logging: Option<AuditLoggingConfig>,
    /// How the routes are offered as tools of the Model Context Protocol; `None` means not.
    pub mcp: Option<McpConfig>,
}

/// How requests are logged for auditors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditLoggingConfig {
    /// Where the log goes.
    pub sink: AuditSink,
    /// Whether reads that went well are logged too.
    pub log_successful_reads: bool,
}

/// Where the audit log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuditSink {
    /// The standard output.
    Stdout,
    /// The end of a file.
    File {
        /// The file.
        path: PathBuf,
    },
    /// The server's own log, at level info.
    Log,
}

/// What a server measures.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of Feast's")]
pub struct MetricsConfig {
    /// Whether there is a port for metrics alone.
    pub enabled: bool,
    /// CPU and memory.
    pub resource: bool,
    /// Requests and their latency.
    pub request: bool,
    /// Reads of features.
    pub online_features: bool,
    /// Pushes.
    pub push: bool,
    /// Materializations.
    pub materialization: bool,
    /// How long ago views were materialized.
    pub freshness: bool,
    /// Upper ends of the ranges in which numbers of features are told, ascending.
    pub feature_count_bins: Vec<u64>,
}

impl Default for MetricsConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            resource: true,
            request: true,
            online_features: true,
            push: true,
            materialization: true,
            freshness: true,
            feature_count_bins: vec![10, 50, 200],
        }
    }
}

/// When gathered rows are written to the offline store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfflinePushBatching {
    /// As soon as there are so many.
    pub batch_size: NonZeroUsize,
    /// As soon as the oldest has waited so long.
    pub batch_interval: Duration,
}

/// How served features are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeatureLoggingConfig {
    /// How often what is logged goes to its destination.
    pub flush_interval: Duration,
    /// How many requests may wait to be logged; further ones are not logged.
    pub queue_capacity: NonZeroUsize,
}

const METRICS: [&str; 8] = [
    "enabled",
    "resource",
    "request",
    "online_features",
    "push",
    "materialization",
    "freshness",
    "feature_count_bins",
];
const LOGGING: [&str; 4] =
    ["enabled", "flush_interval_secs", "write_to_disk_interval_secs", "queue_capacity"];
const AUDIT: [&str; 4] = ["enabled", "sink", "file_path", "log_successful_reads"];
const BATCHING: [&str; 3] = [
    "offline_push_batching_enabled",
    "offline_push_batching_batch_size",
    "offline_push_batching_batch_interval_seconds",
];

impl<'a> Reader<'a> {
    pub(super) fn feature_server(&mut self) -> FeatureServerConfig {
        let Some(node) = self.node("feature_server") else { return FeatureServerConfig::default() };
        let Some((kind_node, kind)) = self.store_type("feature_server", node, "local") else {
            return FeatureServerConfig::default();
        };
        let is_mcp = kind == "mcp";
        if !is_mcp && kind != "local" {
            self.not_there("feature server", kind_node, kind, false, &["local", "mcp"]);
        }
        let mut known =
            [&["type", "enabled", "metrics", "feature_logging", "audit_logging"][..], &BATCHING].concat();
        let mut others = FEATURE_SERVER.to_vec();
        if is_mcp {
            known.extend(mcp::KEYS);
        } else {
            others.extend(mcp::ELSEWHERE);
        }
        let block = self.block("feature_server", node, &known, &others);
        FeatureServerConfig {
            metrics: block.get("metrics").map(|node| self.metrics(node)).unwrap_or_default(),
            offline_push_batching: self.offline_push_batching(&block),
            feature_logging: block.get("feature_logging").and_then(|node| self.feature_logging(node)),
            audit_logging: block.get("audit_logging").and_then(|node| self.audit_logging(node)),
            mcp: if is_mcp { self.mcp(&block) } else { None },
        }
    }

    fn metrics(&mut self, node: &'a Node) -> MetricsConfig {
        let block = self.block("metrics", node, &METRICS, &OTHER_METRICS);
        let default = MetricsConfig::default();
        let feature_count_bins = match block.get("feature_count_bins") {
            None => default.feature_count_bins,
            Some(node) => self.feature_count_bins(node).unwrap_or(default.feature_count_bins),
        };
        MetricsConfig {
            enabled: self.switch(&block, "enabled", default.enabled),
            resource: self.switch(&block, "resource", default.resource),
            request: self.switch(&block, "request", default.request),
            online_features: self.switch(&block, "online_features", default.online_features),
            push: self.switch(&block, "push", default.push),
            materialization: self.switch(&block, "materialization", default.materialization),
            freshness: self.switch(&block, "freshness", default.freshness),
            feature_count_bins,
        }
    }

    fn feature_count_bins(&mut self, node: &'a Node) -> Option<Vec<u64>> {
        let items = self.ok(node.list("`feature_count_bins`"))?;
        let counts: Option<Vec<u64>> =
            items.iter().map(|item| self.ok(item.count("a bin of `feature_count_bins`"))).collect();
        let counts = counts?;
        if counts.first() == Some(&0) || !counts.is_sorted_by(|a, b| a < b) {
            let problem = node.place.problem("`feature_count_bins` does not ascend from 1 on");
            self.report.problem(problem.remedy("write upper ends in order, such as `[10, 50, 200]`"));
            return None;
        }
        Some(counts)
    }

    fn offline_push_batching(&mut self, block: &Block<'a>) -> Option<OfflinePushBatching> {
        let [enabled, size, interval] = BATCHING;
        if !self.switch(block, enabled, false) {
            return None;
        }
        let batch_size = self.positive(block, size);
        let seconds = self.positive(block, interval);
        let (Some(batch_size), Some(seconds)) = (batch_size, seconds) else {
            if let Some(node) = block.get(enabled) {
                let warning = node.place.problem("offline pushes are not batched");
                self.report.warning(
                    warning
                        .because("a batch needs a size and an interval")
                        .remedy(format!("give `{size}` and `{interval}`, both at least 1")),
                );
            }
            return None;
        };
        Some(OfflinePushBatching { batch_size, batch_interval: Duration::from_secs(seconds.get() as u64) })
    }

    fn feature_logging(&mut self, node: &'a Node) -> Option<FeatureLoggingConfig> {
        let block = self.block("feature_logging", node, &LOGGING, &OTHER_FEATURE_LOGGING);
        if !self.switch(&block, "enabled", false) {
            return None;
        }
        // Rows go to their destination in one step, so the shorter of Feast's two intervals counts.
        let seconds = |reader: &mut Self, key, default| {
            let given: Option<NonZeroUsize> = reader.positive(&block, key);
            given.map_or(default, |seconds| seconds.get() as u64)
        };
        let flush = seconds(self, "flush_interval_secs", 600);
        let write = seconds(self, "write_to_disk_interval_secs", 30);
        let queue_capacity =
            self.positive(&block, "queue_capacity").or(NonZeroUsize::new(100_000)).expect("it is not zero");
        Some(FeatureLoggingConfig { flush_interval: Duration::from_secs(flush.min(write)), queue_capacity })
    }

    fn audit_logging(&mut self, node: &'a Node) -> Option<AuditLoggingConfig> {
        let block = self.block("audit_logging", node, &AUDIT, &[]);
        let enabled = self.switch(&block, "enabled", false);
        let log_successful_reads = self.switch(&block, "log_successful_reads", true);
        let path = match block.get("file_path") {
            Some(node) => self.ok(node.text("`file_path`"))?,
            None => "feast_audit.log",
        };
        let sink = match block.get("sink").map(|node| (node, node.text("`sink`"))) {
            None | Some((_, Ok("stdout"))) => AuditSink::Stdout,
            Some((_, Ok("file"))) => AuditSink::File { path: self.repo.join(path) },
            Some((_, Ok("logger"))) => AuditSink::Log,
            Some((node, Ok(other))) => {
                self.not_there("audit sink", node, other, false, &["stdout", "file", "logger"]);
                return None;
            }
            Some((_, Err(problem))) => {
                self.report.problem(problem);
                return None;
            }
        };
        enabled.then_some(AuditLoggingConfig { sink, log_successful_reads })
    }

    pub(super) fn switch(&mut self, block: &Block<'a>, key: &str, default: bool) -> bool {
        let Some(node) = block.get(key) else { return default };
        self.ok(node.boolean(&format!("`{key}`"))).unwrap_or(default)
    }

    /// A number of at least 1; a problem if it is there and not one.
    pub(super) fn positive(&mut self, block: &Block<'a>, key: &str) -> Option<NonZeroUsize> {
        let node = block.get(key)?;
        let count = self.ok(node.count(&format!("`{key}`")))?;
        let positive = usize::try_from(count).ok().and_then(NonZeroUsize::new);
        if positive.is_none() {
            self.report.problem(node.place.problem(format!("`{key}` is {count}")).remedy("write at least 1"));
        }
        positive
    }
}
