//! Label views.

use std::collections::HashMap;
use std::time::Duration;

use larder_core::{ConflictPolicy, FeatureView, FeatureViewKind, Field, LabelRules};

use super::feature_view::{entities_from_proto, entities_to_proto, join_keys};
use super::field::{field_to_proto, known_fields};
use super::span::{span_from_proto, span_to_proto};
use super::{
    DataSourceEncoder, LabelViewSpec, Meta, RESERVED_TAG_PREFIX, Unsupported, source_name, source_type,
    visible_tags,
};
use crate::proto;

/// Feast's label views are always enabled: the tag says otherwise.
fn disabled_tag() -> String {
    format!("{RESERVED_TAG_PREFIX}disabled")
}

/// `before` is the spec that this one replaces: what larder has no word for is taken over from it.
pub(crate) fn label_view_to_proto(
    view: &FeatureView,
    project: &str,
    sources: &DataSourceEncoder<'_>,
    meta: Meta,
    before: Option<&LabelViewSpec>,
) -> proto::LabelView {
    let FeatureViewKind::Label(rules) = &view.kind else { return proto::LabelView::default() };
    let mut tags = view.tags.clone();
    if !view.enabled {
        tags.insert(disabled_tag(), "true".to_owned());
    }
    let source = view.stream_source.as_deref().or(view.batch_source.as_deref());
    let spec = LabelViewSpec {
        name: view.name.clone(),
        project: project.to_owned(),
        entities: entities_to_proto(&view.entities),
        features: view.features.iter().map(field_to_proto).collect(),
        tags,
        ttl: Some(span_to_proto(view.ttl)),
        source: source.and_then(|name| sources.copy(name)),
        online: view.online,
        description: view.description.clone(),
        owner: view.owner.clone(),
        entity_columns: view.join_keys.iter().map(field_to_proto).collect(),
        labeler_field: rules.labeler_field.clone(),
        conflict_policy: rules.conflict_policy.number(),
        retain_history: before.is_some_and(|before| before.retain_history),
        reference_feature_view: rules.reference_feature_view.clone(),
    };
    proto::LabelView { spec: Some(spec), meta: Some(meta) }
}

/// As [`feature_view_from_proto`](super::feature_view_from_proto).
pub(crate) fn label_view_from_proto(
    view: &proto::LabelView,
    entity_keys: &HashMap<String, Field>,
    unsupported: &mut Vec<(String, Unsupported)>,
) -> Result<FeatureView, Unsupported> {
    let spec = view.spec.as_ref().ok_or(Unsupported::Incomplete { part: "spec" })?;
    let entities = entities_from_proto(&spec.entities);
    let name = |source: &proto::DataSource| source_name(source).to_owned();
    let (batch_source, stream_source) = match &spec.source {
        Some(source) if source.source_type == source_type::PUSH_SOURCE => {
            (source.batch_source.as_deref().map(name), Some(name(source)))
        }
        Some(source) => (Some(name(source)), None),
        None => (None, None),
    };
    Ok(FeatureView {
        kind: FeatureViewKind::Label(LabelRules {
            labeler_field: spec.labeler_field.clone(),
            conflict_policy: ConflictPolicy::from_number(spec.conflict_policy),
            reference_feature_view: spec.reference_feature_view.clone(),
        }),
        join_keys: join_keys(&entities, &spec.entity_columns, entity_keys)?,
        entities,
        features: known_fields(&spec.features, unsupported),
        ttl: spec.ttl.as_ref().map_or(Duration::ZERO, span_from_proto),
        batch_source,
        stream_source,
        online: spec.online,
        enabled: !spec.tags.contains_key(&disabled_tag()),
        description: spec.description.clone(),
        tags: visible_tags(&spec.tags),
        owner: spec.owner.clone(),
        // Labels are kept in their history as they come in.
        offline: true,
        ..FeatureView::new(&spec.name)
    })
}
