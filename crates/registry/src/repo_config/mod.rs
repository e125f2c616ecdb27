//! `feature_store.yaml`: where a feature repo keeps things.

mod auth;
mod compat;
mod data_quality;
mod expand;
mod feature_server;
mod keys;
mod mcp;
mod mlflow;
mod openlineage;
mod read;
mod settings;
mod stores;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use larder_core::EntityKeyVersion;

pub use auth::{AuthConfig, KubernetesConfig, OidcClientConfig, OidcConfig, Secret};
pub use compat::{CompatConfig, OnlineTtl};
pub use data_quality::DataQualityConfig;
pub use feature_server::{
    AuditLoggingConfig, AuditSink, FeatureLoggingConfig, FeatureServerConfig, MetricsConfig,
    OfflinePushBatching,
};
pub use mcp::{McpConfig, McpTransport};
pub use mlflow::{DatasetSyncConfig, MlflowConfig, MlflowCredentials};
pub use openlineage::{LineageConsumerConfig, LineageTransport, OpenLineageConfig};
pub(crate) use read::is_project_name;
pub use settings::Settings;

use crate::problem::{Problem, Problems};

/// The name of the file that makes a folder a feature repo.
pub const FEATURE_STORE_YAML: &str = "feature_store.yaml";

/// What `feature_store.yaml` says. All paths are complete.
#[derive(Clone, Debug)]
pub struct RepoConfig {
    /// The folder of the feature repo; relative paths of definitions start here.
    pub repo_path: PathBuf,
    /// The file this was read from.
    pub file: PathBuf,
    /// The project's name.
    pub project: String,
    /// What the project is, for people.
    pub project_description: String,
    /// Where the registry lies.
    pub registry: RegistryConfig,
    /// Where the newest values are kept.
    pub online_store: OnlineStoreConfig,
    /// Where the history lies.
    pub offline_store: OfflineStoreConfig,
    /// The layout of entity keys.
    pub entity_key_serialization_version: EntityKeyVersion,
    /// Whether times without zone in entity tables count as UTC.
    pub coerce_tz_aware: bool,
    /// How materialization runs.
    pub materialization: MaterializationConfig,
    /// How errors look over HTTP.
    pub http: HttpConfig,
    /// Which differences from Feast are taken back.
    pub compat: CompatConfig,
    /// Who may use a server.
    pub auth: AuthConfig,
    /// What a server does beside answering.
    pub feature_server: FeatureServerConfig,
    /// How the quality of data is monitored; `None` where it is not.
    pub data_quality_monitoring: Option<DataQualityConfig>,
    /// Who is told what feeds what, and whether to keep what others tell.
    pub openlineage: OpenLineageConfig,
    /// The server of MLflow, and what is done with it.
    pub mlflow: MlflowConfig,
    /// What the file says, for people.
    pub settings: Settings,
    /// Remarks that stop nothing, such as keys that have no effect here.
    pub warnings: Vec<Problem>,
}

/// Where the registry lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryConfig {
    /// The registry file.
    pub path: PathBuf,
    /// Whether every version of a view has online rows of its own, and references may name a version.
    pub online_versioning: bool,
    /// Whether the server of its REST routes offers them as tools of the Model Context Protocol.
    pub offers_tools: bool,
}

/// Where the newest values are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnlineStoreConfig {
    /// The embedded store.
    Sled {
        /// Its folder.
        path: PathBuf,
        /// Memory for its page cache, in bytes; `None` is the store's default.
        cache_size_bytes: Option<u64>,
    },
    /// A file in Feast's layout.
    Sqlite {
        /// The file.
        path: PathBuf,
    },
    /// In memory, lost at the end of the process.
    Memory,
    /// Nowhere: `online_store: null`.
    Disabled,
}

impl OnlineStoreConfig {
    /// The type's name in `feature_store.yaml` and in messages.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sled { .. } => "sled",
            Self::Sqlite { .. } => "sqlite",
            Self::Memory => "memory",
            Self::Disabled => "none",
        }
    }
}

/// Where the history lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OfflineStoreConfig {
    /// In files; `dask` and `duckdb` are other names for it.
    File,
}

/// How materialization runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MaterializationConfig {
    /// Rows a write may hold; `None` is the writer's default.
    pub online_write_batch_size: Option<NonZeroUsize>,
    /// How long before the end of the last run an incremental one begins, for rows that reach their source late.
    pub lookback: Duration,
}

/// How errors look over HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HttpConfig {
    /// The statuses of a user's mistakes.
    pub error_status: ErrorStatus,
}

/// The statuses of a user's mistakes over HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ErrorStatus {
    /// A mistake of the request is a 4xx.
    #[default]
    Standard,
    /// As Feast: mostly 500.
    Feast,
}

impl RepoConfig {
    /// Reads `feature_store.yaml` in the folder `path`, or the file `path` itself, whose folder then is
    /// the feature repo. Environment variables written `$NAME` or `${NAME}` are filled in; unknown ones
    /// stay as they are.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the file, at once; with
    /// [`ErrorKind::NotFound`](larder_core::ErrorKind::NotFound) if there is none.
    pub fn load(path: &Path) -> Result<Self, Problems> {
        let (repo, file) = if path.is_dir() {
            (path.to_owned(), path.join(FEATURE_STORE_YAML))
        } else {
            (path.parent().unwrap_or(Path::new("")).to_owned(), path.to_owned())
        };
        Self::load_with(&repo, &file, &|name| std::env::var(name).ok())
    }

    /// Reads `file` for the feature repo in the folder `repo`, with the variables that `variable` knows.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn load_with(
        repo: &Path,
        file: &Path,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, Problems> {
        read::load(repo, file, variable)
    }

    /// Reads `text` as the `feature_store.yaml` of the feature repo in the folder `repo`; `origin` is what
    /// messages call the text.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the text, at once.
    pub fn from_text(
        repo: &Path,
        origin: &str,
        text: &str,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, Problems> {
        read::load_text(repo, Path::new(origin), Path::new(origin), text, variable)
    }
}

#[cfg(test)]
mod tests {
    use larder_core::ErrorKind;

    use super::*;

    fn read(text: &str) -> Result<RepoConfig, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FEATURE_STORE_YAML);
        std::fs::write(&file, text).unwrap();
        let variable = |name: &str| (name == "HOME_OF_DATA").then(|| "/srv/data".to_owned());
        RepoConfig::load_with(Path::new("/repo"), &file, &variable).map_err(|problems| problems.to_string())
    }

    #[test]
    fn the_shortest_file_has_feasts_defaults() {
        let config = read("project: demo\nregistry: data/registry.db\nprovider: local\n").unwrap();
        assert_eq!(config.project, "demo");
        assert_eq!(config.registry.path, Path::new("/repo/data/registry.db"));
        let path = PathBuf::from("/repo/data/online.db");
        assert_eq!(config.online_store, OnlineStoreConfig::Sqlite { path });
        assert_eq!(config.entity_key_serialization_version, EntityKeyVersion::V3);
        assert!(config.coerce_tz_aware);
        assert_eq!(config.warnings, []);
    }

    #[test]
    fn blocks_and_variables_are_read() {
        let config = read(
            "project: demo\nregistry:\n  registry_type: file\n  path: ${HOME_OF_DATA}/r.db\n\
             online_store:\n  type: sled\n  path: $HOME_OF_DATA/$UNKNOWN\n  cache_size_mb: 64\n\
             offline_store: {type: dask}\nentity_key_serialization_version: 2\nhttp: {error_status: feast}\n\
             materialization: {online_write_batch_size: 500, pull_latest_features: false, lookback: 2h30m}\n",
        )
        .unwrap();
        assert_eq!(config.registry.path, Path::new("/srv/data/r.db"));
        let path = PathBuf::from("/srv/data/$UNKNOWN");
        assert_eq!(config.online_store, OnlineStoreConfig::Sled { path, cache_size_bytes: Some(64 << 20) });
        assert_eq!(config.entity_key_serialization_version, EntityKeyVersion::V2);
        assert_eq!(config.http.error_status, ErrorStatus::Feast);
        assert_eq!(config.materialization.online_write_batch_size, NonZeroUsize::new(500));
        assert_eq!(config.materialization.lookback, Duration::from_secs(9_000));
    }

    #[test]
    fn sqlite_is_chosen_as_in_feast_and_what_has_no_effect_is_remarked() {
        let online = |text: &str| read(&format!("project: demo\nregistry: r.db\nonline_store: {text}\n"));
        let sqlite = |path: &str| OnlineStoreConfig::Sqlite { path: PathBuf::from(path) };
        for (text, path) in [
            ("sqlite", "/repo/data/online.db"),
            ("{path: data/online_store.db}", "/repo/data/online_store.db"),
            ("{type: sqlite, path: /srv/online.db, vector_enabled: false}", "/srv/online.db"),
            ("feast.infra.online_stores.sqlite.SqliteOnlineStore", "/repo/data/online.db"),
        ] {
            assert_eq!(online(text).unwrap().online_store, sqlite(path), "{text}");
        }
        let warned = online("{type: sqlite, similarity: cosine}").unwrap().warnings;
        assert!(warned.iter().any(|warning| warning.what.contains("`similarity`")), "{warned:?}");
        for option in ["vector_enabled", "text_search_enabled", "enable_openai_compatible_store"] {
            let config = online(&format!("{{type: sqlite, {option}: true}}")).unwrap();
            assert!(config.warnings[0].what.contains(&format!("`{option}` has no effect")));
        }
        let error = online("{type: sqlite, cache_size_mb: 5}").unwrap_err();
        assert!(error.contains("unknown key `cache_size_mb` in `online_store`"), "{error}");
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let error = read(
            "project: _demo\nprovider: gcp\nonline_store: {type: redis, connection_string: x}\n\
             offline_store: bigquery\nauth: {type: ldap}\nentity_key_serialization_version: 1\n",
        )
        .unwrap_err();
        for expected in [
            "feature_store.yaml: there is no `registry`",
            "feature_store.yaml:1:10: `_demo` cannot be a project's name",
            "feature_store.yaml:2:11: provider `gcp` is not supported yet",
            "feature_store.yaml:3:22: online store `redis` is not supported yet",
            "feature_store.yaml:4:16: offline store `bigquery` is not supported yet",
            "feature_store.yaml:5:14: auth `ldap` is unknown",
            "feature_store.yaml:6:35: entity key version 1",
            "7 problems",
        ] {
            assert!(error.contains(expected) || expected == "7 problems", "{expected}\n---\n{error}");
        }
    }

    #[test]
    fn data_quality_is_monitored_where_its_section_stands() {
        let of = |text: &str| {
            let config = read(&format!("project: demo\nregistry: r.db\n{text}"));
            config.map(|config| {
                assert_eq!(config.warnings, []);
                config.data_quality_monitoring.map(|section| section.auto_baseline)
            })
        };
        for (text, expected) in [
            ("", None),
            ("data_quality_monitoring: null\n", None),
            ("data_quality_monitoring: {}\n", Some(true)),
            ("data_quality_monitoring: {auto_baseline: false}\n", Some(false)),
        ] {
            assert_eq!(of(text), Ok(expected), "{text}");
        }
        assert!(of("data_quality_monitoring: {auto_baselin: true}\n").unwrap_err().contains("auto_baselin"));
        assert!(
            of("data_quality_monitoring: {auto_baseline: daily}\n").unwrap_err().contains("auto_baseline")
        );
    }

    #[test]
    fn keys_without_effect_are_remarks() {
        let config = read(
            "project: demo\nregistry: r.db\nflags: {a: b}\nmy_own: 1\nfeature_server: {mcp_transport: sse}\n",
        )
        .unwrap();
        let texts: Vec<_> = config.warnings.iter().map(|warning| warning.what.clone()).collect();
        assert_eq!(texts.len(), 3, "{texts:?}");
        assert!(texts.iter().any(|text| text.contains("`my_own`")));
        assert!(texts.iter().any(|text| text.contains("`flags`")));
        assert!(texts.iter().any(|text| text.contains("`mcp_transport`")));
    }

    #[test]
    fn the_registry_offers_tools_if_it_is_told_to() {
        let offers = |block: &str| {
            read(&format!("project: d\nregistry: {{path: r.db{block}}}\n"))
                .map(|config| config.registry.offers_tools)
        };
        assert_eq!(
            (offers(""), offers(", mcp: null"), offers(", mcp: {}")),
            (Ok(false), Ok(false), Ok(false))
        );
        assert_eq!(
            (offers(", mcp: {enabled: false}"), offers(", mcp: {enabled: true}")),
            (Ok(false), Ok(true))
        );
        assert!(
            offers(", mcp: {enable: true}").unwrap_err().contains("unknown key `enable` in `registry.mcp`")
        );
        assert!(offers(", mcp: yes").is_err());
    }

    #[test]
    fn keys_of_the_registry_block_that_do_nothing_are_remarked_with_their_place() {
        let warned = |block: &str| {
            let config = read(&format!("project: d\nregistry: {{path: r.db, {block}}}\n")).unwrap();
            config.warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        };
        for key in ["cache_ttl_seconds", "cache_mode", "read_path", "schema_mode"] {
            let expected = format!("feature_store.yaml:2:24: `{key}` has no effect: ");
            assert!(warned(&format!("{key}: x")).starts_with(&expected), "{key}");
        }
        assert_eq!(warned("serve_features_while_materializing: true"), "");
        assert_eq!(warned("mcp: {enabled: true}"), "");
        let asked = warned("serve_features_while_materializing: false");
        assert!(asked.contains("a view is served while it is materialized"), "{asked}");
        let other = "project: d\nregistry: {registry_type: sql, path: x, read_path: y, nope: 1}\n";
        let error = read(other).unwrap_err();
        assert!(
            error.contains("registry `sql` is not supported yet") && !error.contains("unknown key"),
            "{error}"
        );
    }

    #[test]
    fn tools_are_offered_where_the_server_is_of_that_type_and_they_are_enabled() {
        let server = |block: &str| {
            let config = read(&format!("project: d\nregistry: r.db\nfeature_server: {{{block}}}\n"))?;
            let warnings: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
            Ok::<_, String>((config.feature_server.mcp, warnings.join("\n")))
        };
        let (mcp, warnings) = server("type: mcp, mcp_enabled: true").unwrap();
        let expected = McpConfig {
            server_name: "feast-mcp-server".into(),
            server_version: "1.0.0".into(),
            transport: McpTransport::Both,
        };
        assert_eq!((mcp, warnings.as_str()), (Some(expected), ""));
        let all =
            "type: mcp, mcp_enabled: true, mcp_server_name: n, mcp_server_version: '2', mcp_transport: http";
        let (mcp, _) = server(all).unwrap();
        assert!(mcp.is_some_and(|mcp| mcp.server_name == "n" && mcp.server_version == "2"));

        let (mcp, warnings) = server("type: mcp, mcp_enabled: true, mcp_transport: sse").unwrap();
        assert!(mcp.is_some_and(|mcp| mcp.transport == McpTransport::Sse));
        assert_eq!(warnings, "");
        let (mcp, warnings) = server("type: mcp").unwrap();
        assert!(mcp.is_none() && warnings.contains("write `mcp_enabled: true`"), "{warnings}");
        let (mcp, warnings) = server("type: local, mcp_enabled: true").unwrap();
        assert!(mcp.is_none() && warnings.contains("`mcp_enabled` has no effect"), "{warnings}");
        let error = server("type: mcp, mcp_enabled: true, mcp_transport: websocket").unwrap_err();
        assert!(error.contains("transport `websocket` is unknown; use `http` or `sse`"), "{error}");
        let error = server("type: lambda").unwrap_err();
        assert!(error.contains("feature server `lambda` is unknown; use `local` or `mcp`"), "{error}");
    }

    #[test]
    fn no_key_of_a_block_is_passed_over() {
        let config =
            read("project: d\nregistry: r.db\nbatch_engine: {type: local, backend: polars}\n").unwrap();
        let texts: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
        assert!(texts[0].starts_with("feature_store.yaml:3:29: `backend` has no effect: "), "{texts:?}");
        for (block, expected) in [
            (
                "batch_engine: {type: local, beckend: x}",
                "feature_store.yaml:3:29: unknown key `beckend` in `batch_engine`",
            ),
            (
                "auth: {type: no_auth, client_id: x}",
                "feature_store.yaml:3:23: unknown key `client_id` in `auth`",
            ),
            ("auth: {auth_discovery_url: x}", "unknown key `auth_discovery_url` in `auth`"),
            ("batch_engine: spark.engine", "batch engine `spark.engine` is not supported yet"),
            ("batch_engine: sprk", "batch engine `sprk` is unknown"),
            ("online_store: {type: sled, cache_size_mb: 0}", "`cache_size_mb` is 0; write at least 1"),
            (
                "materialization: {online_write_batch_size: 0}",
                "`online_write_batch_size` cannot be 0; write a number of rows",
            ),
        ] {
            let error = read(&format!("project: d\nregistry: r.db\n{block}\n")).unwrap_err();
            assert!(error.contains(expected), "{block}: {error}");
        }
    }

    #[test]
    fn stores_may_be_named_by_feasts_classes() {
        for class in ["dask.DaskOfflineStore", "duckdb.DuckDBOfflineStore"] {
            let text = format!(
                "project: d\nregistry: r.db\noffline_store: {{type: feast.infra.offline_stores.{class}}}\n"
            );
            assert_eq!(read(&text).unwrap().offline_store, OfflineStoreConfig::File);
        }
    }

    #[test]
    fn settings_are_shown_in_feasts_order_with_its_defaults() {
        let config = read(
            "mine: 3\nonline_store: {path: $HOME_OF_DATA/x.db}\nregistry: r.db\nproject: demo\ncoerce_tz_aware: true\n",
        )
        .unwrap();
        assert_eq!(
            config.settings.to_string(),
            "project: demo\nregistry: r.db\nonline_store:\n  path: /srv/data/x.db\nauth:\n  type: no_auth\n\
             offline_store: dask\nbatch_engine: local\ncoerce_tz_aware: true\nmine: 3\n"
        );
    }

    #[test]
    fn differences_from_feast_are_taken_back_one_by_one() {
        let compat = |block: &str| read(&format!("project: d\nregistry: r.db\ncompat: {block}\n"));
        assert_eq!(compat("{}").unwrap().compat, CompatConfig::default());
        let config = compat("{dask_drop_rows: true, online_ttl: status}").unwrap();
        let expected = CompatConfig {
            dask_drop_rows: true,
            online_ttl: Some(OnlineTtl::Status),
            ..CompatConfig::default()
        };
        assert_eq!((config.compat, config.warnings), (expected, vec![]));
        for word in ["null", "'null'"] {
            let config = compat(&format!("{{online_ttl: {word}}}")).unwrap();
            assert_eq!(config.compat.online_ttl, Some(OnlineTtl::Null));
        }
        for (block, expected) in [
            (
                "{dask_drop_row: true}",
                "feature_store.yaml:3:10: unknown key `dask_drop_row` in `compat`; did you mean `dask_drop_rows`?",
            ),
            ("{online_ttl: drop}", "feature_store.yaml:3:22: `online_ttl` cannot be `drop`"),
            ("{skip_null_writes: 3}", "`skip_null_writes`"),
        ] {
            let error = compat(block).unwrap_err();
            assert!(error.contains(expected), "{block}: {error}");
        }
    }

    fn auth(block: &str) -> Result<RepoConfig, String> {
        read(&format!("project: demo\nregistry: r.db\nauth: {{{block}}}\n"))
    }

    #[test]
    fn a_provider_of_tokens_is_read_with_feasts_defaults() {
        let config = auth("type: oidc, auth_discovery_url: 'https://idp/x', client_id: feast").unwrap();
        assert_eq!(config.warnings, []);
        let AuthConfig::Oidc(oidc) = config.auth else { panic!("{:?}", config.auth) };
        assert_eq!(oidc.discovery_url.as_deref(), Some("https://idp/x"));
        assert_eq!((oidc.audience, oidc.issuer, oidc.verify_ssl), (None, None, true));
        assert_eq!((oidc.key_lifespan.as_secs(), oidc.request_timeout.as_secs()), (300, 10));
        assert_eq!(oidc.client, OidcClientConfig::Unsaid);
        let config = auth(
            "type: oidc, audience: a, issuer: i, verify_ssl: false, ca_cert_path: ca.pem, ui_client_id: x, \
             jwks_cache_lifespan_seconds: 5, jwks_request_timeout_seconds: 0.5, token: s3cret",
        );
        let config = config.unwrap();
        assert_eq!(config.warnings.len(), 1, "of `ui_client_id`");
        assert!(!format!("{config:?} {}", config.warnings[0]).contains("s3cret"));
        let AuthConfig::Oidc(oidc) = config.auth else { panic!("{:?}", config.auth) };
        assert_eq!(oidc.ca_cert_path, Some(PathBuf::from("/repo/ca.pem")));
        assert_eq!((oidc.key_lifespan.as_secs(), oidc.request_timeout.as_millis()), (5, 500));
        assert!(matches!(oidc.client, OidcClientConfig::Token(token) if token.expose() == "s3cret"));
        let AuthConfig::Kubernetes(cluster) = auth("type: kubernetes").unwrap().auth else { panic!() };
        assert_eq!(cluster, KubernetesConfig::default());
        let config = auth("type: kubernetes, user_token: t, service_account: sa, cluster: x").unwrap();
        assert!(config.warnings[0].to_string().contains("`cluster`"), "{}", config.warnings[0]);
        let AuthConfig::Kubernetes(cluster) = config.auth else { panic!() };
        assert_eq!(cluster.service_account, Some(PathBuf::from("/repo/sa")));
        assert_eq!(cluster.user_token.unwrap().expose(), "t");
    }

    #[test]
    fn half_a_way_to_a_token_and_two_ways_are_problems() {
        for (block, expected) in [
            ("type: oidc, token: a, token_env_var: B", "several ways to a token"),
            ("type: oidc, client_secret: a, client_id: b", "but not `auth_discovery_url`"),
            ("type: oidc, client_secret: a, client_id: b, auth_discovery_url: u, username: x", "`password`"),
            ("type: oidc, username: x, password: y", "but not `client_secret`"),
            ("type: oidc, jwks_cache_lifespan_seconds: 0", "no number of seconds above zero"),
            ("type: oidc, jwks_request_timeout_seconds: soon", "no number of seconds above zero"),
            ("type: oidc, audiance: a", "unknown key `audiance` in `auth`"),
            ("type: OIDC", "auth `OIDC` is unknown"),
            ("type: no_auth}\nauth_config: {type: oidc", "are the same section"),
        ] {
            let error = auth(block).unwrap_err();
            assert!(error.contains(expected), "{block}: {error}");
        }
    }

    fn feature_server(block: &str) -> Result<RepoConfig, String> {
        read(&format!("project: demo\nregistry: r.db\nfeature_server: {{{block}}}\n"))
    }

    #[test]
    fn what_a_server_does_beside_answering_is_read_with_feasts_defaults() {
        let config = feature_server("").unwrap().feature_server;
        assert_eq!(config, FeatureServerConfig::default());
        assert!(!config.metrics.enabled && config.metrics.push);
        let config = feature_server(
            "type: local, metrics: {enabled: true, push: false, feature_count_bins: [1, 5]}, \
             feature_logging: {enabled: true, flush_interval_secs: 7, write_to_disk_interval_secs: 9}, \
             offline_push_batching_enabled: true, offline_push_batching_batch_size: 100, \
             offline_push_batching_batch_interval_seconds: 5",
        )
        .unwrap();
        assert_eq!(config.warnings, []);
        let config = config.feature_server;
        assert_eq!(config.metrics.feature_count_bins, [1, 5]);
        assert!(config.metrics.enabled && !config.metrics.push && config.metrics.freshness);
        let batching = config.offline_push_batching.unwrap();
        assert_eq!((batching.batch_size.get(), batching.batch_interval), (100, Duration::from_secs(5)));
        let logging = config.feature_logging.unwrap();
        assert_eq!((logging.queue_capacity.get(), logging.flush_interval), (100_000, Duration::from_secs(7)));
    }

    #[test]
    fn the_audit_log_is_read_with_feasts_defaults() {
        let audit = |block: &str| feature_server(block).map(|config| config.feature_server.audit_logging);
        assert_eq!(audit("audit_logging: {enabled: false, sink: file}").unwrap(), None);
        let config = audit("audit_logging: {enabled: true}").unwrap().unwrap();
        assert_eq!(config, AuditLoggingConfig { sink: AuditSink::Stdout, log_successful_reads: true });
        let config = audit("audit_logging: {enabled: true, sink: file, log_successful_reads: false}");
        let path = PathBuf::from("/repo/feast_audit.log");
        let expected = AuditLoggingConfig { sink: AuditSink::File { path }, log_successful_reads: false };
        assert_eq!(config.unwrap().unwrap(), expected);
        let error = audit("audit_logging: {enabled: true, sink: syslog}").unwrap_err();
        assert!(error.contains("audit sink `syslog` is unknown"), "{error}");
    }

    #[test]
    fn a_batch_without_size_is_a_remark_and_a_wrong_switch_a_problem() {
        let config = feature_server("offline_push_batching_enabled: true").unwrap();
        assert_eq!(config.feature_server.offline_push_batching, None);
        assert_eq!(config.warnings.len(), 1);
        assert!(config.warnings[0].to_string().contains("offline_push_batching_batch_size"));
        for (block, expected) in [
            ("metrics: {enabled: 3}", "`enabled`"),
            ("metrics: {feature_count_bins: [5, 5]}", "ascend"),
            ("metrics: {push_metrics: true}", "unknown key `push_metrics` in `metrics`"),
            ("offline_push_batching_enabled: true, offline_push_batching_batch_size: 0", "write at least 1"),
        ] {
            let error = feature_server(block).unwrap_err();
            assert!(error.contains(expected), "{block}: {error}");
        }
    }

    #[test]
    fn a_missing_file_is_not_found() {
        let problems = RepoConfig::load(Path::new("/nonexistent")).unwrap_err();
        assert_eq!(problems.kind(), ErrorKind::NotFound);
    }

    #[test]
    fn a_variables_value_is_never_shown() {
        let error = read("project: demo\nregistry: r.db\nprovider: $HOME_OF_DATA\n").unwrap_err();
        assert!(error.contains("3 | provider: $HOME_OF_DATA"), "{error}");
    }
}
