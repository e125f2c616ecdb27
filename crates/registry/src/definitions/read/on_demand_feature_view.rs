//! On-demand feature views.

use larder_core::TransformationLimits;

use super::super::parsed::ParsedOnDemandFeatureView;
use super::super::shapes::{LIMITS, ON_DEMAND_FEATURE_VIEW, TRANSFORMATION};
use super::feature_view::view_name;
use super::field::{fields, tags};
use super::projection::projections;
use super::unique;
use crate::problem::Report;
use crate::yaml::{At, Node, NodeKind, ObjectReader};

pub(super) fn read_on_demand_feature_view(
    node: &Node,
    report: &mut Report,
) -> Option<ParsedOnDemandFeatureView> {
    let reader = ObjectReader::open(node, &ON_DEMAND_FEATURE_VIEW, report)?;
    let name = view_name(&reader, report);
    reader.require("sources", report);
    let sources = projections(&reader, "sources", report);
    reader.require("schema", report);
    let schema = fields(&reader, "schema", report);
    let transformation =
        reader.require("transformation", report).and_then(|node| transformation(node, &reader, report));
    let write_to_online_store = reader.boolean("write_to_online_store", false, report);
    let entities = unique(reader.names("entities", report), "entity", &reader.subject, report);
    if let (Some(first), false) = (entities.first(), write_to_online_store) {
        let problem = first
            .place
            .problem(format!("{} has entities but is not written to the online store", reader.subject));
        report.problem(problem.remedy("remove `entities`, or set `write_to_online_store: true`"));
    }
    let enabled = reader.boolean("enabled", true, report);
    let tags = tags(&reader, report);
    let (description, owner) = (reader.text("description", report), reader.text("owner", report));
    let (component, function, limits) = transformation?;
    Some(ParsedOnDemandFeatureView {
        name: name?,
        sources,
        schema,
        component,
        function,
        limits,
        write_to_online_store,
        entities,
        enabled,
        description,
        tags,
        owner,
    })
}

type Transformation = (At<String>, Option<At<String>>, TransformationLimits);

fn transformation(node: &Node, view: &ObjectReader<'_>, report: &mut Report) -> Option<Transformation> {
    if let NodeKind::Scalar(_) = node.kind {
        let component =
            view.read("transformation", report, |node, what| node.text(what).map(str::to_owned))?;
        return Some((component, None, TransformationLimits::default()));
    }
    let reader = ObjectReader::open(node, &TRANSFORMATION, report)?;
    reader.require("component", report);
    let component = reader.read("component", report, |node, what| node.text(what).map(str::to_owned));
    let function = reader.name("function", report);
    let mut limits = TransformationLimits::default();
    if let Some(node) = reader.get("limits")
        && let Some(reader) = ObjectReader::open(node, &LIMITS, report)
    {
        if let Some(wall_time) = reader.span("wall_time", report) {
            limits.wall_time = wall_time.value;
        }
        if let Some(memory) = reader.size("memory", report) {
            limits.memory_bytes = memory.value;
        }
        if let Some(output) = reader.size("output", report) {
            limits.output_bytes = output.value;
        }
        for key in ["wall_time", "memory", "output"] {
            let none = match key {
                "wall_time" => limits.wall_time.is_zero(),
                "memory" => limits.memory_bytes == 0,
                _ => limits.output_bytes == 0,
            };
            if let (true, Some(place)) = (none, reader.key_place(key)) {
                report.problem(place.problem(format!("a `{key}` of zero lets no call succeed")));
            }
        }
    }
    Some((component?, function, limits))
}
