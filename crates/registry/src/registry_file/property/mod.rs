//! Which properties of an object differ, and how they read before and after.

mod on_demand_view;
mod other;
mod source;
mod stored_view;

use std::collections::BTreeMap;

use larder_core::{DUMMY_JOIN_KEY, format_span};

pub(super) use self::on_demand_view::*;
pub(super) use self::other::*;
pub(super) use self::source::source_changes;
pub(super) use self::stored_view::*;
use crate::proto::{self, FeatureSpecV2, author_tags, value_type_of};
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
        let name = Some(&aggregation.name).filter(|name| !name.is_empty());
        format!(
            "{}({}) over {} every {}{}",
            aggregation.function,
            aggregation.column,
            span(aggregation.time_window.as_ref()),
            span(aggregation.slide_interval.as_ref()),
            name.map(|name| format!(" as {name}")).unwrap_or_default()
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

fn span(span: Option<&prost_types::Duration>) -> String {
    let Some(span) = span else { return "0".to_owned() };
    let seconds = u64::try_from(span.seconds).unwrap_or_default();
    let nanos = u32::try_from(span.nanos).unwrap_or_default().min(999_999_999);
    format_span(std::time::Duration::new(seconds, nanos))
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
