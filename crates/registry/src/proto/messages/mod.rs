//! The messages. Enums are their numbers; a `oneof` is one optional field for each case.

mod dataset;
mod on_demand;
mod permission;
mod service;
mod source;
mod view;

use std::collections::BTreeMap;

use prost::Message;
use prost_types::Timestamp;

pub(crate) use self::dataset::*;
pub(crate) use self::on_demand::*;
pub(crate) use self::permission::*;
pub(crate) use self::service::*;
pub(crate) use self::source::*;
pub(crate) use self::view::*;

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
    #[prost(bool, tag = "5")]
    pub(crate) vector_index: bool,
    #[prost(string, tag = "6")]
    pub(crate) vector_search_metric: String,
    #[prost(int32, tag = "7")]
    pub(crate) vector_length: i32,
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
