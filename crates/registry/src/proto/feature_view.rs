//! Feature views.

use std::collections::HashMap;
use std::time::Duration;

use larder_core::{DUMMY_ENTITY, FeatureView, Field, MaterializationInterval, ValueType, dummy_join_key};

use super::field::{field_from_proto, field_to_proto, known_fields};
use super::{
    DataSourceEncoder, FeatureViewMeta, FeatureViewSpec, Unsupported, source_name, time_from_proto,
    time_to_proto,
};
use crate::proto;

/// `before` is the spec that this one replaces: what larder has no word for is taken over from it.
pub(crate) fn feature_view_to_proto(
    view: &FeatureView,
    project: &str,
    sources: &DataSourceEncoder<'_>,
    meta: FeatureViewMeta,
    before: Option<&FeatureViewSpec>,
) -> proto::FeatureView {
    let spec = FeatureViewSpec {
        name: view.name.clone(),
        project: project.to_owned(),
        entities: entities_to_proto(&view.entities),
        features: view.features.iter().map(field_to_proto).collect(),
        tags: view.tags.clone(),
        ttl: Some(span_to_proto(view.ttl)),
        batch_source: view.batch_source.as_deref().and_then(|name| sources.copy(name)),
        online: view.online,
        stream_source: view.stream_source.as_deref().and_then(|name| sources.copy(name)),
        description: view.description.clone(),
        owner: view.owner.clone(),
        entity_columns: view.join_keys.iter().map(field_to_proto).collect(),
        offline: view.offline,
        version: "latest".to_owned(),
        org: before.map(|spec| spec.org.clone()).unwrap_or_default(),
        disabled: !view.enabled,
    };
    proto::FeatureView { spec: Some(spec), meta: Some(meta) }
}

/// `join_keys` maps the project's entities to their join keys. Features of types that larder does not
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
        join_keys: join_keys(&entities, &spec.entity_columns, entity_keys)?,
        entities,
        features: known_fields(&spec.features, unsupported),
        ttl: spec.ttl.as_ref().map_or(Duration::ZERO, span_from_proto),
        batch_source: spec.batch_source.as_ref().map(|source| source_name(source).to_owned()),
        stream_source: spec.stream_source.as_ref().map(|source| source_name(source).to_owned()),
        online: spec.online,
        offline: spec.offline,
        enabled: !spec.disabled,
        description: spec.description.clone(),
        tags: spec.tags.clone(),
        owner: spec.owner.clone(),
    })
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

fn span_to_proto(span: Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: i64::try_from(span.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(span.subsec_nanos()).expect("less than a second of nanoseconds fits"),
    }
}

/// A negative span, which Feast would not write, counts as none.
fn span_from_proto(span: &prost_types::Duration) -> Duration {
    let nanos = u32::try_from(span.nanos).unwrap_or_default().min(999_999_999);
    Duration::new(u64::try_from(span.seconds).unwrap_or_default(), nanos)
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
