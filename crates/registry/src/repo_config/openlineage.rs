//! The section `openlineage`: who is told what feeds what, and whether to keep what others tell.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::RegistryConfig;
use super::auth::Secret;
use super::keys::Fate;
use super::read::{Block, Reader};
use crate::problem::Problem;
use crate::suggestion::nearest;
use crate::yaml::{Node, NodeKind};

/// Who is told what feeds what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenLineageConfig {
    /// How events go out; `None` where none do.
    pub transport: Option<LineageTransport>,
    /// The namespace of jobs and datasets; `feast` stands for the project's name.
    pub namespace: String,
    /// Who says so, in every event.
    pub producer: String,
    /// Whether applying definitions tells what they are.
    pub emit_on_apply: bool,
    /// Whether a materialization tells when it starts and ends.
    pub emit_on_materialize: bool,
    /// How the events of others are kept; `None` where they are not.
    pub consumer: Option<LineageConsumerConfig>,
}

/// How events go out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LineageTransport {
    /// As `OPENLINEAGE_URL`, `OPENLINEAGE_ENDPOINT` and `OPENLINEAGE_API_KEY` of the environment say; without them to
    /// the standard error.
    Environment,
    /// To a server, one request an event.
    Http {
        /// Where the server is.
        url: String,
        /// The path under it.
        endpoint: String,
        /// What shows that this producer may send.
        api_key: Option<Secret>,
        /// How long one request may take.
        timeout: Duration,
        /// Whether the server must show a certificate that can be trusted.
        verify: bool,
        /// Further headers of each request.
        custom_headers: Vec<(String, Secret)>,
    },
    /// To the standard error, a line an event.
    Console,
    /// To files.
    File {
        /// The file; without `append` what the names of files begin with.
        path: PathBuf,
        /// Whether events are lines of one file, rather than a file each.
        append: bool,
    },
    /// Nowhere.
    Nowhere,
}

/// How the events of others are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineageConsumerConfig {
    /// The SQLite file.
    pub path: PathBuf,
    /// What producers must show; `None` means nothing.
    pub api_key: Option<Secret>,
    /// Projects by the namespaces of others that belong to them.
    pub namespace_mapping: BTreeMap<String, String>,
    /// Days after which events and runs go; 0 means never.
    pub retention_days: u64,
    /// Hours between two looks for them.
    pub retention_check_interval_hours: u64,
    /// Whether `serve_lineage` removes them, rather than the registry's server.
    pub standalone_server: bool,
}

impl Default for OpenLineageConfig {
    fn default() -> Self {
        Self {
            transport: None,
            namespace: "feast".to_owned(),
            producer: "feast".to_owned(),
            emit_on_apply: true,
            emit_on_materialize: true,
            consumer: None,
        }
    }
}

const EMITTER: [&str; 11] = [
    "enabled",
    "transport_type",
    "transport_url",
    "transport_endpoint",
    "api_key",
    "namespace",
    "producer",
    "emit_on_apply",
    "emit_on_materialize",
    "additional_config",
    "consumer",
];

const CONSUMER: [&str; 8] = [
    "enabled",
    "store_type",
    "connection_string",
    "api_key",
    "namespace_mapping",
    "retention_days",
    "retention_check_interval_hours",
    "standalone_server",
];

/// What a transport may be told beside.
const ADDITIONAL: [&str; 5] = ["log_file_path", "append", "timeout", "verify", "custom_headers"];

/// What Feast's transports may be told beside, and larder's do not need.
const OTHER_ADDITIONAL: [(&str, Fate); 8] = {
    let kafka = Fate::Remark("only Kafka has it, which is not supported yet");
    let file = Fate::Remark("events are written to files on this machine");
    [
        ("bootstrap_servers", kafka),
        ("topic", kafka),
        ("compression", Fate::Remark("events are sent as they are")),
        ("retry", Fate::Remark("a request that fails is repeated twice")),
        ("debug_mode", file),
        ("storage_options", file),
        ("filesystem", file),
        ("fs_kwargs", file),
    ]
};

/// Transports of OpenLineage's client that larder does not have yet.
const TRANSPORTS_LATER: [&str; 7] =
    ["kafka", "composite", "transform", "async_http", "datadog", "gcplineage", "amazon_datazone_api"];

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

impl<'a> Reader<'a> {
    /// The section `openlineage`. What is said of it shows no lines, which may hold secrets.
    pub(super) fn openlineage(&mut self, registry: Option<&RegistryConfig>) -> OpenLineageConfig {
        let (problems, warnings) = (self.report.problems.len(), self.report.warnings.len());
        let config = self.openlineage_section(registry);
        let of_problems = self.report.problems.iter_mut().skip(problems);
        for said in of_problems.chain(self.report.warnings.iter_mut().skip(warnings)) {
            said.excerpt = None;
        }
        config
    }

    fn openlineage_section(&mut self, registry: Option<&RegistryConfig>) -> OpenLineageConfig {
        let default = OpenLineageConfig::default();
        let Some(node) = self.node("openlineage") else { return default };
        let block = self.block("openlineage", node, &EMITTER, &[]);
        let transport = self.switch(&block, "enabled", false).then(|| self.transport(&block, node)).flatten();
        OpenLineageConfig {
            transport,
            namespace: self.lineage_text(&block, "namespace").unwrap_or(default.namespace),
            producer: self.lineage_text(&block, "producer").unwrap_or(default.producer),
            emit_on_apply: self.switch(&block, "emit_on_apply", true),
            emit_on_materialize: self.switch(&block, "emit_on_materialize", true),
            consumer: self.lineage_consumer(&block, registry),
        }
    }

    /// `None` only after a problem.
    fn transport(&mut self, block: &Block<'a>, node: &'a Node) -> Option<LineageTransport> {
        let others = match block.get("additional_config") {
            Some(node) => self.block("additional_config", node, &ADDITIONAL, &OTHER_ADDITIONAL),
            None => Block { section: "additional_config".to_owned(), entries: &[] },
        };
        let Some(kind_node) = block.get("transport_type") else { return Some(LineageTransport::Environment) };
        let kind = self.ok(kind_node.text("`transport_type`"))?;
        match kind {
            "http" => self.http_transport(block, &others, node),
            "console" => Some(LineageTransport::Console),
            "file" => {
                let path = self.lineage_text(&others, "log_file_path");
                let path = path.unwrap_or_else(|| "openlineage_events.json".to_owned());
                let local = path.strip_prefix("file://").unwrap_or(&path);
                if local.contains("://")
                    && let Some(node) = others.get("log_file_path")
                {
                    let problem = node.place.problem("`log_file_path` is no file on this machine");
                    self.report.problem(problem.remedy("write a path"));
                    return None;
                }
                let append = self.switch(&others, "append", false);
                Some(LineageTransport::File { path: self.repo.join(local), append })
            }
            "noop" => Some(LineageTransport::Nowhere),
            _ => {
                let later = TRANSPORTS_LATER.contains(&kind);
                let there = ["http", "file", "console", "noop"];
                let text = if later { "is not supported yet" } else { "is unknown" };
                let problem =
                    kind_node.place.problem(format!("`transport_type: {kind}` of `openlineage` {text}"));
                let instead = "use `http`, `file` or `console`, or write `enabled: false`".to_owned();
                let remedy = if later { None } else { nearest(kind, there) };
                self.report.problem(problem.remedy(remedy.unwrap_or(instead)));
                None
            }
        }
    }

    fn http_transport(
        &mut self,
        block: &Block<'a>,
        others: &Block<'a>,
        node: &'a Node,
    ) -> Option<LineageTransport> {
        let api_key = self.lineage_text(block, "api_key").map(Secret::new);
        let endpoint = self.lineage_text(block, "transport_endpoint");
        let custom_headers =
            others.get("custom_headers").and_then(|node| self.ok(node.text_map("`custom_headers`")));
        let Some(url) = self.lineage_text(block, "transport_url") else {
            let problem = node.place.problem("`transport_type: http` needs `transport_url`");
            self.report.problem(problem.remedy("add `transport_url: http://localhost:6580`"));
            return None;
        };
        if !url.starts_with("http://") && !url.starts_with("https://") {
            let place = block.get("transport_url").unwrap_or(node);
            let problem =
                place.place.problem("`transport_url` begins neither with `http://` nor with `https://`");
            self.report.problem(problem.remedy("write it as in `http://localhost:6580`"));
            return None;
        }
        Some(LineageTransport::Http {
            url,
            endpoint: endpoint.unwrap_or_else(|| "api/v1/lineage".to_owned()),
            api_key,
            timeout: self.seconds(others, "timeout", DEFAULT_TIMEOUT),
            verify: self.switch(others, "verify", true),
            custom_headers: custom_headers
                .unwrap_or_default()
                .into_iter()
                .map(|(name, value)| (name, Secret::new(value)))
                .collect(),
        })
    }

    fn lineage_consumer(
        &mut self,
        block: &Block<'a>,
        registry: Option<&RegistryConfig>,
    ) -> Option<LineageConsumerConfig> {
        let node = block.get("consumer")?;
        let consumer = self.block("openlineage.consumer", node, &CONSUMER, &[]);
        let enabled = self.switch(&consumer, "enabled", false);
        if let Some(node) = consumer.get("store_type")
            && let Some(kind) = self.ok(node.text("`store_type`"))
            && kind != "sql"
        {
            let warning = node.place.problem(format!("`store_type: {kind}` has no effect"));
            self.report.warning(warning.because("events are kept in a SQLite file, as with `sql`"));
        }
        let mapping = consumer.get("namespace_mapping");
        let namespace_mapping = mapping.and_then(|node| self.ok(node.text_map("`namespace_mapping`")));
        let mut number = |key: &str, default: u64| {
            let node = consumer.get(key)?;
            Some(self.ok(node.count(&format!("`{key}`"))).unwrap_or(default))
        };
        let retention_days = number("retention_days", 30).unwrap_or(30);
        let retention_check_interval_hours = number("retention_check_interval_hours", 6).unwrap_or(6);
        let config = LineageConsumerConfig {
            path: self.lineage_store(&consumer, registry)?,
            api_key: self.lineage_text(&consumer, "api_key").map(Secret::new),
            namespace_mapping: namespace_mapping.unwrap_or_default(),
            retention_days,
            retention_check_interval_hours,
            standalone_server: self.switch(&consumer, "standalone_server", false),
        };
        enabled.then_some(config)
    }

    /// The file of a `SQLAlchemy` URL, or one beside the registry; `None` only after a problem.
    fn lineage_store(&mut self, consumer: &Block<'a>, registry: Option<&RegistryConfig>) -> Option<PathBuf> {
        let Some(node) = consumer.get("connection_string") else {
            let folder = registry?.path.parent().map(PathBuf::from).unwrap_or_default();
            return Some(folder.join("openlineage.db"));
        };
        let url = self.ok(node.text("`connection_string`"))?;
        match sqlite_file(url) {
            Ok(path) => Some(self.repo.join(path)),
            Err(why) => {
                let problem: Problem =
                    node.place.problem("`connection_string` names no store that larder has");
                let remedy = "write `sqlite:///data/openlineage.db`, or leave it out";
                self.report.problem(problem.because(why).remedy(remedy));
                None
            }
        }
    }

    /// A text that is not empty.
    fn lineage_text(&mut self, block: &Block<'a>, key: &str) -> Option<String> {
        let node = block.get(key)?;
        if !matches!(node.kind, NodeKind::Scalar(_)) {
            self.report.problem(node.place.problem(format!("`{key}` is no text")));
            return None;
        }
        let text = self.ok(node.text(&format!("`{key}`")))?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }
}

/// The path in a URL of `SQLAlchemy`, in which a third slash begins a relative one and a fourth an absolute one.
fn sqlite_file(url: &str) -> Result<&str, &'static str> {
    let Some((scheme, rest)) = url.split_once("://") else { return Err("it is no URL") };
    if scheme != "sqlite" && scheme != "sqlite+pysqlite" {
        return Err("it is of another database than SQLite");
    }
    let Some(path) = rest.strip_prefix('/').filter(|path| !path.is_empty() && *path != ":memory:") else {
        return Err("it names no file");
    };
    if path.contains('?') { Err("options after `?` are not read") } else { Ok(path) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::RepoConfig;

    fn read(block: &str) -> Result<(OpenLineageConfig, String), String> {
        let text = format!("project: d\nregistry: data/r.db\nopenlineage: {{{block}}}\n");
        let read = RepoConfig::from_text(Path::new("/repo"), "test", &text, &|_| None);
        let config = read.map_err(|problems| problems.to_string())?;
        let warnings: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
        Ok((config.openlineage, warnings.join("\n")))
    }

    #[test]
    fn nothing_is_told_or_kept_unless_it_is_asked_for() {
        assert_eq!(read("").unwrap(), (OpenLineageConfig::default(), String::new()));
        let off = read("transport_type: kafka, consumer: {api_key: x}").unwrap();
        assert_eq!(off, (OpenLineageConfig::default(), String::new()), "and then nothing has to be there");
    }

    #[test]
    fn transports_are_read_with_feasts_defaults() {
        let transport = |block: &str| read(&format!("enabled: true, {block}")).unwrap().0.transport.unwrap();
        assert_eq!(transport("namespace: n"), LineageTransport::Environment);
        assert_eq!(transport("transport_type: console"), LineageTransport::Console);
        assert_eq!(transport("transport_type: noop"), LineageTransport::Nowhere);
        let file = |path: &str, append| LineageTransport::File { path: path.into(), append };
        assert_eq!(transport("transport_type: file"), file("/repo/openlineage_events.json", false));
        let named = "transport_type: file, additional_config: {log_file_path: 'file:///e.log', append: true}";
        assert_eq!(transport(named), file("/e.log", true));
        let http = |endpoint: &str, api_key: Option<&str>| LineageTransport::Http {
            url: "http://x:5000".into(),
            endpoint: endpoint.into(),
            api_key: api_key.map(|key| Secret::new(key.to_owned())),
            timeout: Duration::from_secs(5),
            verify: true,
            custom_headers: Vec::new(),
        };
        assert_eq!(
            transport("transport_type: http, transport_url: 'http://x:5000'"),
            http("api/v1/lineage", None)
        );
        let whole = "transport_type: http, transport_url: 'http://x:5000', transport_endpoint: e, api_key: k";
        assert_eq!(transport(whole), http("e", Some("k")));
    }

    #[test]
    fn what_cannot_be_sent_is_told_with_its_key_and_a_remedy_and_without_its_line() {
        let error = |block: &str| read(&format!("enabled: true, api_key: hidden, {block}")).unwrap_err();
        for (block, expected) in [
            ("transport_type: kafka", "`transport_type: kafka` of `openlineage` is not supported yet"),
            ("transport_type: kafka", "use `http`, `file` or `console`"),
            ("transport_type: htpp", "is unknown"),
            ("transport_type: http", "needs `transport_url`"),
            ("transport_type: http, transport_url: 'ftp://x'", "begins neither with"),
            ("transport_tipe: http", "unknown key `transport_tipe` in `openlineage`"),
        ] {
            let said = error(block);
            assert!(said.contains(expected), "{block}: {said}");
            assert!(!said.contains("hidden"), "{said}");
        }
        let config = read("enabled: true, transport_type: http, transport_url: 'http://x', api_key: hidden");
        assert!(!format!("{config:?}").contains("hidden"));
    }

    #[test]
    fn a_consumer_keeps_events_in_a_file() {
        let consumer = |block: &str| {
            let (config, _) = read(&format!("consumer: {{enabled: true, {block}}}"))?;
            Ok::<_, String>(config.consumer.unwrap())
        };
        let plain = consumer("retention_days: 30").unwrap();
        assert_eq!(plain.path, Path::new("/repo/data/openlineage.db"));
        assert_eq!((plain.retention_days, plain.retention_check_interval_hours), (30, 6));
        let named =
            consumer("connection_string: 'sqlite:///a/b.db', namespace_mapping: {'spark://x': p}").unwrap();
        assert_eq!(named.path, Path::new("/repo/a/b.db"));
        assert_eq!(named.namespace_mapping["spark://x"], "p");
        let absolute = consumer("connection_string: 'sqlite:////a/b.db', retention_days: 0").unwrap();
        assert_eq!((absolute.path.as_path(), absolute.retention_days), (Path::new("/a/b.db"), 0));
        for (url, why) in [
            ("postgresql://u:hidden@x/y", "it is of another database than SQLite"),
            ("sqlite://", "it names no file"),
            ("sqlite:///:memory:", "it names no file"),
            ("sqlite:///x.db?timeout=1", "options after `?` are not read"),
            ("x.db", "it is no URL"),
        ] {
            let error = consumer(&format!("connection_string: '{url}'")).unwrap_err();
            assert!(error.contains(why) && !error.contains("hidden"), "{url}: {error}");
        }
    }
}
