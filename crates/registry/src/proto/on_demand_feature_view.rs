//! On-demand feature views, and how they carry a Wasm component through Feast's format.
//!
//! Feast has no place for a component. A view of ours is a Python view to Feast's client, with a stub
//! that parses and says why it cannot run; which component it really is stands in the tags, the one
//! place that every kind of rewrite by Feast's client keeps:
//!
//! | tag | value |
//! |---|---|
//! | `larder.dev/wasm-component` | SHA-256 of the component, 64 hexadecimal digits |
//! | `larder.dev/wasm-function` | the function in it |
//! | `larder.dev/wasm-wall-time`, `-memory`, `-output` | the limits of one call |
//! | `larder.dev/wasm-table-elements`, `-message`, `-fuel` | the same, where they are not the usual ones |
//! | `larder.dev/source-order` | the names of the sources in order, as a JSON list |
//! | `larder.dev/on-demand-sources`, `-inherited-sources` | what it reads of other on-demand views ([`super::chained_sources`]) |

use std::collections::{BTreeMap, HashMap};

use larder_core::{
    ComponentDigest, Field, OnDemandFeatureView, OnDemandSource, PythonTransformation, TransformationLimits,
    TransformationReference, format_span, parse_span,
};

use super::aggregation::{aggregations_from_proto, aggregations_to_proto};
use super::chained_sources::{self, ChainedSource};
use super::feature_view::{entities_from_proto, entities_to_proto, join_keys, version_from_proto};
use super::field::{field_to_proto, known_fields};
use super::projection::{Views, projection_from_proto, projection_to_proto};
use super::python_function::{function_from_proto, function_of, function_to_proto};
use super::{
    DataSourceEncoder, FeatureTransformationV2, OnDemandFeatureViewMeta, OnDemandFeatureViewSpec,
    RESERVED_TAG_PREFIX, Unsupported, UserDefinedFunctionV2, source_name, visible_tags,
};
use crate::byte_size::{format_byte_size, parse_byte_size};
use crate::proto;

const COMPONENT: &str = "wasm-component";
const FUNCTION: &str = "wasm-function";
const WALL_TIME: &str = "wasm-wall-time";
const MEMORY: &str = "wasm-memory";
const OUTPUT: &str = "wasm-output";
const TABLE_ELEMENTS: &str = "wasm-table-elements";
const STACK: &str = "wasm-stack";
const MESSAGE: &str = "wasm-message";
const FUEL: &str = "wasm-fuel";
const SOURCE_ORDER: &str = "source-order";
/// Feast's own tag for a view whose calls it measures.
const TRACK_METRICS: &str = "feast:track_metrics";
/// How the text of a stub begins, after its head.
const STUB: &str = "raise NotImplementedError(\"this on demand feature view is computed by larder, ";

pub(super) fn tag(name: &str) -> String {
    format!("{RESERVED_TAG_PREFIX}{name}")
}

/// `before` is the spec that this one replaces: what larder has no word for is taken over from it.
pub(crate) fn on_demand_feature_view_to_proto(
    view: &OnDemandFeatureView,
    project: &str,
    views: &Views<'_>,
    sources: &DataSourceEncoder<'_>,
    meta: OnDemandFeatureViewMeta,
    before: Option<&OnDemandFeatureViewSpec>,
) -> proto::OnDemandFeatureView {
    let mut tags = view.tags.clone();
    // A component that was bound to the view stays until a definition names another.
    let bound = before.map(transformation_of).filter(|bound| bound.component.is_some());
    let transformation = match bound {
        Some(bound) if view.needs_component() => bound,
        _ => view.transformation.clone(),
    };
    carry(view, &transformation, &mut tags);
    let inherited = chained_sources::carry(view, views, sources, &mut tags);
    if view.track_metrics {
        tags.insert(TRACK_METRICS.to_owned(), "true".to_owned());
    }
    let old = before.and_then(|before| before.feature_transformation.as_ref());
    let feature_transformation = match (&view.python.udf, view.aggregations.is_empty(), old) {
        (Some(udf), ..) => {
            let function = function_to_proto(udf, &view.python.mode, function_of(old, None));
            Some(FeatureTransformationV2 { user_defined_function: Some(function), ..Default::default() })
        }
        (None, false, _) => None,
        // A plan in Substrait is nothing that a definition could say: it stays.
        (None, true, Some(old)) if old.substrait_transformation.is_some() => Some(old.clone()),
        (None, true, _) => Some(stub(view, transformation.component)),
    };
    let mode = if view.python.mode.is_empty() { "python" } else { view.python.mode.as_str() };
    let spec = OnDemandFeatureViewSpec {
        name: view.name.clone(),
        project: project.to_owned(),
        features: view.features.iter().map(field_to_proto).collect(),
        sources: view
            .sources
            .iter()
            .filter_map(|source| encode_source(source, views, sources))
            .chain(inherited)
            .collect(),
        user_defined_function: None,
        description: view.description.clone(),
        tags,
        owner: view.owner.clone(),
        feature_transformation,
        mode: mode.to_owned(),
        write_to_online_store: view.write_to_online_store,
        entities: entities_to_proto(&view.entities),
        entity_columns: view.join_keys.iter().map(field_to_proto).collect(),
        singleton: view.python.singleton,
        aggregations: aggregations_to_proto(&view.aggregations),
        version: view.version.to_string(),
        org: view.org.clone(),
        disabled: !view.enabled,
    };
    proto::OnDemandFeatureView { spec: Some(spec), meta: Some(meta) }
}

fn encode_source(
    source: &OnDemandSource,
    views: &Views<'_>,
    sources: &DataSourceEncoder<'_>,
) -> Option<(String, proto::OnDemandSource)> {
    let encoded = match source {
        OnDemandSource::FeatureView(projection) => proto::OnDemandSource {
            feature_view_projection: Some(projection_to_proto(projection, views, sources)),
            ..proto::OnDemandSource::default()
        },
        OnDemandSource::RequestSource(name) => proto::OnDemandSource {
            request_data_source: Some(sources.copy(name)?),
            ..proto::OnDemandSource::default()
        },
        _ => return None,
    };
    // The key in Feast's map is the source's own name, not its alias.
    Some((source.name().to_owned(), encoded))
}

/// The tags that name a component, for a view that has none yet.
pub(crate) fn component_tags(transformation: &TransformationReference) -> BTreeMap<String, String> {
    let mut tags = BTreeMap::new();
    carry_component(transformation, &mut tags);
    tags
}

fn carry(
    view: &OnDemandFeatureView,
    transformation: &TransformationReference,
    tags: &mut BTreeMap<String, String>,
) {
    carry_component(transformation, tags);
    let order: Vec<&str> = view.sources.iter().map(OnDemandSource::name).collect();
    if !order.is_sorted() {
        tags.insert(tag(SOURCE_ORDER), serde_json::Value::from(order).to_string());
    }
}

fn carry_component(transformation: &TransformationReference, tags: &mut BTreeMap<String, String>) {
    let TransformationReference { component, function, limits } = transformation;
    if let Some(component) = component {
        tags.insert(tag(COMPONENT), component.to_string());
        tags.insert(tag(FUNCTION), function.clone());
        tags.insert(tag(WALL_TIME), format_span(limits.wall_time));
        tags.insert(tag(MEMORY), format_byte_size(limits.memory_bytes));
        tags.insert(tag(OUTPUT), format_byte_size(limits.output_bytes));
        let usual = TransformationLimits::default();
        if limits.table_elements != usual.table_elements {
            tags.insert(tag(TABLE_ELEMENTS), limits.table_elements.to_string());
        }
        if limits.stack_bytes != usual.stack_bytes {
            tags.insert(tag(STACK), format_byte_size(limits.stack_bytes));
        }
        if limits.message_bytes != usual.message_bytes {
            tags.insert(tag(MESSAGE), format_byte_size(limits.message_bytes));
        }
        if let Some(fuel) = limits.fuel {
            tags.insert(tag(FUEL), fuel.to_string());
        }
    }
}

/// A Python function that parses, and says why it cannot run.
fn stub(view: &OnDemandFeatureView, component: Option<ComponentDigest>) -> FeatureTransformationV2 {
    let name = python_name(&view.name);
    let component =
        component.map_or_else(|| "no component yet".to_owned(), |digest| format!("component {digest}"));
    let body_text = format!("def {name}(inputs):\n    {STUB}from the WebAssembly {component}\")\n");
    let function = UserDefinedFunctionV2 { name, body: Vec::new(), body_text, mode: "python".to_owned() };
    FeatureTransformationV2 { user_defined_function: Some(function), substrait_transformation: None }
}

fn python_name(view: &str) -> String {
    let cleaned: String = view.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    // No keyword of Python starts with a letter and holds an underscore.
    if cleaned == view && view.starts_with(|c: char| c.is_ascii_alphabetic()) && view.contains('_') {
        cleaned
    } else {
        format!("transform_{cleaned}")
    }
}

/// Features of types that larder does not have are left out and go to `unsupported`.
pub(crate) fn on_demand_feature_view_from_proto(
    view: &proto::OnDemandFeatureView,
    entity_keys: &HashMap<String, Field>,
    unsupported: &mut Vec<(String, Unsupported)>,
) -> Result<OnDemandFeatureView, Unsupported> {
    let spec = view.spec.as_ref().ok_or(Unsupported::Incomplete { part: "spec" })?;
    let entities = entities_from_proto(&spec.entities);
    let mut tags = visible_tags(&spec.tags);
    let track_metrics = tags.remove(TRACK_METRICS).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    Ok(OnDemandFeatureView {
        name: spec.name.clone(),
        sources: on_demand_sources(spec)?
            .into_iter()
            .map(|source| match source {
                SpecSource::Listed(_, source) => decode_source(source),
                SpecSource::Chained(source) => Ok(OnDemandSource::OnDemandFeatureView(source.projection())),
            })
            .collect::<Result<_, _>>()?,
        features: known_fields(&spec.features, unsupported),
        join_keys: join_keys(&entities, &spec.entity_columns, entity_keys)?,
        entities,
        transformation: transformation_of(spec),
        python: python_of(spec),
        aggregations: aggregations_from_proto(&spec.aggregations),
        track_metrics,
        write_to_online_store: spec.write_to_online_store,
        version: version_from_proto(&spec.version),
        enabled: !spec.disabled,
        description: spec.description.clone(),
        tags,
        owner: spec.owner.clone(),
        org: spec.org.clone(),
    })
}

/// What Feast would run; nothing where that is only our stub.
pub(crate) fn python_of(spec: &OnDemandFeatureViewSpec) -> PythonTransformation {
    let transformation = spec.feature_transformation.as_ref();
    let function = function_of(transformation, spec.user_defined_function.as_ref());
    let udf = function.filter(|function| !function.body_text.contains(STUB));
    let substrait = transformation.is_some_and(|known| known.substrait_transformation.is_some());
    let mode = match (udf, substrait, spec.aggregations.is_empty()) {
        (None, false, true) => String::new(),
        // Views of older versions of Feast say nothing.
        _ if spec.mode.is_empty() => "pandas".to_owned(),
        _ => spec.mode.clone(),
    };
    PythonTransformation { mode, singleton: spec.singleton, udf: udf.map(function_from_proto) }
}

/// A source of an on-demand view, as its message says it.
#[derive(Debug)]
pub(crate) enum SpecSource<'a> {
    /// One in Feast's map, under its key.
    Listed(&'a str, &'a proto::OnDemandSource),
    /// Another on-demand view, which stands in a tag.
    Chained(ChainedSource),
}

/// The view's own sources in the order of definition.
pub(crate) fn on_demand_sources(spec: &OnDemandFeatureViewSpec) -> Result<Vec<SpecSource<'_>>, Unsupported> {
    let order: Vec<String> = spec
        .tags
        .get(&tag(SOURCE_ORDER))
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    let inherited = chained_sources::inherited_names(&spec.tags)?;
    let listed = spec.sources.iter().filter(|(name, _)| !inherited.contains(name.as_str()));
    let listed = listed.map(|(name, source)| (name.clone(), SpecSource::Listed(name, source)));
    let chained = chained_sources::of_tags(&spec.tags)?.into_iter();
    let mut named: Vec<(String, SpecSource<'_>)> =
        listed.chain(chained.map(|source| (source.view.clone(), SpecSource::Chained(source)))).collect();
    // Sources that the tag does not name come last, by name.
    named.sort_by_cached_key(|(name, _)| {
        (order.iter().position(|known| known == name).unwrap_or(usize::MAX), name.clone())
    });
    Ok(named.into_iter().map(|(_, source)| source).collect())
}

fn decode_source(source: &proto::OnDemandSource) -> Result<OnDemandSource, Unsupported> {
    if let Some(projection) = &source.feature_view_projection {
        return Ok(OnDemandSource::FeatureView(projection_from_proto(projection)));
    }
    if let Some(request) = &source.request_data_source {
        return Ok(OnDemandSource::RequestSource(source_name(request).to_owned()));
    }
    let view = source.feature_view.as_ref().and_then(|view| view.spec.as_ref());
    let view = view.ok_or(Unsupported::Incomplete { part: "source" })?;
    let features = view.features.iter().map(|feature| feature.name.clone()).collect();
    Ok(OnDemandSource::FeatureView(larder_core::FeatureViewProjection::new(&view.name, features)))
}

/// Which component computes a view.
pub(crate) fn transformation_of(spec: &OnDemandFeatureViewSpec) -> TransformationReference {
    let udf = spec.feature_transformation.as_ref().and_then(|t| t.user_defined_function.as_ref());
    let udf = udf.filter(|udf| !udf.body_text.contains(STUB));
    let name = udf.map(|udf| udf.name.as_str()).filter(|name| !name.is_empty());
    transformation_of_tags(&spec.tags, name.unwrap_or(&spec.name))
}

/// Which component tags name; `function` is its function where they do not say.
pub(crate) fn transformation_of_tags(
    tags: &BTreeMap<String, String>,
    function: &str,
) -> TransformationReference {
    let text = |name: &str| tags.get(&tag(name)).map(String::as_str);
    let defaults = TransformationLimits::default();
    let size =
        |name: &str, default| text(name).and_then(|text| parse_byte_size(text).ok()).unwrap_or(default);
    TransformationReference {
        component: text(COMPONENT).and_then(ComponentDigest::parse),
        function: text(FUNCTION).unwrap_or(function).to_owned(),
        limits: TransformationLimits {
            wall_time: text(WALL_TIME).and_then(|text| parse_span(text).ok()).unwrap_or(defaults.wall_time),
            memory_bytes: size(MEMORY, defaults.memory_bytes),
            output_bytes: size(OUTPUT, defaults.output_bytes),
            table_elements: text(TABLE_ELEMENTS)
                .and_then(|text| text.parse().ok())
                .unwrap_or(defaults.table_elements),
            stack_bytes: size(STACK, defaults.stack_bytes),
            message_bytes: size(MESSAGE, defaults.message_bytes),
            fuel: text(FUEL).and_then(|text| text.parse().ok()),
        },
    }
}
