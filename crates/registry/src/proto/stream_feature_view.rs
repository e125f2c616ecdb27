//! Stream feature views.

use std::collections::HashMap;
use std::time::Duration;

use larder_core::{FeatureView, FeatureViewKind, Field, StreamTransformation};

use super::aggregation::{aggregations_from_proto, aggregations_to_proto};
use super::feature_view::{entities_from_proto, entities_to_proto, join_keys, version_from_proto};
use super::field::{field_to_proto, known_fields};
use super::python_function::{function_from_proto, function_of, function_to_proto};
use super::span::{span_from_proto, span_to_proto};
use super::{
    DataSourceEncoder, FeatureTransformationV2, FeatureViewMeta, RESERVED_TAG_PREFIX, StreamFeatureViewSpec,
    Unsupported, source_name, visible_tags,
};
use crate::proto;

/// Feast does not write whether rows may be kept in the history: the tag says so.
fn offline_tag() -> String {
    format!("{RESERVED_TAG_PREFIX}offline")
}

/// `before` is the spec that this one replaces: what larder has no word for is taken over from it.
pub(crate) fn stream_feature_view_to_proto(
    view: &FeatureView,
    project: &str,
    sources: &DataSourceEncoder<'_>,
    meta: FeatureViewMeta,
    before: Option<&StreamFeatureViewSpec>,
) -> proto::StreamFeatureView {
    let FeatureViewKind::Stream(stream) = &view.kind else { return proto::StreamFeatureView::default() };
    let old = before.and_then(|before| {
        function_of(before.feature_transformation.as_ref(), before.user_defined_function.as_ref())
    });
    let function = stream.udf.as_ref().map(|udf| function_to_proto(udf, "", old));
    let mut tags = view.tags.clone();
    if view.offline {
        tags.insert(offline_tag(), "true".to_owned());
    }
    let keys = view.join_keys.iter().filter(|_| !view.is_entityless());
    let spec = StreamFeatureViewSpec {
        name: view.name.clone(),
        project: project.to_owned(),
        entities: entities_to_proto(&view.entities),
        features: view.features.iter().chain(keys).map(field_to_proto).collect(),
        entity_columns: view.join_keys.iter().map(field_to_proto).collect(),
        description: view.description.clone(),
        tags,
        owner: view.owner.clone(),
        ttl: Some(span_to_proto(view.ttl)),
        batch_source: view.batch_source.as_deref().and_then(|name| sources.copy(name)),
        stream_source: view.stream_source.as_deref().and_then(|name| sources.copy(name)),
        online: view.online,
        user_defined_function: function.clone(),
        mode: view.mode.clone(),
        aggregations: aggregations_to_proto(&stream.aggregations),
        timestamp_field: stream.timestamp_field.clone(),
        feature_transformation: function.map(|function| FeatureTransformationV2 {
            user_defined_function: Some(function),
            substrait_transformation: None,
        }),
        enable_tiling: stream.enable_tiling,
        tiling_hop_size: stream.tiling_hop_size.map(span_to_proto),
        enable_validation: view.enable_validation,
        version: view.version.to_string(),
        org: view.org.clone(),
        disabled: !view.enabled,
    };
    proto::StreamFeatureView { spec: Some(spec), meta: Some(meta) }
}

/// As [`feature_view_from_proto`](super::feature_view_from_proto).
pub(crate) fn stream_feature_view_from_proto(
    view: &proto::StreamFeatureView,
    entity_keys: &HashMap<String, Field>,
    unsupported: &mut Vec<(String, Unsupported)>,
) -> Result<FeatureView, Unsupported> {
    let spec = view.spec.as_ref().ok_or(Unsupported::Incomplete { part: "spec" })?;
    let entities = entities_from_proto(&spec.entities);
    let join_keys = join_keys(&entities, &spec.entity_columns, entity_keys)?;
    let is_key = |name: &str| join_keys.iter().any(|key| key.name == name);
    let features: Vec<_> = spec.features.iter().filter(|field| !is_key(&field.name)).cloned().collect();
    let udf = function_of(spec.feature_transformation.as_ref(), spec.user_defined_function.as_ref());
    let stream = StreamTransformation {
        udf: udf.map(function_from_proto),
        aggregations: aggregations_from_proto(&spec.aggregations),
        timestamp_field: spec.timestamp_field.clone(),
        enable_tiling: spec.enable_tiling,
        tiling_hop_size: spec.tiling_hop_size.as_ref().map(span_from_proto),
    };
    Ok(FeatureView {
        name: spec.name.clone(),
        kind: FeatureViewKind::Stream(stream),
        features: known_fields(&features, unsupported),
        entities,
        join_keys,
        ttl: spec.ttl.as_ref().map_or(Duration::ZERO, span_from_proto),
        batch_source: spec.batch_source.as_ref().map(|source| source_name(source).to_owned()),
        stream_source: spec.stream_source.as_ref().map(|source| source_name(source).to_owned()),
        source_views: Vec::new(),
        online: spec.online,
        offline: spec.tags.contains_key(&offline_tag()),
        enabled: !spec.disabled,
        mode: spec.mode.clone(),
        enable_validation: spec.enable_validation,
        version: version_from_proto(&spec.version),
        description: spec.description.clone(),
        tags: visible_tags(&spec.tags),
        owner: spec.owner.clone(),
        org: spec.org.clone(),
    })
}
