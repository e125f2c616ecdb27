//! Which properties of an object differ, and how they read before and after.

use std::collections::BTreeMap;

use larder_core::{DataSource, DataSourceKind, ValueType, format_span};

use crate::proto::{
    self, FeatureSpecV2, author_tags, data_source_from_proto, on_demand_sources, transformation_of,
    value_type_of,
};
use crate::registry_diff::PropertyChange;

/// Collects the properties that differ.
#[derive(Default)]
struct Comparison(Vec<PropertyChange>);

impl Comparison {
    fn add(&mut self, property: &'static str, before: String, after: String) {
        self.0.push(PropertyChange { property, before, after });
    }

    fn text(&mut self, property: &'static str, before: &str, after: &str) {
        if before != after {
            self.add(property, before.to_owned(), after.to_owned());
        }
    }

    /// As Python prints booleans.
    fn boolean(&mut self, property: &'static str, before: bool, after: bool) {
        let text = |value: bool| if value { "True" } else { "False" };
        self.text(property, text(before), text(after));
    }

    fn labels(&mut self, property: &'static str, before: &Labels, after: &Labels) {
        if before != after {
            self.add(property, labels(before), labels(after));
        }
    }

    fn names(&mut self, property: &'static str, before: &[String], after: &[String]) {
        if before != after {
            self.add(property, format!("[{}]", before.join(", ")), format!("[{}]", after.join(", ")));
        }
    }

    fn fields(&mut self, property: &'static str, before: &[FeatureSpecV2], after: &[FeatureSpecV2]) {
        if before == after {
            return;
        }
        let brief = (fields(before, false), fields(after, false));
        let (before, after) =
            if brief.0 == brief.1 { (fields(before, true), fields(after, true)) } else { brief };
        self.add(property, before, after);
    }
}

type Labels = BTreeMap<String, String>;

fn labels(labels: &Labels) -> String {
    let pairs: Vec<String> = labels.iter().map(|(key, value)| format!("{key}: {value}")).collect();
    format!("{{{}}}", pairs.join(", "))
}

fn fields(fields: &[FeatureSpecV2], detailed: bool) -> String {
    let texts: Vec<String> = fields.iter().map(|field| field_text(field, detailed)).collect();
    format!("[{}]", texts.join(", "))
}

fn field_text(field: &FeatureSpecV2, detailed: bool) -> String {
    let value_type = value_type_of(field.value_type, &field.tags)
        .map_or_else(|| format!("type {}", field.value_type), |value_type| value_type.to_string());
    let mut text = format!("{}: {value_type}", field.name);
    if detailed {
        text.push_str(&format!(" {:?} {}", field.description, labels(&author_tags(&field.tags))));
    }
    text
}

pub(super) fn project_changes(before: &proto::Project, after: &proto::Project) -> Vec<PropertyChange> {
    let mut changes = Comparison::default();
    if let (Some(before), Some(after)) = (&before.spec, &after.spec) {
        changes.text("description", &before.description, &after.description);
        changes.labels("tags", &before.tags, &after.tags);
        changes.text("owner", &before.owner, &after.owner);
    }
    changes.0
}

pub(super) fn entity_changes(before: &proto::Entity, after: &proto::Entity) -> Vec<PropertyChange> {
    let mut changes = Comparison::default();
    if let (Some(before), Some(after)) = (&before.spec, &after.spec) {
        let type_name = |number: i32| {
            ValueType::from_number(number).map_or("UNKNOWN".to_owned(), |known| known.proto_name())
        };
        changes.text("value_type", &type_name(before.value_type), &type_name(after.value_type));
        changes.text("description", &before.description, &after.description);
        changes.text("join_key", &before.join_key, &after.join_key);
        changes.labels("tags", &before.tags, &after.tags);
        changes.text("owner", &before.owner, &after.owner);
    }
    changes.0
}

/// Compares sources without their times.
pub(super) fn source_changes(before: &proto::DataSource, after: &proto::DataSource) -> Vec<PropertyChange> {
    let mut changes = Comparison::default();
    changes.text("type", &before.source_type.to_string(), &after.source_type.to_string());
    changes.labels("field_mapping", &before.field_mapping, &after.field_mapping);
    changes.text("timestamp_field", &before.timestamp_field, &after.timestamp_field);
    changes.text(
        "created_timestamp_column",
        &before.created_timestamp_column,
        &after.created_timestamp_column,
    );
    let uri = |source: &proto::DataSource| {
        source.file_options.as_ref().map(|file| file.uri.clone()).unwrap_or_default()
    };
    changes.text("file_options", &uri(before), &uri(after));
    let request = |source: &proto::DataSource| {
        source.request_data_options.as_ref().map(|request| request.schema.clone()).unwrap_or_default()
    };
    changes.fields("request_data_options", &request(before), &request(after));
    changes.text("description", &before.description, &after.description);
    changes.labels("tags", &before.tags, &after.tags);
    changes.text("owner", &before.owner, &after.owner);
    let batch = |source: &proto::DataSource| {
        source.batch_source.as_deref().map(|batch| proto::source_name(batch).to_owned()).unwrap_or_default()
    };
    changes.text("batch_source", &batch(before), &batch(after));
    changes.0
}

pub(super) fn feature_view_changes(
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
        changes.fields("entity_columns", &before.entity_columns, &after.entity_columns);
        changes.boolean("offline", before.offline, after.offline);
        changes.boolean("disabled", before.disabled, after.disabled);
    }
    changes.0
}

fn span(span: Option<&prost_types::Duration>) -> String {
    let Some(span) = span else { return "0".to_owned() };
    let seconds = u64::try_from(span.seconds).unwrap_or_default();
    let nanos = u32::try_from(span.nanos).unwrap_or_default().min(999_999_999);
    format_span(std::time::Duration::new(seconds, nanos))
}

/// What differs between the tables behind two sources: which values are read, not what is said of them.
fn table_change(
    before: Option<&proto::DataSource>,
    after: Option<&proto::DataSource>,
) -> Option<(String, String)> {
    let known =
        |source: Option<&proto::DataSource>| source.and_then(|source| data_source_from_proto(source).ok());
    let name = |source: Option<&proto::DataSource>| {
        source.map_or("None".to_owned(), |source| proto::source_name(source).to_owned())
    };
    if name(before) != name(after) {
        return Some((name(before), name(after)));
    }
    let parts = |source: &DataSource| match &source.kind {
        DataSourceKind::File(file) => vec![
            ("path", file.path.clone()),
            ("file_format", file.format.name().to_owned()),
            ("timestamp_field", file.timestamp_field.clone()),
            ("created_timestamp_column", file.created_timestamp_column.clone().unwrap_or_default()),
            ("field_mapping", labels(&file.field_mapping)),
        ],
        _ => Vec::new(),
    };
    let text = |parts: &[(&str, String)]| {
        let texts: Vec<String> = parts.iter().map(|(key, value)| format!("{key}: {value}")).collect();
        format!("{}({})", name(after), texts.join(", "))
    };
    match (known(before), known(after)) {
        (Some(before), Some(after)) => {
            let differs = |pair: &(_, _)| pair.0 != pair.1;
            let pairs = parts(&before).into_iter().zip(parts(&after)).filter(differs);
            let (before, after): (Vec<_>, Vec<_>) = pairs.unzip();
            (!before.is_empty()).then(|| (text(&before), text(&after)))
        }
        (None, Some(_)) if before.is_some() => Some((text(&[("type", "another".to_owned())]), name(after))),
        _ => None,
    }
}

/// Whether the values kept online of a view may differ from what its new definition would give: another
/// table, other keys, or another type of a feature. A feature that comes or goes invalidates nothing.
pub(super) fn invalidates_online_values(before: &proto::FeatureView, after: &proto::FeatureView) -> bool {
    let (Some(before), Some(after)) = (&before.spec, &after.spec) else { return false };
    let key = |column: &FeatureSpecV2| (column.name.clone(), column.value_type);
    let keys = |columns: &[FeatureSpecV2]| columns.iter().map(key).collect::<Vec<_>>();
    let retyped = after.features.iter().any(|feature| {
        before.features.iter().any(|old| old.name == feature.name && old.value_type != feature.value_type)
    });
    retyped
        || keys(&before.entity_columns) != keys(&after.entity_columns)
        || table_change(before.batch_source.as_ref(), after.batch_source.as_ref()).is_some()
}

pub(super) fn on_demand_feature_view_changes(
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
        changes.fields("entity_columns", &before.entity_columns, &after.entity_columns);
        changes.boolean("disabled", before.disabled, after.disabled);
    }
    changes.0
}

fn sources_text(spec: &proto::OnDemandFeatureViewSpec) -> String {
    let texts: Vec<String> = on_demand_sources(spec)
        .into_iter()
        .map(|(name, source)| match (&source.feature_view_projection, &source.request_data_source) {
            (Some(projection), _) => projection_text(projection),
            (None, Some(request)) => {
                let schema = request.request_data_options.as_ref().map(|request| request.schema.as_slice());
                format!("{name}{}", fields(schema.unwrap_or_default(), false))
            }
            (None, None) => name.clone(),
        })
        .collect();
    format!("[{}]", texts.join(", "))
}

fn projection_text(projection: &proto::FeatureViewProjection) -> String {
    let mut text = format!("{}{}", projection.feature_view_name, fields(&projection.feature_columns, false));
    let alias = &projection.feature_view_name_alias;
    if !alias.is_empty() && alias != &projection.feature_view_name {
        text.push_str(&format!(" as {alias}"));
    }
    if !projection.join_key_map.is_empty() {
        text.push_str(&format!(" with {}", labels(&projection.join_key_map)));
    }
    text
}

fn transformation_text(spec: &proto::OnDemandFeatureViewSpec) -> String {
    let transformation = transformation_of(spec);
    match transformation.component {
        Some(component) => {
            let digest = component.to_string();
            let limits = transformation.limits;
            format!(
                "{}@{} (wall_time: {}, memory: {}, output: {})",
                transformation.function,
                digest.get(..16).unwrap_or(&digest),
                format_span(limits.wall_time),
                limits.memory_bytes,
                limits.output_bytes
            )
        }
        None => format!("{} function {}", spec.mode, transformation.function),
    }
}

pub(super) fn feature_service_changes(
    before: &proto::FeatureService,
    after: &proto::FeatureService,
) -> Vec<PropertyChange> {
    let mut changes = Comparison::default();
    if let (Some(before), Some(after)) = (&before.spec, &after.spec) {
        let features = |spec: &proto::FeatureServiceSpec| {
            let texts: Vec<String> = spec.features.iter().map(projection_text).collect();
            format!("[{}]", texts.join(", "))
        };
        changes.text("features", &features(before), &features(after));
        changes.labels("tags", &before.tags, &after.tags);
        changes.text("description", &before.description, &after.description);
        changes.text("owner", &before.owner, &after.owner);
    }
    changes.0
}
