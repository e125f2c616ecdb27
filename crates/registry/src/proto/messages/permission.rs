//! Permissions.

use std::collections::BTreeMap;

use prost::Message;

use super::Meta;

/// `feast.core.Permission`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Permission {
    #[prost(message, optional, tag = "1")]
    pub(crate) spec: Option<PermissionSpec>,
    #[prost(message, optional, tag = "2")]
    pub(crate) meta: Option<Meta>,
}

/// `feast.core.PermissionSpec`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct PermissionSpec {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) project: String,
    #[prost(int32, repeated, tag = "3")]
    pub(crate) types: Vec<i32>,
    #[prost(string, repeated, tag = "4")]
    pub(crate) name_patterns: Vec<String>,
    #[prost(btree_map = "string, string", tag = "5")]
    pub(crate) required_tags: BTreeMap<String, String>,
    #[prost(int32, repeated, tag = "6")]
    pub(crate) actions: Vec<i32>,
    #[prost(message, optional, tag = "7")]
    pub(crate) policy: Option<Policy>,
    #[prost(btree_map = "string, string", tag = "8")]
    pub(crate) tags: BTreeMap<String, String>,
}

/// `feast.core.Policy`
#[derive(Clone, PartialEq, Message)]
#[expect(clippy::struct_field_names, reason = "the names are Feast's")]
pub(crate) struct Policy {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) project: String,
    #[prost(message, optional, tag = "3")]
    pub(crate) role_based_policy: Option<NamesPolicy>,
    #[prost(message, optional, tag = "4")]
    pub(crate) group_based_policy: Option<NamesPolicy>,
    #[prost(message, optional, tag = "5")]
    pub(crate) namespace_based_policy: Option<NamesPolicy>,
    #[prost(message, optional, tag = "6")]
    pub(crate) combined_group_namespace_policy: Option<CombinedPolicy>,
}

/// `RoleBasedPolicy`, `GroupBasedPolicy` and `NamespaceBasedPolicy`, which are alike.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct NamesPolicy {
    #[prost(string, repeated, tag = "1")]
    pub(crate) names: Vec<String>,
}

/// `feast.core.CombinedGroupNamespacePolicy`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct CombinedPolicy {
    #[prost(string, repeated, tag = "1")]
    pub(crate) groups: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub(crate) namespaces: Vec<String>,
}
