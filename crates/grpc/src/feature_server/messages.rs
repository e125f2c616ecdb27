//! The messages of the services, as far as larder reads and writes them. `feast.types.Value`s are left encoded.

use std::collections::HashMap;

use bytes::Bytes;
use larder_core::Result;
use larder_plan::Selection;
use larder_serving::OnlineRequest;
use prost::{Message, Oneof};

use super::rows::entity_columns;

/// `feast.serving.GetOnlineFeaturesRequest`
#[derive(Clone, PartialEq, Message)]
pub(super) struct GetOnlineFeatures {
    #[prost(oneof = "Kind", tags = "1, 2")]
    pub(super) kind: Option<Kind>,
    #[prost(map = "string, message", tag = "3")]
    pub(super) entities: HashMap<String, RepeatedValue>,
    #[prost(bool, tag = "4")]
    pub(super) full_feature_names: bool,
    #[prost(map = "string, message", tag = "5")]
    pub(super) request_context: HashMap<String, RepeatedValue>,
    #[prost(bool, tag = "6")]
    pub(super) include_feature_view_version_metadata: bool,
}

/// What is asked for.
#[derive(Clone, PartialEq, Oneof)]
pub(super) enum Kind {
    #[prost(string, tag = "1")]
    FeatureService(String),
    #[prost(message, tag = "2")]
    Features(FeatureList),
}

/// `feast.serving.FeatureList`
#[derive(Clone, PartialEq, Message)]
pub(super) struct FeatureList {
    #[prost(string, repeated, tag = "1")]
    pub(super) val: Vec<String>,
}

/// `feast.types.RepeatedValue`
#[derive(Clone, PartialEq, Message)]
pub(super) struct RepeatedValue {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub(super) val: Vec<Bytes>,
}

impl GetOnlineFeatures {
    /// # Errors
    ///
    /// [`RequestError`](larder_core::RequestError) for values that are none, and for a column that is there twice.
    pub(super) fn into_request(self) -> Result<OnlineRequest> {
        let selection = match self.kind {
            Some(Kind::FeatureService(name)) => Selection::Service(name),
            Some(Kind::Features(features)) => Selection::References(features.val),
            None => Selection::References(Vec::new()),
        };
        let entities = entity_columns(self.entities, self.request_context)?;
        Ok(OnlineRequest { selection, entities, full_feature_names: self.full_feature_names })
    }
}

/// `PushRequest`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Push {
    #[prost(map = "string, string", tag = "1")]
    pub(super) features: HashMap<String, String>,
    /// The push source; it is Feast that calls it so.
    #[prost(string, tag = "2")]
    pub(super) stream_feature_view: String,
    #[prost(bool, tag = "3")]
    pub(super) allow_registry_cache: bool,
    #[prost(string, tag = "4")]
    pub(super) to: String,
    #[prost(map = "string, bytes", tag = "5")]
    pub(super) typed_features: HashMap<String, Vec<u8>>,
}

/// `WriteToOnlineStoreRequest`
#[derive(Clone, PartialEq, Message)]
pub(super) struct WriteToOnlineStore {
    #[prost(map = "string, string", tag = "1")]
    pub(super) features: HashMap<String, String>,
    #[prost(string, tag = "2")]
    pub(super) feature_view_name: String,
    #[prost(bool, tag = "3")]
    pub(super) allow_registry_cache: bool,
    #[prost(map = "string, bytes", tag = "4")]
    pub(super) typed_features: HashMap<String, Vec<u8>>,
}

/// `PushResponse` and `WriteToOnlineStoreResponse`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Acknowledged {
    #[prost(bool, tag = "1")]
    pub(super) status: bool,
}

/// `feast.serving.GetFeastServingInfoRequest`
#[derive(Clone, PartialEq, Message)]
pub(super) struct GetFeastServingInfo {}

/// `feast.serving.GetFeastServingInfoResponse`
#[derive(Clone, PartialEq, Message)]
pub(super) struct ServingInfo {
    #[prost(string, tag = "1")]
    pub(super) version: String,
}
