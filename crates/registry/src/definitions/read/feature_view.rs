//! Feature views.

use std::time::Duration;

use super::super::parsed::ParsedFeatureView;
use super::super::shapes::FEATURE_VIEW;
use super::field::{fields, tags};
use super::unique;
use crate::problem::Report;
use crate::yaml::{At, Node, ObjectReader};

pub(super) fn read_feature_view(node: &Node, report: &mut Report) -> Option<ParsedFeatureView> {
    let reader = ObjectReader::open(node, &FEATURE_VIEW, report)?;
    let name = view_name(&reader, report);
    let source = reader.required_name("source", report);
    let entities = unique(reader.names("entities", report), "entity", &reader.subject, report);
    let schema = fields(&reader, "schema", report);
    let ttl = reader.span("ttl", report).map_or(Duration::ZERO, |span| span.value);
    let online = reader.boolean("online", true, report);
    let offline = reader.boolean("offline", false, report);
    let enabled = reader.boolean("enabled", true, report);
    let tags = tags(&reader, report);
    let (description, owner) = (reader.text("description", report), reader.text("owner", report));
    Some(ParsedFeatureView {
        name: name?,
        entities,
        source: source?,
        schema,
        ttl,
        online,
        offline,
        enabled,
        description,
        tags,
        owner,
    })
}

/// The name of a view, by Feast's rules.
pub(super) fn view_name(reader: &ObjectReader<'_>, report: &mut Report) -> Option<At<String>> {
    let name = reader.required_name("name", report)?;
    check_view_name(&name, report);
    Some(name)
}

pub(super) fn check_view_name(name: &At<String>, report: &mut Report) {
    if let Some(sign) = name.value.chars().find(|c| matches!(c, '@' | ':')) {
        let problem = name.place.problem(format!("a view's name must not hold `{sign}`"));
        report.problem(problem.because("references are written `view@version:feature`"));
    }
}
