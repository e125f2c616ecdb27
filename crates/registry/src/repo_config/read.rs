//! From the text of `feature_store.yaml` to [`RepoConfig`].

use std::num::NonZeroUsize;
use std::path::Path;

use larder_core::EntityKeyVersion;

use super::expand::expand;
use super::keys::{Fate, TOP_LEVEL};
use super::settings::Settings;
use super::{ErrorStatus, HttpConfig, MaterializationConfig, MlflowConfig, OfflineStoreConfig, RepoConfig};
use crate::problem::{Problem, Problems, Report, SourceText};
use crate::suggestion::{nearest, suggest};
use crate::text_file::read_text;
use crate::yaml::{Entry, Node, parse};

/// Keys that are read into the configuration.
const KNOWN: [&str; 18] = [
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
    "openlineage",
    "compat",
    "http",
    "data_quality_monitoring",
    "mlflow",
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
    load_text(repo, file, shown, &read_text(file, shown)?, variable)
}

/// Reads the text that `file` would hold.
pub(super) fn load_text(
    repo: &Path,
    file: &Path,
    shown: &Path,
    original: &str,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<RepoConfig, Problems> {
    let (text, expansion) = expand(original, variable);
    let source = SourceText::new(shown, original);
    let mut report = Report::default();
    let documents = parse(&source, &text, Some((original, &expansion)), &mut report.problems)?;
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
    let mlflow = reader.mlflow(variable);
    let config = reader.config(file, mlflow);
    let Report { problems, warnings } = reader.report;
    match config {
        Some(config) if problems.is_empty() => Ok(RepoConfig { warnings, ..config }),
        _ => Err(Problems::new(problems)),
    }
}

pub(super) struct Reader<'a> {
    pub(super) repo: &'a Path,
    pub(super) shown: &'a Path,
    entries: &'a [Entry],
    pub(super) report: Report,
}

impl<'a> Reader<'a> {
    /// The configuration without its warnings; `None` only after a problem.
    fn config(&mut self, file: &Path, mlflow: MlflowConfig) -> Option<RepoConfig> {
        self.other_keys();
        let project = self.project();
        let registry = self.registry();
        let online_store = self.online_store();
        self.provider();
        self.offline_store();
        self.batch_engine();
        let auth = self.auth();
        let feature_server = self.feature_server();
        let entity_key_serialization_version = self.entity_key_version();
        let materialization = self.materialization();
        let http = self.http();
        let compat = self.compat();
        let data_quality_monitoring = self.data_quality_monitoring();
        let openlineage = self.openlineage(registry.as_ref());
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
            compat,
            auth,
            feature_server,
            data_quality_monitoring,
            openlineage,
            mlflow,
            settings: Settings::new(self.entries),
            warnings: Vec::new(),
        })
    }

    pub(super) fn entry(&self, key: &str) -> Option<&'a Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// The value of a key, if it is there and not null.
    pub(super) fn node(&self, key: &str) -> Option<&'a Node> {
        self.entry(key).map(|entry| &entry.value).filter(|node| !node.is_null())
    }

    pub(super) fn ok<T>(&mut self, result: Result<T, Problem>) -> Option<T> {
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
                self.fate(entry, *fate);
            } else {
                let what = format!("unknown key `{}` has no effect", entry.key);
                let names = KNOWN.into_iter().chain(TOP_LEVEL.into_iter().map(|(key, _)| key));
                self.report.warning(entry.key_place.problem(what).maybe_remedy(nearest(&entry.key, names)));
            }
        }
    }

    fn fate(&mut self, entry: &Entry, fate: Fate) {
        match fate {
            Fate::Silent => {}
            Fate::Remark(why) => {
                let what = format!("`{}` has no effect", entry.key);
                self.report.warning(entry.key_place.problem(what).because(why));
            }
        }
    }

    /// The entries of a block; a key that is neither in `known` nor in `others` is refused, as in Feast.
    pub(super) fn block(
        &mut self,
        section: &str,
        node: &'a Node,
        known: &[&str],
        others: &[(&str, Fate)],
    ) -> Block<'a> {
        let entries = self.ok(node.entries(&format!("`{section}`"))).unwrap_or_default();
        for entry in entries {
            if known.contains(&entry.key.as_str()) || entry.value.is_null() {
                continue;
            }
            if let Some((_, fate)) = others.iter().find(|(key, _)| *key == entry.key) {
                self.fate(entry, *fate);
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
        let block = self.block("materialization", node, &["online_write_batch_size", "lookback"], &others);
        let rows = block.get("online_write_batch_size").and_then(|node| {
            let rows = self.ok(node.count("`online_write_batch_size`"))?;
            let rows = usize::try_from(rows).ok().and_then(NonZeroUsize::new);
            if rows.is_none() {
                let problem = node.place.problem("`online_write_batch_size` cannot be 0");
                self.report.problem(problem.remedy("write a number of rows, or leave it out"));
            }
            rows
        });
        let lookback = block.get("lookback").and_then(|node| self.ok(node.span("`lookback`")));
        MaterializationConfig { online_write_batch_size: rows, lookback: lookback.unwrap_or_default() }
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
}

/// A mapping of which the keys have been checked.
pub(super) struct Block<'a> {
    pub(super) section: String,
    pub(super) entries: &'a [Entry],
}

impl<'a> Block<'a> {
    pub(super) fn get(&self, key: &str) -> Option<&'a Node> {
        debug_assert!(!self.section.is_empty());
        self.entries
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.value)
            .filter(|node| !node.is_null())
    }
}

/// Feast's rule: word characters and `-`, the first of them neither `_` nor `-`.
pub(crate) fn is_project_name(name: &str) -> bool {
    name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-') && !name.starts_with(['_', '-'])
}
