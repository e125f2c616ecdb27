//! Feast's registry messages, as far as larder reads and writes them, and the ways between them and the
//! domain types.
//!
//! Field numbers are Feast's (0.67). The messages are private to this crate: the domain knows nothing of
//! protobuf. What a message does not list is kept by whoever keeps the bytes, see
//! [`Contents`](crate::registry_file).

mod aggregation;
mod chained_sources;
mod data_source;
pub(crate) mod descriptor;
mod entity;
mod external_table;
#[cfg(test)]
mod feast_protos;
mod feature_service;
mod feature_view;
mod field;
mod label_view;
mod messages;
mod mlflow_source;
mod on_demand_feature_view;
mod permission;
mod projection;
mod python_function;
mod saved_dataset;
pub(crate) mod soundness;
mod span;
mod stream_feature_view;
mod stream_source;
pub(crate) mod table_format;
mod time;
mod type_tags;
pub(crate) mod unknown_fields;
pub(crate) mod wire;

pub(crate) use chained_sources::inherited_names;
pub(crate) use data_source::{DataSourceEncoder, data_source_from_proto, source_name, usual_class};
pub(crate) use descriptor::source_type_number;
pub(crate) use entity::{dummy_entity_to_proto, entity_from_proto, entity_to_proto};
pub(crate) use feature_service::{feature_service_from_proto, feature_service_to_proto};
pub(crate) use feature_view::{
    entity_keys, feature_view_from_proto, feature_view_to_proto, interval_to_proto, intervals_from_proto,
    view_class,
};
pub(crate) use label_view::{label_view_from_proto, label_view_to_proto};
pub(crate) use messages::*;
pub(crate) use on_demand_feature_view::{
    SpecSource, component_tags, on_demand_feature_view_from_proto, on_demand_feature_view_to_proto,
    on_demand_sources, python_of, transformation_of, transformation_of_tags,
};
pub(crate) use permission::{permission_from_proto, permission_to_proto, policy_from_proto};
pub(crate) use projection::Views;
pub(crate) use saved_dataset::{
    dataset_profile_tag, saved_dataset_from_proto, saved_dataset_to_proto, validation_reference_from_proto,
    validation_reference_to_proto,
};
pub(crate) use stream_feature_view::{stream_feature_view_from_proto, stream_feature_view_to_proto};
pub(crate) use time::{time_from_proto, time_to_proto};
pub(crate) use type_tags::{author_tags, value_type_of};

/// Tags that begin so are larder's own and hidden from the domain.
pub(crate) const RESERVED_TAG_PREFIX: &str = "larder.dev/";

/// Why an object of a registry cannot be used here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unsupported {
    #[error("larder has no value type of number {number} yet")]
    ValueType { number: i32 },
    #[error("data sources of type {number} are not supported yet")]
    SourceType { number: i32 },
    #[error("it lacks its `{part}`")]
    Incomplete { part: &'static str },
    #[error("its tag `{part}` cannot be read")]
    Damaged { part: &'static str },
}

/// Takes the user's tags out of all tags.
pub(crate) fn visible_tags(
    tags: &std::collections::BTreeMap<String, String>,
) -> std::collections::BTreeMap<String, String> {
    let visible = tags.iter().filter(|(key, _)| !key.starts_with(RESERVED_TAG_PREFIX));
    visible.map(|(key, value)| (key.clone(), value.clone())).collect()
}
