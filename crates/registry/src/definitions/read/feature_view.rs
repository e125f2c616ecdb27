//! Views whose values are stored: feature, batch, stream and label views.

use std::time::Duration;

use larder_core::{
    Aggregation, BatchTransformation, ConflictPolicy, FeatureViewKind, LabelRules, StreamTransformation,
    ViewVersion, format_span,
};

use super::super::parsed::{ParsedFeatureView, ParsedFunction};
use super::super::shapes::{
    AGGREGATION, BATCH_FEATURE_VIEW, FEATURE_VIEW, LABEL_VIEW, PYTHON_FUNCTION, STREAM_FEATURE_VIEW,
};
use super::field::{fields, tags};
use super::unique;
use crate::problem::Report;
use crate::suggestion::suggest;
use crate::yaml::{At, Node, ObjectReader};

pub(super) fn read_feature_view(node: &Node, report: &mut Report) -> Option<ParsedFeatureView> {
    let reader = ObjectReader::open(node, &FEATURE_VIEW, report)?;
    read_view(&reader, FeatureViewKind::Plain, true, report)
}

pub(super) fn read_batch_feature_view(node: &Node, report: &mut Report) -> Option<ParsedFeatureView> {
    let reader = ObjectReader::open(node, &BATCH_FEATURE_VIEW, report)?;
    let aggregations = aggregations(&reader, report);
    let has = |key: &str| reader.get(key).is_some();
    let has_source = has("source") || has("source_views");
    if !aggregations.is_empty() && !has_source {
        let what = "BatchFeatureView with aggregations requires a source to aggregate from.";
        report.problem(reader.place.problem(format!("{}: {what}", reader.subject)));
    } else if !has_source && !has("udf") {
        let what = "BatchFeatureView requires at least one of: source, udf, feature_transformation, or aggregations.";
        report.problem(reader.place.problem(format!("{}: {what}", reader.subject)));
    }
    let batch_engine = reader.get("batch_engine").map(|node| node.json().to_string()).unwrap_or_default();
    let batch = BatchTransformation { udf: None, aggregations, batch_engine };
    read_view(&reader, FeatureViewKind::Batch(batch), false, report)
}

pub(super) fn read_stream_feature_view(node: &Node, report: &mut Report) -> Option<ParsedFeatureView> {
    let reader = ObjectReader::open(node, &STREAM_FEATURE_VIEW, report)?;
    reader.require("source", report);
    reader.require("schema", report);
    let stream = StreamTransformation {
        udf: None,
        aggregations: aggregations(&reader, report),
        timestamp_field: reader.name("timestamp_field", report).map(|name| name.value).unwrap_or_default(),
        enable_tiling: reader.boolean("enable_tiling", false, report),
        tiling_hop_size: reader.span("tiling_hop_size", report).map(|span| span.value),
    };
    check_windows(&reader, &stream, report);
    read_view(&reader, FeatureViewKind::Stream(stream), true, report)
}

pub(super) fn read_label_view(node: &Node, report: &mut Report) -> Option<ParsedFeatureView> {
    let reader = ObjectReader::open(node, &LABEL_VIEW, report)?;
    reader.require("entities", report);
    let policy = reader.read("conflict_policy", report, |node, what| {
        let text = node.text(what)?;
        let found = ConflictPolicy::ALL.into_iter().find(|policy| policy.name() == text.to_ascii_uppercase());
        found.ok_or_else(|| {
            let problem = node.place.problem(format!("unknown conflict policy `{text}`"));
            problem.maybe_remedy(suggest(text, ConflictPolicy::ALL.map(ConflictPolicy::name)))
        })
    });
    let default = LabelRules::default();
    let name = |key: &str, report: &mut Report| reader.name(key, report).map(|name| name.value);
    let rules = LabelRules {
        labeler_field: name("labeler_field", report).unwrap_or(default.labeler_field),
        conflict_policy: policy.map_or(default.conflict_policy, |policy| policy.value),
        reference_feature_view: name("reference_feature_view", report).unwrap_or_default(),
    };
    read_view(&reader, FeatureViewKind::Label(rules), true, report)
}

/// What all kinds have, as far as the shape of this one has it. `online` is the default of that key.
fn read_view(
    reader: &ObjectReader<'_>,
    kind: FeatureViewKind,
    online: bool,
    report: &mut Report,
) -> Option<ParsedFeatureView> {
    let name = view_name(reader, report);
    let text = |key: &str, report: &mut Report| {
        if reader.may_have(key) { reader.text(key, report) } else { String::new() }
    };
    let boolean = |key: &str, default: bool, report: &mut Report| {
        if reader.may_have(key) { reader.boolean(key, default, report) } else { default }
    };
    let source_views = if reader.may_have("source_views") {
        unique(reader.names("source_views", report), "view", &reader.subject, report)
    } else {
        Vec::new()
    };
    let sink_source = if reader.may_have("sink_source") { reader.name("sink_source", report) } else { None };
    let source = reader.name("source", report);
    if let Some(first) = source_views.first() {
        if sink_source.is_none() {
            let what = format!("{}: Derived FeatureView must specify `sink_source`.", reader.subject);
            report.problem(first.place.problem(what));
        }
        if let Some(source) = &source {
            let what = format!("{} has both `source` and `source_views`", reader.subject);
            report.problem(source.place.problem(what).remedy("keep one of them"));
        }
    } else if let Some(sink) = &sink_source {
        let problem =
            sink.place.problem(format!("{} has a `sink_source` and no `source_views`", reader.subject));
        report.problem(problem.remedy("call it `source`"));
    }
    let udf = if reader.may_have("udf") { function(reader, report) } else { None };
    // An empty field of Feast's classes: labels are always kept as they come in.
    let always_offline = matches!(kind, FeatureViewKind::Label(_));
    let mode = text("mode", report);
    let mode = match &kind {
        // The default of Feast's class, where there is something to run.
        FeatureViewKind::Batch(_) | FeatureViewKind::Stream(_) if mode.is_empty() => "python".to_owned(),
        _ => mode,
    };
    let view = ParsedFeatureView {
        entities: unique(reader.names("entities", report), "entity", &reader.subject, report),
        source,
        source_views,
        sink_source,
        schema: fields(reader, "schema", report),
        ttl: reader.span("ttl", report).map_or(Duration::ZERO, |span| span.value),
        online: boolean("online", online, report),
        offline: boolean("offline", always_offline, report),
        enabled: boolean("enabled", true, report),
        mode,
        enable_validation: boolean("enable_validation", false, report),
        version: if reader.may_have("version") { version(reader, report) } else { ViewVersion::Latest },
        tags: tags(reader, report),
        description: reader.text("description", report),
        owner: reader.text("owner", report),
        org: text("org", report),
        name: name?,
        kind,
        udf,
    };
    check_vectors(&view, report);
    Some(view)
}

fn check_vectors(view: &ParsedFeatureView, report: &mut Report) {
    let mut indexed = view.schema.iter().filter(|field| field.value.vector.index);
    if let (Some(_), Some(second)) = (indexed.next(), indexed.next()) {
        let what = format!(
            "Only one vector feature is allowed per feature view. Please update {}.",
            view.name.value
        );
        report.problem(second.place.problem(what));
    }
}

/// The version that a view asks for.
pub(super) fn version(reader: &ObjectReader<'_>, report: &mut Report) -> ViewVersion {
    let version = reader.read("version", report, |node, what| {
        node.text(what)?
            .parse()
            .map_err(|error: larder_core::InvalidVersion| node.place.problem(what).because(error.to_string()))
    });
    version.map_or(ViewVersion::Latest, |version| version.value)
}

/// A function in Python.
pub(super) fn function(reader: &ObjectReader<'_>, report: &mut Report) -> Option<ParsedFunction> {
    let function = ObjectReader::open(reader.get("udf")?, &PYTHON_FUNCTION, report)?;
    let name = function.required_name("name", report);
    function.require("file", report);
    let file = function.read("file", report, |node, what| node.text(what).map(str::to_owned));
    Some(ParsedFunction { name: name?.value, file: file? })
}

pub(super) fn aggregations(reader: &ObjectReader<'_>, report: &mut Report) -> Vec<Aggregation> {
    let items = reader.items("aggregations", report);
    items.iter().filter_map(|item| aggregation(item, report)).collect()
}

fn aggregation(node: &Node, report: &mut Report) -> Option<Aggregation> {
    let reader = ObjectReader::open(node, &AGGREGATION, report)?;
    let (column, function) =
        (reader.required_name("column", report), reader.required_name("function", report));
    let time_window = reader.span("time_window", report).map(|span| span.value);
    let slide_interval = reader.span("slide_interval", report).map(|span| span.value);
    Some(Aggregation {
        column: column?.value,
        function: function?.value,
        time_window,
        // As Feast fills it in.
        slide_interval: slide_interval.filter(|slide| Some(*slide) != time_window && !slide.is_zero()),
        name: reader.name("name", report).map(|name| name.value).unwrap_or_default(),
    })
}

/// Feast's rules for windows and tiles.
fn check_windows(reader: &ObjectReader<'_>, stream: &StreamTransformation, report: &mut Report) {
    const DEFAULT_HOP: Duration = Duration::from_secs(300);
    if !stream.aggregations.is_empty() && stream.timestamp_field.is_empty() {
        let what =
            "aggregations must have a timestamp field associated with them to perform the aggregations";
        let place = reader.key_place("aggregations").unwrap_or(reader.place);
        report.problem(place.problem(format!("{}: {what}", reader.subject)).remedy("add `timestamp_field`"));
    }
    let hop = stream.tiling_hop_size.unwrap_or(DEFAULT_HOP);
    let smallest = stream.aggregations.iter().filter_map(|aggregation| aggregation.time_window).min();
    if let Some(window) = smallest.filter(|window| stream.enable_tiling && hop >= *window) {
        let what = format!(
            "{}: tiling_hop_size ({}) must be smaller than the minimum aggregation time_window ({})",
            reader.subject,
            format_span(hop),
            format_span(window)
        );
        let place = reader.key_place("tiling_hop_size").or_else(|| reader.key_place("enable_tiling"));
        let problem = place.unwrap_or(reader.place).problem(what);
        report.problem(
            problem
                .because("If hop_size >= window_size, the tiling algorithm will produce incorrect results."),
        );
    }
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
