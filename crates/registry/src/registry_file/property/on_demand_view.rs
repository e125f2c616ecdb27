//! On-demand feature views.

use larder_core::{TransformationLimits, format_span};

use super::{
    Comparison, aggregations_text, fields, function_text, projection_text, same_columns, version_text,
};
use crate::proto::{self, SpecSource, on_demand_sources, transformation_of};
use crate::registry_diff::PropertyChange;

pub(in super::super) fn on_demand_feature_view_changes(
    before: &proto::OnDemandFeatureView,
    after: &proto::OnDemandFeatureView,
) -> Vec<PropertyChange> {
    let mut changes = Comparison::default();
    if let (Some(before), Some(after)) = (&before.spec, &after.spec) {
        changes.fields("features", &before.features, &after.features);
        changes.text("sources", &sources_text(before), &sources_text(after));
        changes.text("feature_transformation", &transformation_text(before), &transformation_text(after));
        changes.text("description", &before.description, &after.description);
        changes.labels("tags", &proto::visible_tags(&before.tags), &proto::visible_tags(&after.tags));
        changes.text("owner", &before.owner, &after.owner);
        changes.boolean("write_to_online_store", before.write_to_online_store, after.write_to_online_store);
        changes.names("entities", &before.entities, &after.entities);
        changes.keys(&before.entity_columns, &after.entity_columns);
        changes.boolean("singleton", before.singleton, after.singleton);
        changes.text(
            "aggregations",
            &aggregations_text(&before.aggregations),
            &aggregations_text(&after.aggregations),
        );
        changes.text("version", version_text(&before.version), version_text(&after.version));
        changes.text("org", &before.org, &after.org);
        changes.boolean("disabled", before.disabled, after.disabled);
    }
    changes.0
}

pub(in super::super) fn on_demand_feature_view_makes_version(
    before: &proto::OnDemandFeatureView,
    after: &proto::OnDemandFeatureView,
) -> bool {
    let (Some(before), Some(after)) = (&before.spec, &after.spec) else { return true };
    !same_columns(&before.features, &after.features)
        || transformation_text(before) != transformation_text(after)
        || before.mode != after.mode
        || sources_text(before) != sources_text(after)
        || !same_columns(&before.entity_columns, &after.entity_columns)
        || before.aggregations != after.aggregations
}

fn sources_text(spec: &proto::OnDemandFeatureViewSpec) -> String {
    // Sources that cannot be read differ from any that can.
    let Ok(sources) = on_demand_sources(spec) else { return format!("{:?}", spec.tags) };
    let texts: Vec<String> = sources
        .into_iter()
        .map(|source| match source {
            SpecSource::Chained(source) => projection_text(&source.to_proto()),
            SpecSource::Listed(name, source) => {
                match (&source.feature_view_projection, &source.request_data_source) {
                    (Some(projection), _) => projection_text(projection),
                    (None, Some(request)) => {
                        let options = request.request_data_options.as_ref();
                        let schema = options.map(|request| request.schema.as_slice()).unwrap_or_default();
                        format!("{name}{}", fields(schema, false))
                    }
                    (None, None) => name.to_owned(),
                }
            }
        })
        .collect();
    format!("[{}]", texts.join(", "))
}

fn transformation_text(spec: &proto::OnDemandFeatureViewSpec) -> String {
    let transformation = transformation_of(spec);
    match transformation.component {
        Some(component) => {
            let digest = component.to_string();
            let limits = transformation.limits;
            let usual = TransformationLimits::default();
            let mut others = String::new();
            if limits.table_elements != usual.table_elements {
                others.push_str(&format!(", table_elements: {}", limits.table_elements));
            }
            if limits.stack_bytes != usual.stack_bytes {
                others.push_str(&format!(", stack: {}", limits.stack_bytes));
            }
            if limits.message_bytes != usual.message_bytes {
                others.push_str(&format!(", message: {}", limits.message_bytes));
            }
            if let Some(fuel) = limits.fuel {
                others.push_str(&format!(", fuel: {fuel}"));
            }
            format!(
                "{}@{} (wall_time: {}, memory: {}, output: {}{others})",
                transformation.function,
                digest.get(..16).unwrap_or(&digest),
                format_span(limits.wall_time),
                limits.memory_bytes,
                limits.output_bytes
            )
        }
        None if is_python(spec) => {
            let text = function_text(spec.feature_transformation.as_ref());
            format!("{} function {}", spec.mode, if text.is_empty() { transformation.function } else { text })
        }
        None => "no component yet".to_owned(),
    }
}

/// Whether Feast has a function for the view, and not only our stub.
fn is_python(spec: &proto::OnDemandFeatureViewSpec) -> bool {
    !proto::python_of(spec).mode.is_empty()
}
