//! Entities.

use larder_core::{Entity, ValueType};

use super::super::shapes::ENTITY;
use super::field::{tags, value_type};
use crate::problem::{Problem, Report};
use crate::yaml::{At, Node, ObjectReader};

pub(super) fn read_entity(node: &Node, report: &mut Report) -> Option<At<Entity>> {
    let reader = ObjectReader::open(node, &ENTITY, report)?;
    let name = reader.required_name("name", report);
    let join_key = reader.name("join_key", report);
    let join_keys = reader.names("join_keys", report);
    if let (Some(_), Some(place)) = (&join_key, reader.key_place("join_keys")) {
        report.problem(place.problem(format!("{} has both `join_key` and `join_keys`", reader.subject)));
    }
    if let Some(second) = join_keys.get(1) {
        let problem = second.place.problem(format!("{} has more than one join key", reader.subject));
        report
            .problem(problem.remedy("define one entity for each join key and list all of them in the view"));
    }
    let value_type = value_type(&reader, "value_type", report);
    if let Some(value_type) = &value_type
        && !value_type.value.is_key_type()
    {
        report.problem(not_a_key_type(value_type, &reader.subject));
    }
    let tags = tags(&reader, report);
    let (description, owner) = (reader.text("description", report), reader.text("owner", report));
    let name = name?;
    let join_key = join_key.or_else(|| join_keys.into_iter().next());
    let entity = Entity {
        join_key: join_key.map_or_else(|| name.value.clone(), |key| key.value),
        name: name.value,
        value_type: value_type.map(|value_type| value_type.value),
        description,
        tags,
        owner,
    };
    Some(At { value: entity, place: name.place })
}

/// A type of a join key that entity keys cannot hold.
pub(crate) fn not_a_key_type(value_type: &At<ValueType>, subject: &str) -> Problem {
    let problem = value_type
        .place
        .problem(format!("{} cannot be the type of the join key of {subject}", value_type.value));
    problem.remedy("use Int64, Int32, String, Bytes or UnixTimestamp")
}
