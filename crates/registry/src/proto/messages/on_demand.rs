//! On-demand feature views, and what functions they and others have.

use std::collections::BTreeMap;

use prost::Message;
use prost_types::{Duration, Timestamp};

use super::{DataSource, FeatureSpecV2, FeatureView, FeatureViewProjection};

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
    /// The function as older versions of Feast wrote it.
    #[prost(message, optional, tag = "5")]
    pub(crate) user_defined_function: Option<UserDefinedFunctionV2>,
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
    #[prost(bool, tag = "15")]
    pub(crate) singleton: bool,
    #[prost(message, repeated, tag = "16")]
    pub(crate) aggregations: Vec<Aggregation>,
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
    /// A query plan; never looked into.
    #[prost(bytes = "vec", optional, tag = "2")]
    pub(crate) substrait_transformation: Option<Vec<u8>>,
}

/// `feast.core.Aggregation`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Aggregation {
    #[prost(string, tag = "1")]
    pub(crate) column: String,
    #[prost(string, tag = "2")]
    pub(crate) function: String,
    #[prost(message, optional, tag = "3")]
    pub(crate) time_window: Option<Duration>,
    #[prost(message, optional, tag = "4")]
    pub(crate) slide_interval: Option<Duration>,
    #[prost(string, tag = "5")]
    pub(crate) name: String,
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
