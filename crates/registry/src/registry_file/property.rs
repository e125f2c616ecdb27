//! Which properties of an object differ, and how they read before and after.

use std::collections::BTreeMap;

use larder_core::{
    ConflictPolicy, DUMMY_JOIN_KEY, DataSource, DataSourceKind, PermissionType, PermittedAction, ValueType,
    format_span,
};

use crate::proto::{
    self, FeatureSpecV2, author_tags, data_source_from_proto, on_demand_sources, saved_dataset_from_proto,
    transformation_of, value_type_of,
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

    fn keys(&mut self, before: &[FeatureSpecV2], after: &[FeatureSpecV2]) {
        if without_hidden(before) != without_hidden(after) {
            self.fields("entity_columns", before, after);
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

/// The columns without the hidden join key, which some versions of Feast leave out.
fn without_hidden(columns: &[FeatureSpecV2]) -> Vec<FeatureSpecV2> {
    columns.iter().filter(|column| column.name != DUMMY_JOIN_KEY).cloned().collect()
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
        if field.vector_index || field.vector_length > 0 || !field.vector_search_metric.is_empty() {
            text.push_str(&format!(
                " vector_index: {}, vector_length: {}, vector_search_metric: {}",
                field.vector_index, field.vector_length, field.vector_search_metric
            ));
        }
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
    changes.text("date_partition_column", &before.date_partition_column, &after.date_partition_column);
    changes.text("timestamp_field_type", &before.timestamp_field_type, &after.timestamp_field_type);
    changes.text("options", &options_text(before), &options_text(after));
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

/// What only one kind of source says, apart from the fields of a request.
fn options_text(source: &proto::DataSource) -> String {
    let Ok(source) = data_source_from_proto(source) else { return format!("type {}", source.source_type) };
    let parts = match &source.kind {
        DataSourceKind::Request(_) | DataSourceKind::Push(_) => Vec::new(),
        _ => parts(&source),
    };
    let texts: Vec<String> = parts.iter().map(|(key, value)| format!("{key}: {value}")).collect();
    texts.join(", ")
}

/// What says which values a table holds, and how it is read.
fn parts(source: &DataSource) -> Vec<(String, String)> {
    let pair = |key: &str, value: String| (key.to_owned(), value);
    match &source.kind {
        DataSourceKind::File(file) => vec![
            pair("path", file.path.clone()),
            pair("file_format", file.format.name().to_owned()),
            pair("timestamp_field", file.timestamp_field.clone()),
            pair("created_timestamp_column", file.created_timestamp_column.clone().unwrap_or_default()),
            pair("field_mapping", labels(&file.field_mapping)),
            pair("s3_endpoint_override", file.s3_endpoint_override.clone()),
        ],
        DataSourceKind::External(table) => {
            let mut parts = vec![pair("type", table.system.name().to_owned())];
            parts.extend(table.system.options().iter().map(|key| pair(key, table.option(key).to_owned())));
            let columns = &table.columns;
            parts.push(pair("timestamp_field", columns.timestamp_field.clone()));
            let created = columns.created_timestamp_column.clone().unwrap_or_default();
            parts.push(pair("created_timestamp_column", created));
            parts.push(pair("field_mapping", labels(&columns.field_mapping)));
            parts
        }
        DataSourceKind::Stream(stream) => {
            vec![
                pair("system", format!("{:?}", stream.system)),
                pair("format", format!("{:?}", stream.format)),
            ]
        }
        _ => Vec::new(),
    }
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

/// A registry of before there were versions says nothing.
fn version_text(version: &str) -> &str {
    if version.is_empty() { "latest" } else { version }
}

/// The text of a function in Python, which is what tells one from another.
fn function_text(transformation: Option<&proto::FeatureTransformationV2>) -> String {
    let function = transformation.and_then(|transformation| transformation.user_defined_function.as_ref());
    function.map(|function| function.body_text.clone()).unwrap_or_default()
}

fn aggregations_text(aggregations: &[proto::Aggregation]) -> String {
    let text = |aggregation: &proto::Aggregation| {
        format!(
            "{}({}) over {} every {} as {}",
            aggregation.function,
            aggregation.column,
            span(aggregation.time_window.as_ref()),
            span(aggregation.slide_interval.as_ref()),
            aggregation.name
        )
    };
    format!("[{}]", aggregations.iter().map(text).collect::<Vec<_>>().join(", "))
}

/// Sorted, since Feast writes columns in an order of its own.
fn sorted(columns: &[FeatureSpecV2]) -> Vec<FeatureSpecV2> {
    let mut columns = columns.to_vec();
    columns.sort_by(|a, b| a.name.cmp(&b.name));
    columns
}

fn same_columns(before: &[FeatureSpecV2], after: &[FeatureSpecV2]) -> bool {
    sorted(&without_hidden(before)) == sorted(&without_hidden(after))
}

fn same_names(before: &[String], after: &[String]) -> bool {
    let sorted = |names: &[String]| {
        let mut names = names.to_vec();
        names.sort();
        names
    };
    sorted(before) == sorted(after)
}

pub(super) fn feature_view_makes_version(before: &proto::FeatureView, after: &proto::FeatureView) -> bool {
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

pub(super) fn stream_feature_view_changes(
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

pub(super) fn stream_feature_view_makes_version(
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

pub(super) fn label_view_changes(before: &proto::LabelView, after: &proto::LabelView) -> Vec<PropertyChange> {
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

pub(super) fn label_view_makes_version(before: &proto::LabelView, after: &proto::LabelView) -> bool {
    let (Some(before), Some(after)) = (&before.spec, &after.spec) else { return true };
    !same_columns(&before.features, &after.features)
        || !same_names(&before.entities, &after.entities)
        || !same_columns(&before.entity_columns, &after.entity_columns)
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
    let text = |parts: &[(String, String)]| {
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
        (None, Some(_)) if before.is_some() => {
            Some((text(&[("type".to_owned(), "another".to_owned())]), name(after)))
        }
        _ => None,
    }
}

/// Whether the values kept online of a view may differ from what its new definition would give: another
/// table, other keys, or another type of a feature. A feature that comes or goes invalidates nothing.
pub(super) fn invalidates_online_values(before: &proto::FeatureView, after: &proto::FeatureView) -> bool {
    let (Some(before), Some(after)) = (&before.spec, &after.spec) else { return false };
    rows_differ((&before.features, &before.entity_columns), (&after.features, &after.entity_columns))
        || table_change(before.batch_source.as_ref(), after.batch_source.as_ref()).is_some()
}

/// As [`invalidates_online_values`], of a stream feature view.
pub(super) fn stream_invalidates_online_values(
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

pub(super) fn on_demand_feature_view_makes_version(
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
    if let Some(version) = projection.version_tag {
        text.push_str(&format!(" @v{version}"));
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

pub(super) fn permission_changes(
    before: &proto::Permission,
    after: &proto::Permission,
) -> Vec<PropertyChange> {
    let mut changes = Comparison::default();
    if let (Some(before), Some(after)) = (&before.spec, &after.spec) {
        let types = |numbers: &[i32]| -> Vec<String> {
            let name = |number: &i32| PermissionType::from_number(*number).map_or("?", |kind| kind.name());
            numbers.iter().map(|number| name(number).to_owned()).collect()
        };
        let actions = |numbers: &[i32]| -> Vec<String> {
            let name =
                |number: &i32| PermittedAction::from_number(*number).map_or("?", |action| action.name());
            numbers.iter().map(|number| name(number).to_owned()).collect()
        };
        changes.names("types", &types(&before.types), &types(&after.types));
        changes.names("name_patterns", &before.name_patterns, &after.name_patterns);
        changes.labels("required_tags", &before.required_tags, &after.required_tags);
        changes.names("actions", &actions(&before.actions), &actions(&after.actions));
        let policy =
            |spec: &proto::PermissionSpec| format!("{:?}", proto::policy_from_proto(spec.policy.as_ref()));
        changes.text("policy", &policy(before), &policy(after));
        changes.labels("tags", &before.tags, &after.tags);
    }
    changes.0
}

pub(super) fn saved_dataset_changes(
    before: &proto::SavedDataset,
    after: &proto::SavedDataset,
) -> Vec<PropertyChange> {
    let mut changes = Comparison::default();
    let storage = |dataset: &proto::SavedDataset| {
        saved_dataset_from_proto(dataset)
            .map_or_else(|_| "?".to_owned(), |dataset| format!("{:?}", dataset.storage))
    };
    changes.text("storage", &storage(before), &storage(after));
    if let (Some(before), Some(after)) = (&before.spec, &after.spec) {
        changes.names("features", &before.features, &after.features);
        changes.names("join_keys", &before.join_keys, &after.join_keys);
        changes.boolean("full_feature_names", before.full_feature_names, after.full_feature_names);
        changes.labels("tags", &before.tags, &after.tags);
        changes.text("feature_service_name", &before.feature_service_name, &after.feature_service_name);
        changes.text("namespace", &before.namespace, &after.namespace);
        changes.text("collection", &before.collection, &after.collection);
        changes.text("description", &before.description, &after.description);
    }
    changes.0
}

pub(super) fn validation_reference_changes(
    before: &proto::ValidationReference,
    after: &proto::ValidationReference,
) -> Vec<PropertyChange> {
    let mut changes = Comparison::default();
    changes.text("reference_dataset_name", &before.reference_dataset_name, &after.reference_dataset_name);
    changes.text("description", &before.description, &after.description);
    changes.labels("tags", &before.tags, &after.tags);
    let profile = |reference: &proto::ValidationReference| {
        let bytes = reference.ge_profile.as_ref().map(|profile| profile.expectation_suite.clone());
        String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
    };
    changes.text("profile", &profile(before), &profile(after));
    changes.0
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
        let logging = |spec: &proto::FeatureServiceSpec| {
            spec.logging_config.as_ref().map_or_else(|| "None".to_owned(), |config| format!("{config:?}"))
        };
        changes.text("logging_config", &logging(before), &logging(after));
        changes.boolean("precompute_online", before.precompute_online, after.precompute_online);
        changes.text("features", &features(before), &features(after));
        changes.labels("tags", &before.tags, &after.tags);
        changes.text("description", &before.description, &after.description);
        changes.text("owner", &before.owner, &after.owner);
    }
    changes.0
}
