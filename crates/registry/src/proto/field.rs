//! Fields.

use larder_core::{Field, VectorSearch};

use super::type_tags::{author_tags, tags_with_type, value_type_of};
use super::{FeatureSpecV2, Unsupported};

pub(super) fn field_to_proto(field: &Field) -> FeatureSpecV2 {
    FeatureSpecV2 {
        name: field.name.clone(),
        value_type: field.value_type.number(),
        tags: tags_with_type(&field.value_type, &field.tags),
        description: field.description.clone(),
        vector_index: field.vector.index,
        vector_search_metric: field.vector.metric.clone(),
        vector_length: i32::try_from(field.vector.length).unwrap_or(i32::MAX),
    }
}

pub(super) fn field_from_proto(spec: &FeatureSpecV2) -> Result<Field, Unsupported> {
    Ok(Field {
        name: spec.name.clone(),
        value_type: value_type_of(spec.value_type, &spec.tags)
            .ok_or(Unsupported::ValueType { number: spec.value_type })?,
        description: spec.description.clone(),
        tags: author_tags(&spec.tags),
        vector: VectorSearch {
            index: spec.vector_index,
            length: u32::try_from(spec.vector_length).unwrap_or_default(),
            metric: spec.vector_search_metric.clone(),
        },
    })
}

/// The fields of known types; the others go to `unsupported`.
pub(super) fn known_fields(
    specs: &[FeatureSpecV2],
    unsupported: &mut Vec<(String, Unsupported)>,
) -> Vec<Field> {
    let mut fields = Vec::with_capacity(specs.len());
    for spec in specs {
        match field_from_proto(spec) {
            Ok(field) => fields.push(field),
            Err(error) => unsupported.push((spec.name.clone(), error)),
        }
    }
    fields
}
