//! From the text of `feature_store.yaml` to [`RepoConfig`].

use std::path::{Path, PathBuf};
use std::time::Duration;

use larder_core::EntityKeyVersion;

use super::expand::expand;
use super::keys::{
    FEATURE_SERVER, Fate, OFFLINE_STORES_LATER, ONLINE_STORES_LATER, REGISTRIES_LATER, REGISTRY, TOP_LEVEL,
};
use super::{
    ErrorStatus, HttpConfig, MaterializationConfig, OfflineStoreConfig, OnlineStoreConfig, RegistryConfig,
    RepoConfig,
};
use crate::problem::{Problem, Problems, Report, SourceText};
use crate::suggestion::{nearest, suggest};
use crate::text_file::read_text;
use crate::yaml::{Entry, Node, NodeKind, parse};

/// Keys that are read into the configuration.
const KNOWN: [&str; 14] = [
    "project",
    "project_description",
    "provider",
    "registry",
    "online_store",
    "offline_store",
    "batch_engine",
    "auth",
    "auth_config",
    "feature_server",
    "entity_key_serialization_version",
    "coerce_tz_aware",
    "materialization",
    "http",
];

pub(super) fn load(
    repo: &Path,
    file: &Path,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<RepoConfig, Problems> {
    let shown = file.strip_prefix(repo).ok().or(file.file_name().map(Path::new)).unwrap_or(file);
    if !file.is_file() {
        let problem = Problem::of_file(file, "there is no such file")
            .remedy("run larder in a feature repo, name one with `--chdir`, or make one with `larder init`");
        return Err(Problems::not_found(problem));
    }
    let original = read_text(file, shown)?;
    let (text, expansion) = expand(&original, variable);
    let source = SourceText::new(shown, &original);
    let mut report = Report::default();
    let documents = parse(&source, &text, Some((&original, &expansion)), &mut report.problems)?;
    let whole = |what: &str| Problem::of_file(shown, what);
    let root = match documents.as_slice() {
        [root] => root,
        [] => {
            return Err(whole("the file is empty")
                .remedy("it needs at least `project` and `registry`")
                .into());
        }
        [_, second, ..] => {
            return Err(second.place.problem("a second YAML document").remedy("keep one").into());
        }
    };
    let entries = root.entries("the file")?;
    let mut reader = Reader { repo, shown, entries, report };
    let config = reader.config(file);
    let Report { problems, warnings } = reader.report;
    match config {
        Some(config) if problems.is_empty() => Ok(RepoConfig { warnings, ..config }),
        _ => Err(Problems::new(problems)),
    }
}

struct Reader<'a> {
    repo: &'a Path,
    shown: &'a Path,
    entries: &'a [Entry],
    report: Report,
}

impl<'a> Reader<'a> {
    /// The configuration without its warnings; `None` only after a problem.
    fn config(&mut self, file: &Path) -> Option<RepoConfig> {
        self.other_keys();
        let project = self.project();
        let registry = self.registry();
        let online_store = self.online_store();
        self.provider();
        self.offline_store();
        self.batch_engine();
        self.auth();
        self.feature_server();
        let entity_key_serialization_version = self.entity_key_version();
        let materialization = self.materialization();
        let http = self.http();
        let project_description = self.read("project_description", Node::text).unwrap_or_default().to_owned();
        let coerce_tz_aware = self.read("coerce_tz_aware", Node::boolean).unwrap_or(true);
        if !coerce_tz_aware {
            self.remark("coerce_tz_aware", "times without zone always count as UTC");
        }
        Some(RepoConfig {
            repo_path: self.repo.to_owned(),
            file: file.to_owned(),
            project: project?,
            project_description,
            registry: registry?,
            online_store: online_store?,
            offline_store: OfflineStoreConfig::File,
            entity_key_serialization_version,
            coerce_tz_aware,
            materialization,
            http,
            warnings: Vec::new(),
        })
    }

    fn entry(&self, key: &str) -> Option<&'a Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// The value of a key, if it is there and not null.
    fn node(&self, key: &str) -> Option<&'a Node> {
        self.entry(key).map(|entry| &entry.value).filter(|node| !node.is_null())
    }

    fn ok<T>(&mut self, result: Result<T, Problem>) -> Option<T> {
        result.map_err(|problem| self.report.problem(problem)).ok()
    }

    fn read<T>(&mut self, key: &str, read: impl FnOnce(&'a Node, &str) -> Result<T, Problem>) -> Option<T> {
        let node = self.node(key)?;
        let value = read(node, &format!("`{key}`"));
        self.ok(value)
    }

    fn remark(&mut self, key: &str, why: &str) {
        if let Some(entry) = self.entry(key) {
            self.report.warning(entry.key_place.problem(format!("`{key}` has no effect")).because(why));
        }
    }

    fn other_keys(&mut self) {
        for entry in self.entries {
            if KNOWN.contains(&entry.key.as_str()) || entry.value.is_null() {
                continue;
            }
            if let Some((_, fate)) = TOP_LEVEL.iter().find(|(key, _)| *key == entry.key) {
                self.fate(entry, *fate, "feature_store.yaml");
            } else {
                let what = format!("unknown key `{}` has no effect", entry.key);
                let names = KNOWN.into_iter().chain(TOP_LEVEL.into_iter().map(|(key, _)| key));
                self.report.warning(entry.key_place.problem(what).maybe_remedy(nearest(&entry.key, names)));
            }
        }
    }

    fn fate(&mut self, entry: &Entry, fate: Fate, section: &str) {
        match fate {
            Fate::Silent => {}
            Fate::Remark(why) => {
                let what = format!("`{}` has no effect", entry.key);
                self.report.warning(entry.key_place.problem(what).because(why));
            }
            Fate::Refused => {
                if entry.value.boolean("").is_ok_and(|on| !on) {
                    return;
                }
                let what = format!("`{}` in {section} is not supported yet", entry.key);
                self.report.problem(entry.key_place.problem(what).remedy("remove the key"));
            }
        }
    }

    /// The entries of a block; a key that is neither in `known` nor in `others` is refused, as in Feast.
    fn block(&mut self, section: &str, node: &'a Node, known: &[&str], others: &[(&str, Fate)]) -> Block<'a> {
        let entries = self.ok(node.entries(&format!("`{section}`"))).unwrap_or_default();
        for entry in entries {
            if known.contains(&entry.key.as_str()) || entry.value.is_null() {
                continue;
            }
            if let Some((_, fate)) = others.iter().find(|(key, _)| *key == entry.key) {
                self.fate(entry, *fate, &format!("`{section}`"));
            } else {
                let what = format!("unknown key `{}` in `{section}`", entry.key);
                let names = known.iter().copied().chain(others.iter().map(|(key, _)| *key));
                self.report.problem(entry.key_place.problem(what).maybe_remedy(suggest(&entry.key, names)));
            }
        }
        Block { section: section.to_owned(), entries }
    }

    fn project(&mut self) -> Option<String> {
        let Some(node) = self.node("project") else {
            let problem = Problem::of_file(self.shown, "there is no `project`");
            self.report.problem(problem.remedy("add `project: <name>`"));
            return None;
        };
        let name = self.ok(node.text("`project`"))?;
        if !is_project_name(name) {
            let problem = node.place.problem(format!("`{name}` cannot be a project's name"));
            self.report.problem(
                problem.because(
                    "a name holds letters, digits, `_` and `-`, and starts with a letter or a digit",
                ),
            );
            return None;
        }
        Some(name.to_owned())
    }

    fn provider(&mut self) {
        let Some(node) = self.node("provider") else { return };
        let Some(provider) = self.ok(node.text("`provider`")) else { return };
        if provider != "local" {
            let what = format!("provider `{provider}` is not supported yet");
            self.report.problem(node.place.problem(what).remedy("write `provider: local`"));
        }
    }

    fn registry(&mut self) -> Option<RegistryConfig> {
        let Some(node) = self.node("registry") else {
            let problem = Problem::of_file(self.shown, "there is no `registry`");
            self.report.problem(problem.remedy("add `registry: data/registry.db`"));
            return None;
        };
        if let NodeKind::Scalar(_) = node.kind {
            let path = self.ok(node.text("`registry`"))?;
            let path = self.local_path("registry", node, path)?;
            return Some(RegistryConfig { path, cache_ttl: DEFAULT_CACHE_TTL });
        }
        let block = self.block("registry", node, &["registry_type", "path", "cache_ttl_seconds"], &REGISTRY);
        if let Some(kind_node) = block.get("registry_type")
            && let Some(kind) = self.ok(kind_node.text("`registry_type`"))
            && kind != "file"
        {
            let later = REGISTRIES_LATER.contains(&kind);
            self.not_there("registry", kind_node, kind, later, &["file"]);
            return None;
        }
        let cache_ttl = match block.get("cache_ttl_seconds") {
            Some(node) => Duration::from_secs(self.ok(node.count("`cache_ttl_seconds`"))?),
            None => DEFAULT_CACHE_TTL,
        };
        let path = match block.get("path") {
            Some(node) => {
                let path = self.ok(node.text("`path` of `registry`"))?;
                self.local_path("registry", node, path)?
            }
            None => self.repo.join("data/registry.db"),
        };
        Some(RegistryConfig { path, cache_ttl })
    }

    fn online_store(&mut self) -> Option<OnlineStoreConfig> {
        let default = self.repo.join("data/online_store");
        let Some(entry) = self.entry("online_store") else {
            return Some(OnlineStoreConfig::Sled { path: default, cache_size_bytes: None });
        };
        let node = &entry.value;
        if node.is_null() {
            return Some(OnlineStoreConfig::Disabled);
        }
        let (kind_node, kind) = self.store_type("online_store", node, "sled")?;
        match kind {
            "none" => Some(OnlineStoreConfig::Disabled),
            "memory" => {
                self.store_block("online_store", node, &["type"]);
                Some(OnlineStoreConfig::Memory)
            }
            "sled" => {
                let block = self.store_block("online_store", node, &["type", "path", "cache_size_mb"]);
                let path = match block.get("path") {
                    Some(node) => {
                        let path = self.ok(node.text("`path` of `online_store`"))?;
                        self.local_path("online_store", node, path)?
                    }
                    None => default,
                };
                let cache_size_bytes = match block.get("cache_size_mb") {
                    Some(node) => {
                        let megabytes = self.ok(node.count("`cache_size_mb`"))?;
                        Some(megabytes.saturating_mul(1 << 20))
                    }
                    None => None,
                };
                Some(OnlineStoreConfig::Sled { path, cache_size_bytes })
            }
            _ => {
                let later = ONLINE_STORES_LATER.contains(&kind);
                self.not_there("online store", kind_node, kind, later, &["sled", "memory"]);
                None
            }
        }
    }

    fn offline_store(&mut self) {
        let Some(node) = self.node("offline_store") else { return };
        let Some((kind_node, kind)) = self.store_type("offline_store", node, "file") else { return };
        match kind {
            "file" | "dask" => {
                self.store_block("offline_store", node, &["type"]);
            }
            "duckdb" => {
                let remark = Fate::Remark("nothing is staged");
                let others = [("staging_location", remark), ("staging_location_endpoint_override", remark)];
                if let NodeKind::Map(_) = node.kind {
                    self.block("offline_store", node, &["type"], &others);
                }
            }
            _ => {
                let later = OFFLINE_STORES_LATER.contains(&kind);
                self.not_there("offline store", kind_node, kind, later, &["file", "dask", "duckdb"]);
            }
        }
    }

    fn batch_engine(&mut self) {
        let Some(node) = self.node("batch_engine") else { return };
        let Some((kind_node, kind)) = self.store_type("batch_engine", node, "local") else { return };
        if kind != "local" {
            self.not_there("batch engine", kind_node, kind, true, &["local"]);
        }
    }

    fn auth(&mut self) {
        for key in ["auth", "auth_config"] {
            let Some(node) = self.node(key) else { continue };
            let Some((kind_node, kind)) = self.store_type(key, node, "no_auth") else { continue };
            if kind != "no_auth" {
                self.not_there("auth", kind_node, kind, true, &["no_auth"]);
            }
        }
    }

    fn feature_server(&mut self) {
        let Some(node) = self.node("feature_server") else { return };
        let block = self.block("feature_server", node, &[], &FEATURE_SERVER);
        if let Some(kind_node) = block.get("type")
            && let Some(kind) = self.ok(kind_node.text("`type` of `feature_server`"))
            && kind != "local"
        {
            self.not_there("feature server", kind_node, kind, true, &["local"]);
        }
    }

    fn entity_key_version(&mut self) -> EntityKeyVersion {
        match self.read("entity_key_serialization_version", Node::count) {
            None | Some(3) => EntityKeyVersion::V3,
            Some(2) => {
                if let Some(entry) = self.entry("entity_key_serialization_version") {
                    let warning = entry.value.place.problem("entity key version 2 is deprecated");
                    self.report.warning(warning.remedy("write 3 and materialize again"));
                }
                EntityKeyVersion::V2
            }
            Some(other) => {
                if let Some(node) = self.node("entity_key_serialization_version") {
                    let problem = node.place.problem(format!("entity key version {other} is not supported"));
                    self.report.problem(problem.remedy("write 3"));
                }
                EntityKeyVersion::V3
            }
        }
    }

    fn materialization(&mut self) -> MaterializationConfig {
        let Some(node) = self.node("materialization") else { return MaterializationConfig::default() };
        // Only the newest row of each key is ever read, so both settings of Feast's key mean the same.
        let others = [("pull_latest_features", Fate::Silent)];
        let block = self.block("materialization", node, &["online_write_batch_size"], &others);
        let size = block.get("online_write_batch_size");
        let online_write_batch_size =
            size.and_then(|node| self.ok(node.count("`online_write_batch_size`"))).filter(|rows| *rows > 0);
        MaterializationConfig { online_write_batch_size }
    }

    fn http(&mut self) -> HttpConfig {
        let Some(node) = self.node("http") else { return HttpConfig::default() };
        let block = self.block("http", node, &["error_status"], &[]);
        let error_status = match block.get("error_status").map(|node| (node, node.text("`error_status`"))) {
            None | Some((_, Ok("standard"))) => ErrorStatus::Standard,
            Some((_, Ok("feast"))) => ErrorStatus::Feast,
            Some((node, Ok(other))) => {
                let problem = node.place.problem(format!("`error_status` cannot be `{other}`"));
                self.report.problem(problem.remedy("write `standard` or `feast`"));
                ErrorStatus::Standard
            }
            Some((_, Err(problem))) => {
                self.report.problem(problem);
                ErrorStatus::Standard
            }
        };
        HttpConfig { error_status }
    }

    /// The type of a store given as a word or as a block with `type`.
    fn store_type(&mut self, section: &str, node: &'a Node, default: &'a str) -> Option<(&'a Node, &'a str)> {
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
    fn store_block(&mut self, section: &str, node: &'a Node, known: &[&str]) -> Block<'a> {
        match node.kind {
            NodeKind::Map(_) => self.block(section, node, known, &[]),
            _ => Block { section: section.to_owned(), entries: &[] },
        }
    }

    fn not_there(&mut self, what: &str, node: &Node, kind: &str, later: bool, there: &[&str]) {
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

const DEFAULT_CACHE_TTL: Duration = Duration::from_secs(600);

/// A mapping of which the keys have been checked.
struct Block<'a> {
    section: String,
    entries: &'a [Entry],
}

impl<'a> Block<'a> {
    fn get(&self, key: &str) -> Option<&'a Node> {
        debug_assert!(!self.section.is_empty());
        self.entries
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.value)
            .filter(|node| !node.is_null())
    }
}

/// Feast's rule: word characters and `-`, the first of them neither `_` nor `-`.
fn is_project_name(name: &str) -> bool {
    name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-') && !name.starts_with(['_', '-'])
}
