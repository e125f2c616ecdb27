//! The messages. Enums are their numbers; a `oneof` is one optional field for each case.

use std::collections::BTreeMap;

use prost::Message;
use prost_types::{Duration, Timestamp};

/// `feast.core.FeatureSpecV2`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct FeatureSpecV2 {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(int32, tag = "2")]
    pub(crate) value_type: i32,
    #[prost(btree_map = "string, string", tag = "3")]
    pub(crate) tags: BTreeMap<String, String>,
    #[prost(string, tag = "4")]
    pub(crate) description: String,
}

/// `feast.core.DataSource`
#[derive(Clone, PartialEq, Message)]
#[expect(clippy::struct_field_names, reason = "the names are Feast's")]
pub(crate) struct DataSource {
    #[prost(int32, tag = "1")]
    pub(crate) source_type: i32,
    #[prost(btree_map = "string, string", tag = "2")]
    pub(crate) field_mapping: BTreeMap<String, String>,
    #[prost(string, tag = "3")]
    pub(crate) timestamp_field: String,
    #[prost(string, tag = "5")]
    pub(crate) created_timestamp_column: String,
    #[prost(message, optional, tag = "11")]
    pub(crate) file_options: Option<FileOptions>,
    #[prost(string, tag = "17")]
    pub(crate) data_source_class_type: String,
    #[prost(message, optional, tag = "18")]
    pub(crate) request_data_options: Option<RequestDataOptions>,
    #[prost(string, tag = "20")]
    pub(crate) name: String,
    #[prost(string, tag = "21")]
    pub(crate) project: String,
    #[prost(string, tag = "23")]
    pub(crate) description: String,
    #[prost(btree_map = "string, string", tag = "24")]
    pub(crate) tags: BTreeMap<String, String>,
    #[prost(string, tag = "25")]
    pub(crate) owner: String,
    #[prost(message, optional, boxed, tag = "26")]
    pub(crate) batch_source: Option<Box<DataSource>>,
    #[prost(message, optional, tag = "50")]
    pub(crate) meta: Option<SourceMeta>,
}

/// `feast.core.DataSource.SourceType`, the kinds that larder has.
pub(crate) mod source_type {
    pub(crate) const BATCH_FILE: i32 = 1;
    pub(crate) const REQUEST_SOURCE: i32 = 7;
    pub(crate) const PUSH_SOURCE: i32 = 9;
}

/// `feast.core.DataSource.SourceMeta`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SourceMeta {
    #[prost(message, optional, tag = "3")]
    pub(crate) created_timestamp: Option<Timestamp>,
    #[prost(message, optional, tag = "4")]
    pub(crate) last_updated_timestamp: Option<Timestamp>,
}

/// `feast.core.DataSource.FileOptions`. Without a format it is Parquet.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct FileOptions {
    #[prost(string, tag = "2")]
    pub(crate) uri: String,
}

/// `feast.core.DataSource.RequestDataOptions`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct RequestDataOptions {
    #[prost(btree_map = "string, int32", tag = "2")]
    pub(crate) deprecated_schema: BTreeMap<String, i32>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) schema: Vec<FeatureSpecV2>,
}

/// `EntityMeta`, `FeatureServiceMeta` and `ProjectMeta`, which are alike.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Meta {
    #[prost(message, optional, tag = "1")]
    pub(crate) created_timestamp: Option<Timestamp>,
    #[prost(message, optional, tag = "2")]
    pub(crate) last_updated_timestamp: Option<Timestamp>,
}

/// `feast.core.Entity`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Entity {
    #[prost(message, optional, tag = "1")]
    pub(crate) spec: Option<EntitySpecV2>,
    #[prost(message, optional, tag = "2")]
    pub(crate) meta: Option<Meta>,
}

/// `feast.core.EntitySpecV2`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct EntitySpecV2 {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(int32, tag = "2")]
    pub(crate) value_type: i32,
    #[prost(string, tag = "3")]
    pub(crate) description: String,
    #[prost(string, tag = "4")]
    pub(crate) join_key: String,
    #[prost(btree_map = "string, string", tag = "8")]
    pub(crate) tags: BTreeMap<String, String>,
    #[prost(string, tag = "9")]
    pub(crate) project: String,
    #[prost(string, tag = "10")]
    pub(crate) owner: String,
}

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
    #[prost(string, tag = "7")]
    pub(crate) created_timestamp_column: String,
    #[prost(message, optional, tag = "8")]
    pub(crate) batch_source: Option<DataSource>,
    #[prost(message, optional, tag = "9")]
    pub(crate) stream_source: Option<DataSource>,
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
    /// Larder has no feature logging yet; what a service from Feast says about it is kept as it is.
    #[prost(bytes = "vec", optional, tag = "7")]
    pub(crate) logging_config: Option<Vec<u8>>,
}

/// `feast.core.FeatureView`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct FeatureView {
    #[prost(message, optional, tag = "1")]
    pub(crate) spec: Option<FeatureViewSpec>,
    #[prost(message, optional, tag = "2")]
    pub(crate) meta: Option<FeatureViewMeta>,
}

/// `feast.core.FeatureViewSpec`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct FeatureViewSpec {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) project: String,
    #[prost(string, repeated, tag = "3")]
    pub(crate) entities: Vec<String>,
    #[prost(message, repeated, tag = "4")]
    pub(crate) features: Vec<FeatureSpecV2>,
    #[prost(btree_map = "string, string", tag = "5")]
    pub(crate) tags: BTreeMap<String, String>,
    #[prost(message, optional, tag = "6")]
    pub(crate) ttl: Option<Duration>,
    #[prost(message, optional, tag = "7")]
    pub(crate) batch_source: Option<DataSource>,
    #[prost(bool, tag = "8")]
    pub(crate) online: bool,
    #[prost(message, optional, tag = "9")]
    pub(crate) stream_source: Option<DataSource>,
    #[prost(string, tag = "10")]
    pub(crate) description: String,
    #[prost(string, tag = "11")]
    pub(crate) owner: String,
    #[prost(message, repeated, tag = "12")]
    pub(crate) entity_columns: Vec<FeatureSpecV2>,
    #[prost(bool, tag = "13")]
    pub(crate) offline: bool,
    #[prost(string, tag = "18")]
    pub(crate) version: String,
    #[prost(string, tag = "19")]
    pub(crate) org: String,
    #[prost(bool, tag = "20")]
    pub(crate) disabled: bool,
}

/// `feast.core.FeatureViewMeta`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct FeatureViewMeta {
    #[prost(message, optional, tag = "1")]
    pub(crate) created_timestamp: Option<Timestamp>,
    #[prost(message, optional, tag = "2")]
    pub(crate) last_updated_timestamp: Option<Timestamp>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) materialization_intervals: Vec<MaterializationInterval>,
    #[prost(int32, tag = "4")]
    pub(crate) current_version_number: i32,
    #[prost(string, tag = "5")]
    pub(crate) version_id: String,
    #[prost(int32, tag = "6")]
    pub(crate) state: i32,
}

/// `feast.core.FeatureViewState`, as far as larder sets it.
pub(crate) mod state {
    pub(crate) const UNSPECIFIED: i32 = 0;
    pub(crate) const AVAILABLE_ONLINE: i32 = 4;
}

/// `feast.core.MaterializationInterval`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct MaterializationInterval {
    #[prost(message, optional, tag = "1")]
    pub(crate) start_time: Option<Timestamp>,
    #[prost(message, optional, tag = "2")]
    pub(crate) end_time: Option<Timestamp>,
}

/// `feast.core.OnDemandFeatureView`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct OnDemandFeatureView {
    #[prost(message, optional, tag = "1")]
    pub(crate) spec: Option<OnDemandFeatureViewSpec>,
    #[prost(message, optional, tag = "2")]
    pub(crate) meta: Option<OnDemandFeatureViewMeta>,
}

/// `feast.core.OnDemandFeatureViewMeta`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct OnDemandFeatureViewMeta {
    #[prost(message, optional, tag = "1")]
    pub(crate) created_timestamp: Option<Timestamp>,
    #[prost(message, optional, tag = "2")]
    pub(crate) last_updated_timestamp: Option<Timestamp>,
    #[prost(int32, tag = "3")]
    pub(crate) current_version_number: i32,
    #[prost(string, tag = "4")]
    pub(crate) version_id: String,
    #[prost(int32, tag = "5")]
    pub(crate) state: i32,
}

/// `feast.core.OnDemandFeatureViewSpec`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct OnDemandFeatureViewSpec {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) project: String,
    #[prost(message, repeated, tag = "3")]
    pub(crate) features: Vec<FeatureSpecV2>,
    #[prost(btree_map = "string, message", tag = "4")]
    pub(crate) sources: BTreeMap<String, OnDemandSource>,
    #[prost(string, tag = "6")]
    pub(crate) description: String,
    #[prost(btree_map = "string, string", tag = "7")]
    pub(crate) tags: BTreeMap<String, String>,
    #[prost(string, tag = "8")]
    pub(crate) owner: String,
    #[prost(message, optional, tag = "10")]
    pub(crate) feature_transformation: Option<FeatureTransformationV2>,
    #[prost(string, tag = "11")]
    pub(crate) mode: String,
    #[prost(bool, tag = "12")]
    pub(crate) write_to_online_store: bool,
    #[prost(string, repeated, tag = "13")]
    pub(crate) entities: Vec<String>,
    #[prost(message, repeated, tag = "14")]
    pub(crate) entity_columns: Vec<FeatureSpecV2>,
    #[prost(string, tag = "17")]
    pub(crate) version: String,
    #[prost(string, tag = "18")]
    pub(crate) org: String,
    #[prost(bool, tag = "19")]
    pub(crate) disabled: bool,
}

/// `feast.core.OnDemandSource`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct OnDemandSource {
    #[prost(message, optional, tag = "1")]
    pub(crate) feature_view: Option<FeatureView>,
    #[prost(message, optional, tag = "2")]
    pub(crate) request_data_source: Option<DataSource>,
    #[prost(message, optional, tag = "3")]
    pub(crate) feature_view_projection: Option<FeatureViewProjection>,
}

/// `feast.core.FeatureTransformationV2`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct FeatureTransformationV2 {
    #[prost(message, optional, tag = "1")]
    pub(crate) user_defined_function: Option<UserDefinedFunctionV2>,
}

/// `feast.core.UserDefinedFunctionV2`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct UserDefinedFunctionV2 {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    /// A Python pickle; never looked into.
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) body: Vec<u8>,
    #[prost(string, tag = "3")]
    pub(crate) body_text: String,
    #[prost(string, tag = "4")]
    pub(crate) mode: String,
}

/// `feast.core.Project`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Project {
    #[prost(message, optional, tag = "1")]
    pub(crate) spec: Option<ProjectSpec>,
    #[prost(message, optional, tag = "2")]
    pub(crate) meta: Option<Meta>,
}

/// `feast.core.ProjectSpec`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ProjectSpec {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) description: String,
    #[prost(btree_map = "string, string", tag = "3")]
    pub(crate) tags: BTreeMap<String, String>,
    #[prost(string, tag = "4")]
    pub(crate) owner: String,
}
