//! Feature views, batch feature views among them, and what all stored views have in common.
//!
//! Feast has no message for batch feature views: a feature view with a transformation is one. What the
//! message cannot say travels in the tag `larder.dev/batch-feature-view`, as JSON.

use std::collections::HashMap;

use larder_core::{
    BatchTransformation, DUMMY_ENTITY, FeatureView, FeatureViewKind, Field, MaterializationInterval,
    ValueType, ViewVersion, dummy_join_key,
};
use serde_json::{Value, json};

use super::field::{field_from_proto, field_to_proto, known_fields};
use super::projection::Views;
use super::python_function::{function_from_proto, function_of, function_to_proto};
use super::span::{span_from_proto, span_to_proto};
use super::{
    DataSourceEncoder, FeatureTransformationV2, FeatureViewMeta, FeatureViewSpec, RESERVED_TAG_PREFIX,
    Unsupported, source_name, time_from_proto, time_to_proto, visible_tags,
};
use crate::aggregation_json::{aggregations_from_json, aggregations_to_json};
use crate::proto;

fn batch_tag() -> String {
    format!("{RESERVED_TAG_PREFIX}batch-feature-view")
}

/// A feature view or batch feature view. `before` is the spec that this one replaces: what larder has no
/// word for is taken over from it.
pub(crate) fn feature_view_to_proto(
    view: &FeatureView,
    project: &str,
    views: &Views<'_>,
    sources: &DataSourceEncoder<'_>,
    meta: FeatureViewMeta,
    before: Option<&FeatureViewSpec>,
) -> proto::FeatureView {
    let spec = spec_to_proto(view, project, views, sources, before, 0);
    proto::FeatureView { spec: Some(spec), meta: Some(meta) }
}

/// Deeper than any chain of views that derive from each other; also the end of a loop.
const DEEPEST: usize = 16;

fn spec_to_proto(
    view: &FeatureView,
    project: &str,
    views: &Views<'_>,
    sources: &DataSourceEncoder<'_>,
    before: Option<&FeatureViewSpec>,
    depth: usize,
) -> FeatureViewSpec {
    let source_views = view.source_views.iter().filter(|_| depth < DEEPEST);
    let source_views = source_views.filter_map(|name| {
        // Feast leaves out the project of what a view only carries.
        Some(spec_to_proto(views.stored(name)?, "", views, sources, None, depth + 1))
    });
    let mut tags = view.tags.clone();
    let mut feature_transformation = None;
    if let FeatureViewKind::Batch(batch) = &view.kind {
        let old = before.and_then(|before| before.feature_transformation.as_ref());
        feature_transformation = batch.udf.as_ref().map(|udf| FeatureTransformationV2 {
            user_defined_function: Some(function_to_proto(udf, &view.mode, function_of(old, None))),
            substrait_transformation: None,
        });
        if batch.udf.is_none() || !batch.aggregations.is_empty() || !batch.batch_engine.is_empty() {
            tags.insert(batch_tag(), batch_to_json(batch));
        }
    }
    FeatureViewSpec {
        name: view.name.clone(),
        project: project.to_owned(),
        entities: entities_to_proto(&view.entities),
        features: view.features.iter().map(field_to_proto).collect(),
        tags,
        ttl: Some(span_to_proto(view.ttl)),
        batch_source: view.batch_source.as_deref().and_then(|name| sources.copy(name)),
        online: view.online,
        stream_source: view.stream_source.as_deref().and_then(|name| sources.copy(name)),
        description: view.description.clone(),
        owner: view.owner.clone(),
        entity_columns: view.join_keys.iter().map(field_to_proto).collect(),
        offline: view.offline,
        source_views: source_views.collect(),
        feature_transformation,
        mode: view.mode.clone(),
        enable_validation: view.enable_validation,
        version: view.version.to_string(),
        org: view.org.clone(),
        disabled: !view.enabled,
    }
}

fn batch_to_json(batch: &BatchTransformation) -> String {
    json!({
        "aggregations": aggregations_to_json(&batch.aggregations),
        "batch_engine": batch.batch_engine,
    })
    .to_string()
}

/// Feast's class of a view.
pub(crate) fn view_class(spec: &FeatureViewSpec) -> &'static str {
    batch_from_proto(spec).map_or(FeatureViewKind::Plain, FeatureViewKind::Batch).class()
}

/// What makes a view a batch view, if it is one.
fn batch_from_proto(spec: &FeatureViewSpec) -> Option<BatchTransformation> {
    let udf = function_of(spec.feature_transformation.as_ref(), None).map(function_from_proto);
    let tag = spec.tags.get(&batch_tag());
    if spec.feature_transformation.is_none() && tag.is_none() {
        return None;
    }
    let said: Value = tag.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    Some(BatchTransformation {
        udf,
        aggregations: said.get("aggregations").map(aggregations_from_json).unwrap_or_default(),
        batch_engine: said.get("batch_engine").and_then(Value::as_str).unwrap_or_default().to_owned(),
    })
}

/// `entity_keys` maps the project's entities to their join keys. Features of types that larder does not
/// have are left out and go to `unsupported`.
pub(crate) fn feature_view_from_proto(
    view: &proto::FeatureView,
    entity_keys: &HashMap<String, Field>,
    unsupported: &mut Vec<(String, Unsupported)>,
) -> Result<FeatureView, Unsupported> {
    let spec = view.spec.as_ref().ok_or(Unsupported::Incomplete { part: "spec" })?;
    let entities = entities_from_proto(&spec.entities);
    Ok(FeatureView {
        name: spec.name.clone(),
        kind: batch_from_proto(spec).map_or(FeatureViewKind::Plain, FeatureViewKind::Batch),
        join_keys: join_keys(&entities, &spec.entity_columns, entity_keys)?,
        entities,
        features: known_fields(&spec.features, unsupported),
        ttl: spec.ttl.as_ref().map_or(std::time::Duration::ZERO, span_from_proto),
        batch_source: spec.batch_source.as_ref().map(|source| source_name(source).to_owned()),
        stream_source: spec.stream_source.as_ref().map(|source| source_name(source).to_owned()),
        source_views: spec.source_views.iter().map(|view| view.name.clone()).collect(),
        online: spec.online,
        offline: spec.offline,
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

/// Text that names no version, which Feast would not write, is the newest.
pub(super) fn version_from_proto(text: &str) -> ViewVersion {
    text.parse().unwrap_or_default()
}

pub(super) fn entities_to_proto(entities: &[String]) -> Vec<String> {
    if entities.is_empty() { vec![DUMMY_ENTITY.to_owned()] } else { entities.to_vec() }
}

pub(super) fn entities_from_proto(entities: &[String]) -> Vec<String> {
    entities.iter().filter(|name| *name != DUMMY_ENTITY).cloned().collect()
}

/// The join key columns in the order of the entities. Feast writes them in an order of its own.
pub(super) fn join_keys(
    entities: &[String],
    columns: &[proto::FeatureSpecV2],
    entity_keys: &HashMap<String, Field>,
) -> Result<Vec<Field>, Unsupported> {
    if entities.is_empty() {
        return Ok(vec![dummy_join_key()]);
    }
    let columns = columns.iter().map(field_from_proto).collect::<Result<Vec<Field>, _>>()?;
    let mut keys = Vec::with_capacity(entities.len());
    for entity in entities {
        let Some(key) = entity_keys.get(entity) else {
            // An entity that the registry does not list: only the columns know its key.
            return Ok(columns);
        };
        keys.push(columns.iter().find(|column| column.name == key.name).unwrap_or(key).clone());
    }
    Ok(keys)
}

/// The join key of each entity of a project; text where neither the entity nor the view says more.
pub(crate) fn entity_keys<'a>(
    entities: impl Iterator<Item = &'a larder_core::Entity>,
) -> HashMap<String, Field> {
    entities
        .map(|entity| {
            let key = Field::new(&entity.join_key, entity.value_type.clone().unwrap_or(ValueType::STRING));
            (entity.name.clone(), key)
        })
        .collect()
}

pub(crate) fn intervals_from_proto(meta: Option<&FeatureViewMeta>) -> Vec<MaterializationInterval> {
    let intervals = meta.map(|meta| meta.materialization_intervals.as_slice()).unwrap_or_default();
    intervals
        .iter()
        .map(|interval| MaterializationInterval {
            start: time_from_proto(interval.start_time.as_ref()),
            end: time_from_proto(interval.end_time.as_ref()),
        })
        .collect()
}

pub(crate) fn interval_to_proto(interval: MaterializationInterval) -> proto::MaterializationInterval {
    proto::MaterializationInterval {
        start_time: Some(time_to_proto(interval.start)),
        end_time: Some(time_to_proto(interval.end)),
    }
}
