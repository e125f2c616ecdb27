//! On-demand feature views.

use larder_core::TransformationLimits;

use super::super::parsed::ParsedOnDemandFeatureView;
use super::super::shapes::{LIMITS, ON_DEMAND_FEATURE_VIEW, TRANSFORMATION};
use super::feature_view::{aggregations, view_name};
use super::field::{fields, tags};
use super::projection::projections;
use super::unique;
use crate::problem::Report;
use crate::suggestion::suggest;
use crate::yaml::{At, Node, NodeKind, ObjectReader};

pub(super) fn read_on_demand_feature_view(
    node: &Node,
    report: &mut Report,
) -> Option<ParsedOnDemandFeatureView> {
    let reader = ObjectReader::open(node, &ON_DEMAND_FEATURE_VIEW, report)?;
    let name = view_name(&reader, report);
    let sources = match reader.get("sources") {
        Some(node) => {
            if matches!(&node.kind, NodeKind::List(items) if items.is_empty()) {
                report.problem(node.place.problem(format!("{} is empty", reader.what("sources"))));
            }
            projections(&reader, "sources", report)
        }
        None => Vec::new(),
    };
    let input_schema = fields(&reader, "input_schema", report);
    if reader.get("sources").is_none() && reader.get("input_schema").is_none() {
        let what = "Either 'sources' or 'input_schema' must be provided for OnDemandFeatureView.";
        report.problem(reader.place.problem(format!("{}: {what}", reader.subject)));
    }
    let has_schema = reader.require("schema", report).is_some();
    let schema = fields(&reader, "schema", report);
    let (component, function, limits) = match reader.get("transformation") {
        Some(node) => {
            let (component, function, limits) = transformation(node, &reader, report)?;
            (Some(component), function, limits)
        }
        None => (None, None, TransformationLimits::default()),
    };
    let udf = super::feature_view::function(&reader, report);
    let mode = mode(&reader, report);
    let singleton = reader.boolean("singleton", false, report);
    if let (true, Some(place)) = (singleton && mode != "python", reader.key_place("singleton")) {
        report.problem(place.problem(format!(
            "Singleton mode is only supported with mode='python', but mode='{mode}' was specified. Either disable \
             singleton (singleton=False) or change mode to 'python'."
        )));
    }
    let aggregations = aggregations(&reader, report);
    if let (false, Some(place)) = (aggregations.is_empty(), reader.key_place("aggregations")) {
        if component.is_some() || udf.is_some() {
            let what = format!("{} has both aggregations and a transformation", reader.subject);
            report.problem(place.problem(what).remedy("keep one of them"));
        } else {
            let what = format!("{} aggregates, which larder does not do on demand", reader.subject);
            report.warning(place.problem(what).because("it is kept for Feast, and reading it is an error"));
        }
    }
    let write_to_online_store = reader.boolean("write_to_online_store", false, report);
    let entities = unique(reader.names("entities", report), "entity", &reader.subject, report);
    if let (Some(first), false) = (entities.first(), write_to_online_store) {
        let problem = first
            .place
            .problem(format!("{} has entities but is not written to the online store", reader.subject));
        report.warning(problem.remedy("remove `entities`, or set `write_to_online_store: true`"));
    }
    let enabled = reader.boolean("enabled", true, report);
    let tags = tags(&reader, report);
    let (description, owner) = (reader.text("description", report), reader.text("owner", report));
    // Where there is only a component, nothing is said of Python.
    let mode = if udf.is_none() && aggregations.is_empty() && reader.get("mode").is_none() {
        String::new()
    } else {
        mode
    };
    has_schema.then_some(())?;
    Some(ParsedOnDemandFeatureView {
        name: name?,
        sources,
        input_schema,
        schema,
        component,
        function,
        limits,
        mode,
        udf,
        singleton,
        track_metrics: reader.boolean("track_metrics", false, report),
        aggregations,
        write_to_online_store,
        entities,
        version: super::feature_view::version(&reader, report),
        enabled,
        description,
        tags,
        owner,
        org: reader.text("org", report),
    })
}

/// How Feast calls the function in Python.
fn mode(reader: &ObjectReader<'_>, report: &mut Report) -> String {
    const MODES: [&str; 3] = ["python", "pandas", "substrait"];
    let mode = reader.read("mode", report, |node, what| {
        let text = node.text(what)?;
        if MODES.contains(&text) {
            return Ok(text.to_owned());
        }
        let problem = node.place.problem(format!("unknown mode `{text}`"));
        Err(problem.maybe_remedy(suggest(text, MODES)))
    });
    mode.map_or_else(|| "pandas".to_owned(), |mode| mode.value)
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
    let limits = reader.get("limits").map(|node| read_limits(node, report)).unwrap_or_default();
    Some((component?, function, limits))
}

/// A whole number that counts things in memory.
fn count(reader: &ObjectReader<'_>, key: &str, report: &mut Report) -> Option<usize> {
    let count = reader.read(key, report, Node::count)?;
    // More than can be addressed is as good as everything.
    Some(usize::try_from(count.value).unwrap_or(usize::MAX))
}

/// What one call may use up; the defaults for what is left out.
pub(crate) fn read_limits(node: &Node, report: &mut Report) -> TransformationLimits {
    let mut limits = TransformationLimits::default();
    let Some(reader) = ObjectReader::open(node, &LIMITS, report) else { return limits };
    if let Some(wall_time) = reader.span("wall_time", report) {
        limits.wall_time = wall_time.value;
    }
    if let Some(memory) = reader.size("memory", report) {
        limits.memory_bytes = memory.value;
    }
    if let Some(output) = reader.size("output", report) {
        limits.output_bytes = output.value;
    }
    if let Some(elements) = count(&reader, "table_elements", report) {
        limits.table_elements = elements;
    }
    if let Some(stack) = reader.size("stack", report) {
        limits.stack_bytes = stack.value;
    }
    if let Some(message) = reader.size("message", report) {
        limits.message_bytes = message.value;
    }
    limits.fuel = reader.read("fuel", report, Node::count).map(|fuel| fuel.value);
    for key in ["wall_time", "memory", "output", "stack", "fuel"] {
        let none = match key {
            "wall_time" => limits.wall_time.is_zero(),
            "memory" => limits.memory_bytes == 0,
            "stack" => limits.stack_bytes == 0,
            "fuel" => limits.fuel == Some(0),
            _ => limits.output_bytes == 0,
        };
        if let (true, Some(place)) = (none, reader.key_place(key)) {
            report.problem(place.problem(format!("a `{key}` of zero lets no call succeed")));
        }
    }
    limits
}
