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
//! | `larder.dev/source-order` | the names of the sources in order, as a JSON list |

use std::collections::{BTreeMap, HashMap};

use larder_core::{
    ComponentDigest, Field, OnDemandFeatureView, OnDemandSource, TransformationLimits,
    TransformationReference, format_span, parse_span,
};

use super::feature_view::{entities_from_proto, entities_to_proto, join_keys};
use super::field::{field_to_proto, known_fields};
use super::projection::{Views, projection_from_proto, projection_to_proto};
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
const SOURCE_ORDER: &str = "source-order";

fn tag(name: &str) -> String {
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
    carry(view, &mut tags);
    let feature_transformation = match (view.transformation.component, before) {
        // A view that came from Feast keeps its Python function until a component takes its place.
        (None, Some(before)) => before.feature_transformation.clone(),
        (component, _) => Some(stub(view, component)),
    };
    let mode = match (view.transformation.component, before) {
        (None, Some(before)) => before.mode.clone(),
        _ => "python".to_owned(),
    };
    let spec = OnDemandFeatureViewSpec {
        name: view.name.clone(),
        project: project.to_owned(),
        features: view.features.iter().map(field_to_proto).collect(),
        sources: view.sources.iter().filter_map(|source| encode_source(source, views, sources)).collect(),
        description: view.description.clone(),
        tags,
        owner: view.owner.clone(),
        feature_transformation,
        mode,
        write_to_online_store: view.write_to_online_store,
        entities: entities_to_proto(&view.entities),
        entity_columns: view.join_keys.iter().map(field_to_proto).collect(),
        version: "latest".to_owned(),
        org: before.map(|spec| spec.org.clone()).unwrap_or_default(),
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
    Some((key(source)?.to_owned(), encoded))
}

/// The key of a source in Feast's map: its own name, not its alias.
fn key(source: &OnDemandSource) -> Option<&str> {
    match source {
        OnDemandSource::FeatureView(projection) => Some(&projection.view),
        OnDemandSource::RequestSource(name) => Some(name),
        _ => None,
    }
}

fn carry(view: &OnDemandFeatureView, tags: &mut BTreeMap<String, String>) {
    let TransformationReference { component, function, limits } = &view.transformation;
    if let Some(component) = component {
        tags.insert(tag(COMPONENT), component.to_string());
        tags.insert(tag(FUNCTION), function.clone());
        tags.insert(tag(WALL_TIME), format_span(limits.wall_time));
        tags.insert(tag(MEMORY), format_byte_size(limits.memory_bytes));
        tags.insert(tag(OUTPUT), format_byte_size(limits.output_bytes));
    }
    let order: Vec<&str> = view.sources.iter().filter_map(key).collect();
    if !order.is_sorted() {
        tags.insert(tag(SOURCE_ORDER), serde_json::Value::from(order).to_string());
    }
}

/// A Python function that parses, and says why it cannot run.
fn stub(view: &OnDemandFeatureView, component: Option<ComponentDigest>) -> FeatureTransformationV2 {
    let name = python_name(&view.name);
    let component =
        component.map_or_else(|| "no component yet".to_owned(), |digest| format!("component {digest}"));
    let body_text = format!(
        "def {name}(inputs):\n    raise NotImplementedError(\"this on demand feature view is computed by larder, \
         from the WebAssembly {component}\")\n"
    );
    let function = UserDefinedFunctionV2 { name, body: Vec::new(), body_text, mode: "python".to_owned() };
    FeatureTransformationV2 { user_defined_function: Some(function) }
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
    Ok(OnDemandFeatureView {
        name: spec.name.clone(),
        sources: on_demand_sources(spec)
            .into_iter()
            .map(|(_, source)| decode_source(source))
            .collect::<Result<_, _>>()?,
        features: known_fields(&spec.features, unsupported),
        join_keys: join_keys(&entities, &spec.entity_columns, entity_keys)?,
        entities,
        transformation: transformation_of(spec),
        write_to_online_store: spec.write_to_online_store,
        enabled: !spec.disabled,
        description: spec.description.clone(),
        tags: visible_tags(&spec.tags),
        owner: spec.owner.clone(),
    })
}

/// The sources in the order of definition.
pub(crate) fn on_demand_sources(spec: &OnDemandFeatureViewSpec) -> Vec<(&String, &proto::OnDemandSource)> {
    let order: Vec<String> = spec
        .tags
        .get(&tag(SOURCE_ORDER))
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    let mut named: Vec<(&String, &proto::OnDemandSource)> = spec.sources.iter().collect();
    // Sources that the tag does not name come last, by name.
    named.sort_by_key(|(name, _)| {
        (order.iter().position(|known| known == *name).unwrap_or(usize::MAX), *name)
    });
    named
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
    Ok(OnDemandSource::FeatureView(larder_core::FeatureViewProjection {
        view: view.name.clone(),
        alias: None,
        features: view.features.iter().map(|feature| feature.name.clone()).collect(),
        join_key_map: BTreeMap::new(),
    }))
}

/// Which component computes a view.
pub(crate) fn transformation_of(spec: &OnDemandFeatureViewSpec) -> TransformationReference {
    let text = |name: &str| spec.tags.get(&tag(name)).map(String::as_str);
    let udf = spec.feature_transformation.as_ref().and_then(|t| t.user_defined_function.as_ref());
    let defaults = TransformationLimits::default();
    let size =
        |name: &str, default| text(name).and_then(|text| parse_byte_size(text).ok()).unwrap_or(default);
    TransformationReference {
        component: text(COMPONENT).and_then(ComponentDigest::parse),
        function: text(FUNCTION)
            .or_else(|| udf.map(|udf| udf.name.as_str()).filter(|name| !name.is_empty()))
            .unwrap_or(&spec.name)
            .to_owned(),
        limits: TransformationLimits {
            wall_time: text(WALL_TIME).and_then(|text| parse_span(text).ok()).unwrap_or(defaults.wall_time),
            memory_bytes: size(MEMORY, defaults.memory_bytes),
            output_bytes: size(OUTPUT, defaults.output_bytes),
        },
    }
}
