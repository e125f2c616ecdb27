//! Entities.

use larder_core::{DUMMY_ENTITY, DUMMY_JOIN_KEY, Entity, Timestamp, ValueType};

use super::{EntitySpecV2, Meta, Unsupported, time_to_proto};
use crate::proto;

pub(crate) fn meta(created: Timestamp, last_updated: Timestamp) -> Meta {
    Meta {
        created_timestamp: Some(time_to_proto(created)),
        last_updated_timestamp: Some(time_to_proto(last_updated)),
    }
}

pub(crate) fn entity_to_proto(
    entity: &Entity,
    project: &str,
    created: Timestamp,
    last_updated: Timestamp,
) -> proto::Entity {
    let spec = EntitySpecV2 {
        name: entity.name.clone(),
        value_type: entity.value_type.as_ref().map_or(0, ValueType::number),
        description: entity.description.clone(),
        join_key: entity.join_key.clone(),
        tags: entity.tags.clone(),
        project: project.to_owned(),
        owner: entity.owner.clone(),
    };
    proto::Entity { spec: Some(spec), meta: Some(meta(created, last_updated)) }
}

/// The hidden entity, which Feast expects in every project.
pub(crate) fn dummy_entity_to_proto(project: &str, created: Timestamp) -> proto::Entity {
    let spec = EntitySpecV2 {
        name: DUMMY_ENTITY.to_owned(),
        join_key: DUMMY_JOIN_KEY.to_owned(),
        project: project.to_owned(),
        ..EntitySpecV2::default()
    };
    proto::Entity { spec: Some(spec), meta: Some(meta(created, created)) }
}

pub(crate) fn entity_from_proto(entity: &proto::Entity) -> Result<Entity, Unsupported> {
    let spec = entity.spec.as_ref().ok_or(Unsupported::Incomplete { part: "spec" })?;
    let value_type = match spec.value_type {
        0 => None,
        number => Some(ValueType::from_number(number).ok_or(Unsupported::ValueType { number })?),
    };
    Ok(Entity {
        name: spec.name.clone(),
        join_key: if spec.join_key.is_empty() { spec.name.clone() } else { spec.join_key.clone() },
        value_type,
        description: spec.description.clone(),
        tags: spec.tags.clone(),
        owner: spec.owner.clone(),
    })
}
