//! Saved datasets and validation references.

use std::collections::BTreeMap;

use prost::Message;
use prost_types::Timestamp;

use super::FileOptions;

/// `feast.core.SavedDataset`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SavedDataset {
    #[prost(message, optional, tag = "1")]
    pub(crate) spec: Option<SavedDatasetSpec>,
    #[prost(message, optional, tag = "2")]
    pub(crate) meta: Option<SavedDatasetMeta>,
}

/// `feast.core.SavedDatasetSpec`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SavedDatasetSpec {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) project: String,
    #[prost(string, repeated, tag = "3")]
    pub(crate) features: Vec<String>,
    #[prost(string, repeated, tag = "4")]
    pub(crate) join_keys: Vec<String>,
    #[prost(bool, tag = "5")]
    pub(crate) full_feature_names: bool,
    #[prost(message, optional, tag = "6")]
    pub(crate) storage: Option<SavedDatasetStorage>,
    #[prost(btree_map = "string, string", tag = "7")]
    pub(crate) tags: BTreeMap<String, String>,
    #[prost(string, tag = "8")]
    pub(crate) feature_service_name: String,
    #[prost(string, tag = "9")]
    pub(crate) namespace: String,
    #[prost(string, tag = "10")]
    pub(crate) collection: String,
    #[prost(string, tag = "11")]
    pub(crate) description: String,
    /// What is known of its columns, kept as it is.
    #[prost(bytes = "vec", repeated, tag = "12")]
    pub(crate) columns: Vec<Vec<u8>>,
}

/// `feast.core.SavedDatasetStorage`. Its options are those of data sources.
#[derive(Clone, PartialEq, Message)]
#[expect(clippy::struct_field_names, reason = "the names are Feast's")]
pub(crate) struct SavedDatasetStorage {
    #[prost(message, optional, tag = "4")]
    pub(crate) file_storage: Option<FileOptions>,
    #[prost(bytes = "vec", optional, tag = "5")]
    pub(crate) bigquery_storage: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "6")]
    pub(crate) redshift_storage: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "7")]
    pub(crate) snowflake_storage: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "8")]
    pub(crate) trino_storage: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "9")]
    pub(crate) spark_storage: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "10")]
    pub(crate) custom_storage: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "11")]
    pub(crate) athena_storage: Option<Vec<u8>>,
}

/// `feast.core.SavedDatasetMeta`
#[derive(Clone, PartialEq, Message)]
#[expect(clippy::struct_field_names, reason = "the names are Feast's")]
pub(crate) struct SavedDatasetMeta {
    #[prost(message, optional, tag = "1")]
    pub(crate) created_timestamp: Option<Timestamp>,
    #[prost(message, optional, tag = "2")]
    pub(crate) last_updated_timestamp: Option<Timestamp>,
    #[prost(message, optional, tag = "3")]
    pub(crate) min_event_timestamp: Option<Timestamp>,
    #[prost(message, optional, tag = "4")]
    pub(crate) max_event_timestamp: Option<Timestamp>,
}

/// `feast.core.ValidationReference`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ValidationReference {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) reference_dataset_name: String,
    #[prost(string, tag = "3")]
    pub(crate) project: String,
    #[prost(string, tag = "4")]
    pub(crate) description: String,
    #[prost(btree_map = "string, string", tag = "5")]
    pub(crate) tags: BTreeMap<String, String>,
    /// A Python pickle; never looked into.
    #[prost(bytes = "vec", optional, tag = "6")]
    pub(crate) ge_profiler: Option<Vec<u8>>,
    #[prost(message, optional, tag = "7")]
    pub(crate) ge_profile: Option<ValidationProfile>,
}

/// `feast.core.GEValidationProfile`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ValidationProfile {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) expectation_suite: Vec<u8>,
}
