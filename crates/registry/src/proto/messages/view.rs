//! Views whose values are stored, and the versions of all views.

use std::collections::BTreeMap;

use prost::Message;
use prost_types::{Duration, Timestamp};

use super::{Aggregation, DataSource, FeatureSpecV2, FeatureTransformationV2, Meta, UserDefinedFunctionV2};

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
#[expect(clippy::struct_excessive_bools, reason = "they are Feast's, and independent of each other")]
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
    #[prost(message, repeated, tag = "14")]
    pub(crate) source_views: Vec<FeatureViewSpec>,
    #[prost(message, optional, tag = "15")]
    pub(crate) feature_transformation: Option<FeatureTransformationV2>,
    #[prost(string, tag = "16")]
    pub(crate) mode: String,
    #[prost(bool, tag = "17")]
    pub(crate) enable_validation: bool,
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

/// `feast.core.MaterializationInterval`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct MaterializationInterval {
    #[prost(message, optional, tag = "1")]
    pub(crate) start_time: Option<Timestamp>,
    #[prost(message, optional, tag = "2")]
    pub(crate) end_time: Option<Timestamp>,
}

/// `feast.core.StreamFeatureView`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct StreamFeatureView {
    #[prost(message, optional, tag = "1")]
    pub(crate) spec: Option<StreamFeatureViewSpec>,
    #[prost(message, optional, tag = "2")]
    pub(crate) meta: Option<FeatureViewMeta>,
}

/// `feast.core.StreamFeatureViewSpec`. Its `features` are all columns, also the join keys.
#[derive(Clone, PartialEq, Message)]
#[expect(clippy::struct_excessive_bools, reason = "they are Feast's, and independent of each other")]
pub(crate) struct StreamFeatureViewSpec {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) project: String,
    #[prost(string, repeated, tag = "3")]
    pub(crate) entities: Vec<String>,
    #[prost(message, repeated, tag = "4")]
    pub(crate) features: Vec<FeatureSpecV2>,
    #[prost(message, repeated, tag = "5")]
    pub(crate) entity_columns: Vec<FeatureSpecV2>,
    #[prost(string, tag = "6")]
    pub(crate) description: String,
    #[prost(btree_map = "string, string", tag = "7")]
    pub(crate) tags: BTreeMap<String, String>,
    #[prost(string, tag = "8")]
    pub(crate) owner: String,
    #[prost(message, optional, tag = "9")]
    pub(crate) ttl: Option<Duration>,
    #[prost(message, optional, tag = "10")]
    pub(crate) batch_source: Option<DataSource>,
    #[prost(message, optional, tag = "11")]
    pub(crate) stream_source: Option<DataSource>,
    #[prost(bool, tag = "12")]
    pub(crate) online: bool,
    /// The function, which Feast writes twice.
    #[prost(message, optional, tag = "13")]
    pub(crate) user_defined_function: Option<UserDefinedFunctionV2>,
    #[prost(string, tag = "14")]
    pub(crate) mode: String,
    #[prost(message, repeated, tag = "15")]
    pub(crate) aggregations: Vec<Aggregation>,
    #[prost(string, tag = "16")]
    pub(crate) timestamp_field: String,
    #[prost(message, optional, tag = "17")]
    pub(crate) feature_transformation: Option<FeatureTransformationV2>,
    #[prost(bool, tag = "18")]
    pub(crate) enable_tiling: bool,
    #[prost(message, optional, tag = "19")]
    pub(crate) tiling_hop_size: Option<Duration>,
    #[prost(bool, tag = "20")]
    pub(crate) enable_validation: bool,
    #[prost(string, tag = "21")]
    pub(crate) version: String,
    #[prost(string, tag = "22")]
    pub(crate) org: String,
    #[prost(bool, tag = "23")]
    pub(crate) disabled: bool,
}

/// `feast.core.LabelView`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct LabelView {
    #[prost(message, optional, tag = "1")]
    pub(crate) spec: Option<LabelViewSpec>,
    #[prost(message, optional, tag = "2")]
    pub(crate) meta: Option<Meta>,
}

/// `feast.core.LabelViewSpec`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct LabelViewSpec {
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
    pub(crate) source: Option<DataSource>,
    #[prost(bool, tag = "8")]
    pub(crate) online: bool,
    #[prost(string, tag = "9")]
    pub(crate) description: String,
    #[prost(string, tag = "10")]
    pub(crate) owner: String,
    #[prost(message, repeated, tag = "11")]
    pub(crate) entity_columns: Vec<FeatureSpecV2>,
    #[prost(string, tag = "12")]
    pub(crate) labeler_field: String,
    #[prost(int32, tag = "13")]
    pub(crate) conflict_policy: i32,
    #[prost(bool, tag = "14")]
    pub(crate) retain_history: bool,
    #[prost(string, tag = "15")]
    pub(crate) reference_feature_view: String,
}

/// What `feature_view_type` of a [`FeatureViewVersionRecord`] may be.
pub(crate) mod view_type {
    pub(crate) const FEATURE_VIEW: &str = "feature_view";
    pub(crate) const ON_DEMAND_FEATURE_VIEW: &str = "on_demand_feature_view";
    pub(crate) const STREAM_FEATURE_VIEW: &str = "stream_feature_view";
    pub(crate) const LABEL_VIEW: &str = "label_view";
}

/// `feast.core.FeatureViewVersionRecord`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct FeatureViewVersionRecord {
    #[prost(string, tag = "1")]
    pub(crate) feature_view_name: String,
    #[prost(string, tag = "2")]
    pub(crate) project_id: String,
    #[prost(int32, tag = "3")]
    pub(crate) version_number: i32,
    #[prost(string, tag = "4")]
    pub(crate) feature_view_type: String,
    /// The whole view as it was.
    #[prost(bytes = "vec", tag = "5")]
    pub(crate) feature_view_proto: Vec<u8>,
    #[prost(message, optional, tag = "6")]
    pub(crate) created_timestamp: Option<Timestamp>,
    #[prost(string, tag = "7")]
    pub(crate) description: String,
    #[prost(string, tag = "8")]
    pub(crate) version_id: String,
}
