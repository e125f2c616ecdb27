//! Views, whole or in part, in services and in the sources of on-demand views.

use larder_core::split_version;

use super::super::parsed::ParsedProjection;
use super::super::shapes::PROJECTION;
use super::feature_view::check_view_name;
use super::unique;
use crate::problem::Report;
use crate::yaml::{At, Node, NodeKind, ObjectReader};

/// Views, whole or in part.
pub(super) fn projections(
    reader: &ObjectReader<'_>,
    key: &str,
    report: &mut Report,
) -> Vec<ParsedProjection> {
    let items = reader.items(key, report);
    items.iter().filter_map(|item| projection(item, reader, key, report)).collect()
}

fn projection(
    node: &Node,
    outer: &ObjectReader<'_>,
    key: &str,
    report: &mut Report,
) -> Option<ParsedProjection> {
    if let NodeKind::Scalar(_) = node.kind {
        let name = match node.name(&format!("an item of {}", outer.what(key))) {
            Ok(name) => name.to_owned(),
            Err(problem) => {
                report.problem(problem);
                return None;
            }
        };
        if let Some((view, feature)) = name.split_once(':') {
            let problem =
                node.place.problem(format!("`{name}` is a feature, but {} takes views", outer.what(key)));
            report
                .problem(problem.remedy(format!("write `{{feature_view: {view}, features: [{feature}]}}`")));
            return None;
        }
        let (view, version) = split_version(&name);
        return Some(ParsedProjection {
            target: At::new(view.to_owned(), &node.place),
            bare: true,
            features: None,
            alias: None,
            join_key_map: Vec::new(),
            version,
        });
    }
    let reader = ObjectReader::open(node, &PROJECTION, report)?;
    let target = reader.required_name("feature_view", report);
    let features = reader.get("features").map(|_| {
        let names = reader.names("features", report);
        unique(names, "feature", &outer.subject, report)
    });
    if features.as_ref().is_some_and(Vec::is_empty)
        && let Some(node) = reader.get("features")
        && node.list("").is_ok()
    {
        let problem = node.place.problem("no feature is chosen");
        report.problem(problem.remedy("leave `features` out to take all of them"));
    }
    let alias = reader.name("name_alias", report).or_else(|| reader.name("with_name", report));
    if let (Some(_), Some(_), Some(place)) =
        (reader.get("name_alias"), reader.get("with_name"), reader.key_place("with_name"))
    {
        report.problem(place.problem("`with_name` and `name_alias` mean the same; keep one of them"));
    }
    if let Some(alias) = &alias {
        check_view_name(alias, report);
    }
    let join_key_map = join_key_map(&reader, report);
    let target = target?;
    let (view, version) = split_version(&target.value);
    let version = version.or_else(|| super::feature_view::version(&reader, report).number());
    let target = At::new(view.to_owned(), &target.place);
    Some(ParsedProjection { target, bare: false, features, alias, join_key_map, version })
}

fn join_key_map(reader: &ObjectReader<'_>, report: &mut Report) -> Vec<(At<String>, String)> {
    let Some(node) = reader.get("join_key_map") else { return Vec::new() };
    let entries = match node.entries(&reader.what("join_key_map")) {
        Ok(entries) => entries,
        Err(problem) => {
            report.problem(problem);
            return Vec::new();
        }
    };
    let mut map = Vec::new();
    for entry in entries {
        match entry.value.name(&format!("the column for join key `{}`", entry.key)) {
            Ok(column) => map.push((At::new(entry.key.clone(), &entry.key_place), column.to_owned())),
            Err(problem) => report.problem(problem),
        }
    }
    map
}
