//! Views whose values are stored.

use larder_core::ConflictPolicy;

use super::source::table_change;
use super::{
    Comparison, aggregations_text, function_text, same_columns, same_names, sorted, span, version_text,
};
use crate::proto::{self, FeatureSpecV2};
use crate::registry_diff::PropertyChange;

pub(in super::super) fn feature_view_changes(
    before: &proto::FeatureView,
    after: &proto::FeatureView,
) -> Vec<PropertyChange> {
    let mut changes = Comparison::default();
    if let (Some(before), Some(after)) = (&before.spec, &after.spec) {
        changes.names("entities", &before.entities, &after.entities);
        changes.fields("features", &before.features, &after.features);
        changes.labels("tags", &before.tags, &after.tags);
        changes.text("ttl", &span(before.ttl.as_ref()), &span(after.ttl.as_ref()));
        if let Some((before, after)) = table_change(before.batch_source.as_ref(), after.batch_source.as_ref())
        {
            changes.add("batch_source", before, after);
        }
        changes.boolean("online", before.online, after.online);
        let stream = |source: &Option<proto::DataSource>| {
            source.as_ref().map_or("None".to_owned(), |source| proto::source_name(source).to_owned())
        };
        changes.text("stream_source", &stream(&before.stream_source), &stream(&after.stream_source));
        changes.text("description", &before.description, &after.description);
        changes.text("owner", &before.owner, &after.owner);
        changes.keys(&before.entity_columns, &after.entity_columns);
        changes.boolean("offline", before.offline, after.offline);
        let source_views = |spec: &proto::FeatureViewSpec| {
            spec.source_views.iter().map(|view| view.name.clone()).collect::<Vec<_>>()
        };
        changes.names("source_views", &source_views(before), &source_views(after));
        changes.text(
            "feature_transformation",
            &function_text(before.feature_transformation.as_ref()),
            &function_text(after.feature_transformation.as_ref()),
        );
        changes.text("mode", &before.mode, &after.mode);
        changes.boolean("enable_validation", before.enable_validation, after.enable_validation);
        changes.text("version", version_text(&before.version), version_text(&after.version));
        changes.text("org", &before.org, &after.org);
        changes.boolean("disabled", before.disabled, after.disabled);
    }
    changes.0
}

pub(in super::super) fn feature_view_makes_version(
    before: &proto::FeatureView,
    after: &proto::FeatureView,
) -> bool {
    let (Some(before), Some(after)) = (&before.spec, &after.spec) else { return true };
    let source_views = |spec: &proto::FeatureViewSpec| {
        spec.source_views.iter().map(|view| view.name.clone()).collect::<Vec<_>>()
    };
    !same_columns(&before.features, &after.features)
        || !same_names(&before.entities, &after.entities)
        || !same_columns(&before.entity_columns, &after.entity_columns)
        || source_views(before) != source_views(after)
        || function_text(before.feature_transformation.as_ref())
            != function_text(after.feature_transformation.as_ref())
}

pub(in super::super) fn stream_feature_view_changes(
    before: &proto::StreamFeatureView,
    after: &proto::StreamFeatureView,
) -> Vec<PropertyChange> {
    let mut changes = Comparison::default();
    if let (Some(before), Some(after)) = (&before.spec, &after.spec) {
        changes.names("entities", &before.entities, &after.entities);
        changes.fields("features", &sorted(&before.features), &sorted(&after.features));
        changes.keys(&before.entity_columns, &after.entity_columns);
        changes.text("description", &before.description, &after.description);
        changes.labels("tags", &before.tags, &after.tags);
        changes.text("owner", &before.owner, &after.owner);
        changes.text("ttl", &span(before.ttl.as_ref()), &span(after.ttl.as_ref()));
        if let Some((before, after)) = table_change(before.batch_source.as_ref(), after.batch_source.as_ref())
        {
            changes.add("batch_source", before, after);
        }
        if let Some((before, after)) =
            table_change(before.stream_source.as_ref(), after.stream_source.as_ref())
        {
            changes.add("stream_source", before, after);
        }
        changes.boolean("online", before.online, after.online);
        changes.text("mode", &before.mode, &after.mode);
        changes.text(
            "aggregations",
            &aggregations_text(&before.aggregations),
            &aggregations_text(&after.aggregations),
        );
        changes.text("timestamp_field", &before.timestamp_field, &after.timestamp_field);
        changes.text("feature_transformation", &stream_function(before), &stream_function(after));
        changes.boolean("enable_tiling", before.enable_tiling, after.enable_tiling);
        changes.text(
            "tiling_hop_size",
            &span(before.tiling_hop_size.as_ref()),
            &span(after.tiling_hop_size.as_ref()),
        );
        changes.boolean("enable_validation", before.enable_validation, after.enable_validation);
        changes.text("version", version_text(&before.version), version_text(&after.version));
        changes.text("org", &before.org, &after.org);
        changes.boolean("disabled", before.disabled, after.disabled);
    }
    changes.0
}

/// Feast writes the function twice.
fn stream_function(spec: &proto::StreamFeatureViewSpec) -> String {
    let text = function_text(spec.feature_transformation.as_ref());
    let old = spec.user_defined_function.as_ref().map(|function| function.body_text.clone());
    if text.is_empty() { old.unwrap_or_default() } else { text }
}

pub(in super::super) fn stream_feature_view_makes_version(
    before: &proto::StreamFeatureView,
    after: &proto::StreamFeatureView,
) -> bool {
    let (Some(before), Some(after)) = (&before.spec, &after.spec) else { return true };
    !same_columns(&before.features, &after.features)
        || !same_names(&before.entities, &after.entities)
        || !same_columns(&before.entity_columns, &after.entity_columns)
        || stream_function(before) != stream_function(after)
        || before.aggregations != after.aggregations
        || before.timestamp_field != after.timestamp_field
        || before.mode != after.mode
}

pub(in super::super) fn label_view_changes(
    before: &proto::LabelView,
    after: &proto::LabelView,
) -> Vec<PropertyChange> {
    let mut changes = Comparison::default();
    if let (Some(before), Some(after)) = (&before.spec, &after.spec) {
        changes.names("entities", &before.entities, &after.entities);
        changes.fields("features", &before.features, &after.features);
        changes.labels("tags", &before.tags, &after.tags);
        changes.text("ttl", &span(before.ttl.as_ref()), &span(after.ttl.as_ref()));
        if let Some((before, after)) = table_change(before.source.as_ref(), after.source.as_ref()) {
            changes.add("source", before, after);
        }
        changes.boolean("online", before.online, after.online);
        changes.text("description", &before.description, &after.description);
        changes.text("owner", &before.owner, &after.owner);
        changes.keys(&before.entity_columns, &after.entity_columns);
        changes.text("labeler_field", &before.labeler_field, &after.labeler_field);
        let policy = |number| ConflictPolicy::from_number(number).name();
        changes.text("conflict_policy", policy(before.conflict_policy), policy(after.conflict_policy));
        changes.text("reference_feature_view", &before.reference_feature_view, &after.reference_feature_view);
    }
    changes.0
}

pub(in super::super) fn label_view_makes_version(
    before: &proto::LabelView,
    after: &proto::LabelView,
) -> bool {
    let (Some(before), Some(after)) = (&before.spec, &after.spec) else { return true };
    !same_columns(&before.features, &after.features)
        || !same_names(&before.entities, &after.entities)
        || !same_columns(&before.entity_columns, &after.entity_columns)
}

/// Whether the values kept online of a view may differ from what its new definition would give: another
/// table, other keys, or another type of a feature. A feature that comes or goes invalidates nothing.
pub(in super::super) fn invalidates_online_values(
    before: &proto::FeatureView,
    after: &proto::FeatureView,
) -> bool {
    let (Some(before), Some(after)) = (&before.spec, &after.spec) else { return false };
    rows_differ((&before.features, &before.entity_columns), (&after.features, &after.entity_columns))
        || table_change(before.batch_source.as_ref(), after.batch_source.as_ref()).is_some()
}

/// As [`invalidates_online_values`], of a stream feature view.
pub(in super::super) fn stream_invalidates_online_values(
    before: &proto::StreamFeatureView,
    after: &proto::StreamFeatureView,
) -> bool {
    let (Some(before), Some(after)) = (&before.spec, &after.spec) else { return false };
    rows_differ((&before.features, &before.entity_columns), (&after.features, &after.entity_columns))
        || table_change(before.batch_source.as_ref(), after.batch_source.as_ref()).is_some()
}

/// The features and the join keys of a view.
type Columns<'a> = (&'a [FeatureSpecV2], &'a [FeatureSpecV2]);

/// Whether rows have other keys, or a feature of another type.
fn rows_differ(before: Columns<'_>, after: Columns<'_>) -> bool {
    let key = |column: &FeatureSpecV2| (column.name.clone(), column.value_type);
    let keys = |columns: &[FeatureSpecV2]| columns.iter().map(key).collect::<Vec<_>>();
    let retyped = after.0.iter().any(|feature| {
        before.0.iter().any(|old| old.name == feature.name && old.value_type != feature.value_type)
    });
    retyped || keys(before.1) != keys(after.1)
}
