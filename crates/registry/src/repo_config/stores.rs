//! The sections that say where things are kept.

use std::path::PathBuf;

use super::keys::{
    BATCH_ENGINES_LATER, Fate, OFFLINE_STORES_LATER, ONLINE_STORES_LATER, REGISTRIES_LATER, REGISTRY, SQLITE,
};
use super::read::{Block, Reader};
use super::{OnlineStoreConfig, RegistryConfig};
use crate::problem::Problem;
use crate::suggestion::nearest;
use crate::yaml::{Node, NodeKind};

/// Where Feast keeps its default online store, and what else it calls it.
const SQLITE_PATH: &str = "data/online.db";
const SQLITE_CLASS: &str = "feast.infra.online_stores.sqlite.SqliteOnlineStore";
const ONLINE_VERSIONING: &str = "enable_online_feature_view_versioning";
const SERVES_MEANWHILE: &str = "serve_features_while_materializing";
const DASK_CLASS: &str = "feast.infra.offline_stores.dask.DaskOfflineStore";
const DUCKDB_CLASS: &str = "feast.infra.offline_stores.duckdb.DuckDBOfflineStore";

impl<'a> Reader<'a> {
    pub(super) fn registry(&mut self) -> Option<RegistryConfig> {
        let Some(node) = self.node("registry") else {
            let problem = Problem::of_file(self.shown, "there is no `registry`");
            self.report.problem(problem.remedy("add `registry: data/registry.db`"));
            return None;
        };
        if let NodeKind::Scalar(_) = node.kind {
            let path = self.ok(node.text("`registry`"))?;
            let path = self.local_path("registry", node, path)?;
            return Some(RegistryConfig { path, online_versioning: false, offers_tools: false });
        }
        let entries = self.ok(node.entries("`registry`"))?;
        if let Some(kind_node) = entries.iter().find(|entry| entry.key == "registry_type")
            && let kind_node = &kind_node.value
            && !kind_node.is_null()
            && let Some(kind) = self.ok(kind_node.text("`registry_type`"))
            && kind != "file"
        {
            // Its other keys are those of another registry.
            let later = REGISTRIES_LATER.contains(&kind);
            self.not_there("registry", kind_node, kind, later, &["file"]);
            return None;
        }
        let known = ["registry_type", "path", ONLINE_VERSIONING, SERVES_MEANWHILE, "mcp"];
        let block = self.block("registry", node, &known, &REGISTRY);
        if !self.switch(&block, SERVES_MEANWHILE, true)
            && let Some(node) = block.get(SERVES_MEANWHILE)
        {
            let warning = node.place.problem(format!("`{SERVES_MEANWHILE}: false` has no effect"));
            self.report.warning(warning.because("a view is served while it is materialized"));
        }
        let path = match block.get("path") {
            Some(node) => {
                let path = self.ok(node.text("`path` of `registry`"))?;
                self.local_path("registry", node, path)?
            }
            None => self.repo.join("data/registry.db"),
        };
        let online_versioning = match block.get(ONLINE_VERSIONING) {
            Some(node) => self.ok(node.boolean(&format!("`{ONLINE_VERSIONING}`")))?,
            None => false,
        };
        let tools = block.get("mcp").filter(|node| !node.is_null());
        let tools = tools.map(|node| self.block("registry.mcp", node, &["enabled"], &[]));
        let offers_tools = tools.is_some_and(|tools| self.switch(&tools, "enabled", false));
        Some(RegistryConfig { path, online_versioning, offers_tools })
    }

    pub(super) fn online_store(&mut self) -> Option<OnlineStoreConfig> {
        let Some(entry) = self.entry("online_store") else {
            return Some(OnlineStoreConfig::Sqlite { path: self.repo.join(SQLITE_PATH) });
        };
        let node = &entry.value;
        if node.is_null() {
            return Some(OnlineStoreConfig::Disabled);
        }
        let (kind_node, kind) = self.store_type("online_store", node, "sqlite")?;
        match kind {
            "none" => Some(OnlineStoreConfig::Disabled),
            "memory" => {
                self.store_block("online_store", node, &["type"], &[]);
                Some(OnlineStoreConfig::Memory)
            }
            "sqlite" | SQLITE_CLASS => {
                let block = self.store_block("online_store", node, &["type", "path"], &SQLITE);
                Some(OnlineStoreConfig::Sqlite { path: self.store_path(&block, SQLITE_PATH)? })
            }
            "sled" => {
                let block = self.store_block("online_store", node, &["type", "path", "cache_size_mb"], &[]);
                let path = self.store_path(&block, "data/online_store")?;
                let cache_size_bytes = match block.get("cache_size_mb") {
                    Some(node) => {
                        let megabytes = self.ok(node.count("`cache_size_mb`"))?;
                        if megabytes == 0 {
                            let problem = node.place.problem("`cache_size_mb` is 0");
                            self.report.problem(problem.remedy("write at least 1"));
                        }
                        Some(megabytes.saturating_mul(1 << 20))
                    }
                    None => None,
                };
                Some(OnlineStoreConfig::Sled { path, cache_size_bytes })
            }
            _ => {
                let later = ONLINE_STORES_LATER.contains(&kind);
                self.not_there("online store", kind_node, kind, later, &["sled", "sqlite", "memory"]);
                None
            }
        }
    }

    /// The `path` of an online store, or where it lies by default.
    fn store_path(&mut self, block: &Block<'a>, default: &str) -> Option<PathBuf> {
        match block.get("path") {
            Some(node) => {
                let path = self.ok(node.text("`path` of `online_store`"))?;
                self.local_path("online_store", node, path)
            }
            None => Some(self.repo.join(default)),
        }
    }

    pub(super) fn offline_store(&mut self) {
        let Some(node) = self.node("offline_store") else { return };
        let Some((kind_node, kind)) = self.store_type("offline_store", node, "file") else { return };
        match kind {
            "file" | "dask" | DASK_CLASS => {
                self.store_block("offline_store", node, &["type"], &[]);
            }
            "duckdb" | DUCKDB_CLASS => {
                let remark = Fate::Remark("nothing is staged");
                let others = [("staging_location", remark), ("staging_location_endpoint_override", remark)];
                self.store_block("offline_store", node, &["type"], &others);
            }
            _ => {
                let later = OFFLINE_STORES_LATER.contains(&kind);
                self.not_there("offline store", kind_node, kind, later, &["file", "dask", "duckdb"]);
            }
        }
    }

    pub(super) fn batch_engine(&mut self) {
        let Some(node) = self.node("batch_engine") else { return };
        let Some((kind_node, kind)) = self.store_type("batch_engine", node, "local") else { return };
        if kind == "local" {
            let others = [("backend", Fate::Remark("larder reads files with an engine of its own"))];
            self.store_block("batch_engine", node, &["type"], &others);
        } else {
            self.not_there("batch engine", kind_node, kind, BATCH_ENGINES_LATER.contains(&kind), &["local"]);
        }
    }

    /// The type of a store given as a word or as a block with `type`.
    pub(super) fn store_type(
        &mut self,
        section: &str,
        node: &'a Node,
        default: &'a str,
    ) -> Option<(&'a Node, &'a str)> {
        if let NodeKind::Scalar(_) = node.kind {
            return Some((node, self.ok(node.text(&format!("`{section}`")))?));
        }
        let entries = self.ok(node.entries(&format!("`{section}`")))?;
        match entries.iter().find(|entry| entry.key == "type" && !entry.value.is_null()) {
            None => Some((node, default)),
            Some(entry) => {
                let kind = self.ok(entry.value.text(&format!("`type` of `{section}`")))?;
                Some((&entry.value, kind))
            }
        }
    }

    /// The block of a store; nothing where the store is given as a word.
    pub(super) fn store_block(
        &mut self,
        section: &str,
        node: &'a Node,
        known: &[&str],
        others: &[(&str, Fate)],
    ) -> Block<'a> {
        match node.kind {
            NodeKind::Map(_) => self.block(section, node, known, others),
            _ => Block { section: section.to_owned(), entries: &[] },
        }
    }

    pub(super) fn not_there(&mut self, what: &str, node: &Node, kind: &str, later: bool, there: &[&str]) {
        let text = if later { "is not supported yet" } else { "is unknown" };
        let nearest = nearest(kind, there.iter().copied());
        let names: Vec<String> = there.iter().map(|name| format!("`{name}`")).collect();
        let remedy = nearest.unwrap_or_else(|| format!("use {}", names.join(" or ")));
        self.report.problem(node.place.problem(format!("{what} `{kind}` {text}")).remedy(remedy));
    }

    /// A path on this machine, complete.
    fn local_path(&mut self, section: &str, node: &Node, path: &str) -> Option<PathBuf> {
        let local = path.strip_prefix("file://").unwrap_or(path);
        if let Some((scheme, _)) = local.split_once("://") {
            let what = format!("`{section}` on `{scheme}://` is not supported yet");
            self.report.problem(node.place.problem(what).remedy("use a path on this machine"));
            return None;
        }
        if local.trim().is_empty() {
            self.report.problem(node.place.problem(format!("the path of `{section}` is empty")));
            return None;
        }
        Some(self.repo.join(local))
    }
}
