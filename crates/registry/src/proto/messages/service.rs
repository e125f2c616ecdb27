//! Feature services and projections.

use std::collections::BTreeMap;

use prost::Message;

use super::{DataSource, FeatureSpecV2, Meta};

/// `feast.core.FeatureViewProjection`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct FeatureViewProjection {
    #[prost(string, tag = "1")]
    pub(crate) feature_view_name: String,
    #[prost(message, repeated, tag = "2")]
    pub(crate) feature_columns: Vec<FeatureSpecV2>,
    #[prost(string, tag = "3")]
    pub(crate) feature_view_name_alias: String,
    #[prost(btree_map = "string, string", tag = "4")]
    pub(crate) join_key_map: BTreeMap<String, String>,
    #[prost(string, tag = "5")]
    pub(crate) timestamp_field: String,
    #[prost(string, tag = "6")]
    pub(crate) date_partition_column: String,
    #[prost(string, tag = "7")]
    pub(crate) created_timestamp_column: String,
    #[prost(message, optional, tag = "8")]
    pub(crate) batch_source: Option<DataSource>,
    #[prost(message, optional, tag = "9")]
    pub(crate) stream_source: Option<DataSource>,
    #[prost(int32, optional, tag = "10")]
    pub(crate) version_tag: Option<i32>,
    #[prost(string, tag = "11")]
    pub(crate) view_type: String,
}

/// `feast.core.FeatureService`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct FeatureService {
    #[prost(message, optional, tag = "1")]
    pub(crate) spec: Option<FeatureServiceSpec>,
    #[prost(message, optional, tag = "2")]
    pub(crate) meta: Option<Meta>,
}

/// `feast.core.FeatureServiceSpec`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct FeatureServiceSpec {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) project: String,
    #[prost(message, repeated, tag = "3")]
    pub(crate) features: Vec<FeatureViewProjection>,
    #[prost(btree_map = "string, string", tag = "4")]
    pub(crate) tags: BTreeMap<String, String>,
    #[prost(string, tag = "5")]
    pub(crate) description: String,
    #[prost(string, tag = "6")]
    pub(crate) owner: String,
    #[prost(message, optional, tag = "7")]
    pub(crate) logging_config: Option<LoggingConfig>,
    #[prost(bool, tag = "8")]
    pub(crate) precompute_online: bool,
}

/// `feast.core.LoggingConfig`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct LoggingConfig {
    #[prost(float, tag = "1")]
    pub(crate) sample_rate: f32,
    #[prost(message, optional, tag = "3")]
    pub(crate) file_destination: Option<FileDestination>,
    #[prost(message, optional, tag = "4")]
    pub(crate) bigquery_destination: Option<TableDestination>,
    #[prost(message, optional, tag = "5")]
    pub(crate) redshift_destination: Option<TableDestination>,
    #[prost(message, optional, tag = "6")]
    pub(crate) snowflake_destination: Option<TableDestination>,
    #[prost(message, optional, tag = "7")]
    pub(crate) custom_destination: Option<CustomDestination>,
    #[prost(message, optional, tag = "8")]
    pub(crate) athena_destination: Option<TableDestination>,
    #[prost(message, optional, tag = "9")]
    pub(crate) couchbase_columnar_destination: Option<CouchbaseDestination>,
}

/// `feast.core.LoggingConfig.FileDestination`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct FileDestination {
    #[prost(string, tag = "1")]
    pub(crate) path: String,
    #[prost(string, tag = "2")]
    pub(crate) s3_endpoint_override: String,
    #[prost(string, repeated, tag = "3")]
    pub(crate) partition_by: Vec<String>,
}

/// The destinations of `feast.core.LoggingConfig` that are one table, which are alike.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct TableDestination {
    #[prost(string, tag = "1")]
    pub(crate) table: String,
}

/// `feast.core.LoggingConfig.CustomDestination`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct CustomDestination {
    #[prost(string, tag = "1")]
    pub(crate) kind: String,
    #[prost(btree_map = "string, string", tag = "2")]
    pub(crate) config: BTreeMap<String, String>,
}

/// `feast.core.LoggingConfig.CouchbaseColumnarDestination`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct CouchbaseDestination {
    #[prost(string, tag = "1")]
    pub(crate) database: String,
    #[prost(string, tag = "2")]
    pub(crate) scope: String,
    #[prost(string, tag = "3")]
    pub(crate) collection: String,
}
