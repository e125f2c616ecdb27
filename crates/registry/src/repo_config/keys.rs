//! Feast's keys of `feature_store.yaml`, and what becomes of those that do nothing here.

/// Stores of Feast that larder does not have yet.
pub(super) const ONLINE_STORES_LATER: [&str; 23] = [
    "redis",
    "dynamodb",
    "postgres",
    "mysql",
    "snowflake.online",
    "bigtable",
    "datastore",
    "hbase",
    "cassandra",
    "scylladb",
    "hazelcast",
    "elasticsearch",
    "remote",
    "singlestore",
    "qdrant",
    "couchbase.online",
    "milvus",
    "mongodb",
    "faiss",
    "hybrid",
    "aerospike",
    "chronon",
    "azure",
];

/// Offline stores of Feast that larder does not have yet.
pub(super) const OFFLINE_STORES_LATER: [&str; 15] = [
    "bigquery",
    "redshift",
    "snowflake.offline",
    "spark",
    "trino",
    "postgres",
    "athena",
    "mssql",
    "clickhouse",
    "ray",
    "oracle",
    "remote",
    "couchbase.offline",
    "hybrid",
    "chronon",
];

/// Registries of Feast that larder does not have yet.
pub(super) const REGISTRIES_LATER: [&str; 3] = ["sql", "snowflake.registry", "remote"];

/// Batch engines of Feast that larder does not have.
pub(super) const BATCH_ENGINES_LATER: [&str; 9] = [
    "snowflake.engine",
    "lambda",
    "k8s",
    "spark.engine",
    "ray.engine",
    "flink.engine",
    "spark_application",
    "trino.engine",
    "trino",
];

/// What becomes of a key of Feast's that larder does not act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// larder behaves as if it were set, or it has no meaning here: nothing to say.
    Silent,
    /// It has no effect, which the user should know.
    Remark(&'static str),
}

/// Top-level keys that are not read into the configuration.
pub(super) const TOP_LEVEL: [(&str, Fate); 3] = [
    ("flags", Fate::Remark("larder has no feature flags")),
    ("embedding_model", Fate::Remark("larder makes no vectors of texts; a search sends a vector, or words")),
    ("repo_path", Fate::Remark("the repo is the folder of the file")),
];

/// Keys of the block of a SQLite online store that are not read into the configuration.
pub(super) const SQLITE: [(&str, Fate); 4] = [
    ("vector_enabled", Fate::Remark("vectors are searched without an index, and Feast's is not written")),
    ("similarity", Fate::Remark("a search says its metric, or the field does")),
    ("text_search_enabled", Fate::Remark("texts are searched without it")),
    ("enable_openai_compatible_store", Fate::Remark("filters of a search need no column of their own")),
];

/// Keys of an OIDC block that are not read into the configuration.
pub(super) const AUTH_OIDC: [(&str, Fate); 2] = [
    ("ui_client_id", Fate::Remark("there is no web page that users sign in to")),
    ("token_refresh_margin_seconds", Fate::Remark("every command asks for a token of its own")),
];

const DATABASE: &str = "the registry is a file, not a database";

/// Keys of the registry block that are not read into the configuration.
pub(super) const REGISTRY: [(&str, Fate); 9] = [
    (
        "cache_ttl_seconds",
        Fate::Remark(
            "commands always read the file, and a server looks at it as `--registry_ttl_sec` of `serve` says",
        ),
    ),
    ("cache_mode", Fate::Remark("a changed registry file is always seen at once")),
    ("s3_additional_kwargs", Fate::Remark("registries on S3 are not supported yet")),
    ("registry_store_type", Fate::Remark("the registry is a local file")),
    ("purge_feast_metadata", Fate::Remark("only registries in databases have such metadata")),
    ("read_path", Fate::Remark(DATABASE)),
    ("sqlalchemy_config_kwargs", Fate::Remark(DATABASE)),
    ("thread_pool_executor_worker_count", Fate::Remark(DATABASE)),
    ("schema_mode", Fate::Remark(DATABASE)),
];

/// Keys of the `feature_server` block that are not read into the configuration.
pub(super) const FEATURE_SERVER: [(&str, Fate); 1] =
    [("transformation_service_endpoint", Fate::Remark("transformations run inside larder"))];

/// Keys of the `metrics` block of `feature_server` that are not read into the configuration.
pub(super) const OTHER_METRICS: [(&str, Fate); 2] = [
    ("offline_features", Fate::Remark("a server builds no training sets")),
    ("audit_logging", Fate::Remark("the audit log is `audit_logging` of `feature_server`")),
];

/// Keys of the `feature_logging` block of `feature_server` that are not read into the configuration.
pub(super) const OTHER_FEATURE_LOGGING: [(&str, Fate); 1] =
    [("emit_timeout_micro_secs", Fate::Remark("a request never waits for its log; a full queue drops it"))];
