//! The texts of `describe` and the tables of `list`, as Feast prints them.
//!
//! They are made from the stored bytes, not from the domain: what larder does not use of an object is
//! shown all the same.

mod dump;
mod encode;
mod json;
mod listing;
mod objects;
mod permissions;
mod yaml_scalar;
mod yaml_text;

use std::fmt;

use larder_core::DUMMY_ENTITY;
use serde_json::{Map, Value, json};

pub(crate) use self::dump::dump;
pub(crate) use self::encode::{UnknownFields, encode};
pub use self::listing::{ListFilter, Listing};
pub(crate) use self::listing::{list, list_features};
pub use self::objects::{RegisteredFeature, RegisteredObject, RegistryObjects, value_type_text};
pub use self::permissions::{PermissionCheck, PermittedObjects};
pub(crate) use self::permissions::{check, permitted_objects, roles, roles_with_actions};
pub(crate) use self::yaml_scalar::Letters;
pub(crate) use self::yaml_text::to_yaml;
use crate::on_demand_chain::shown;
use crate::proto::descriptor::Message;
use crate::proto::{self, SpecSource, on_demand_sources};
use crate::registry_diff::ObjectKind;
use crate::registry_file::{Contents, ContentsError, Object, Stored, of_project};

/// One object as the registry holds it. Displays as the YAML that Feast's `describe` prints, ending with a
/// line feed.
#[derive(Clone, Debug, PartialEq)]
pub struct Description(Value);

impl Description {
    /// The same as JSON: `{"spec": {…}, "meta": {…}}`, with Feast's names.
    pub fn json(&self) -> &Value {
        &self.0
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_yaml(&self.0, Letters::Escaped))
    }
}

/// One object; `None` if there is none of this name.
pub(crate) fn describe(
    contents: &Contents,
    project: &str,
    kind: ObjectKind,
    name: &str,
) -> Result<Option<Description>, ContentsError> {
    let found = match kind {
        ObjectKind::Project => find(&contents.projects, name, name),
        ObjectKind::DataSource => find(&contents.data_sources, project, name),
        ObjectKind::Entity if name == DUMMY_ENTITY => None,
        ObjectKind::Entity => find(&contents.entities, project, name),
        ObjectKind::FeatureView => find(&contents.feature_views, project, name)
            .or_else(|| find(&contents.stream_feature_views, project, name))
            .or_else(|| find(&contents.label_views, project, name)),
        ObjectKind::StreamFeatureView => find(&contents.stream_feature_views, project, name),
        ObjectKind::LabelView => find(&contents.label_views, project, name),
        ObjectKind::OnDemandFeatureView => find(&contents.on_demand_feature_views, project, name),
        ObjectKind::FeatureService => find(&contents.feature_services, project, name),
        ObjectKind::SavedDataset => find(&contents.saved_datasets, project, name),
        ObjectKind::ValidationReference => find(&contents.validation_references, project, name),
        ObjectKind::Permission => find(&contents.permissions, project, name),
    };
    let Some((raw, message)) = found else { return Ok(None) };
    let mut object = decode(raw, message)?;
    match kind {
        ObjectKind::FeatureView => {
            hide_dummy_entity(&mut object);
            if find(&contents.feature_views, project, name).is_some() {
                show_ttl(&mut object);
            }
            add_state(&mut object);
        }
        ObjectKind::StreamFeatureView => hide_dummy_entity(&mut object),
        ObjectKind::DataSource => hide_usual_class(&mut object),
        ObjectKind::OnDemandFeatureView => add_chain(contents, project, name, &mut object),
        _ => {}
    }
    Ok(Some(Description(Value::Object(object))))
}

/// An object as Feast prints it: as it was before it got its project.
fn decode(raw: &[u8], message: &'static Message) -> Result<Map<String, Value>, ContentsError> {
    let mut object = json::decode(raw, message).map_err(|error| ContentsError::damaged(&error))?;
    object.shift_remove("project");
    if let Some(Value::Object(spec)) = object.get_mut("spec") {
        spec.shift_remove("project");
    }
    Ok(object)
}

fn find<'a, M: Object>(
    objects: &'a [Stored<M>],
    project: &str,
    name: &str,
) -> Option<(&'a [u8], &'static Message)> {
    let object = objects.iter().find(|object| object.message().key() == (project, name))?;
    Some((object.raw(), M::table()))
}

/// A view without entities is registered with a stand-in, which Feast does not show.
fn hide_dummy_entity(object: &mut Map<String, Value>) {
    if let Some(Value::Object(spec)) = object.get_mut("spec")
        && spec.get("entities") == Some(&json!([DUMMY_ENTITY]))
    {
        spec.shift_remove("entities");
    }
}

/// A feature view without a span keeps its rows for ever, as with a span of zero, which is what Feast shows.
fn show_ttl(view: &mut Map<String, Value>) {
    if let Some(Value::Object(spec)) = view.get_mut("spec")
        && !spec.contains_key("ttl")
    {
        // The numbers of these fields are lower.
        let before = ["name", "entities", "features", "tags"];
        let at = spec.keys().position(|key| !before.contains(&key.as_str())).unwrap_or(spec.len());
        spec.shift_insert(at, "ttl".to_owned(), "0s".into());
    }
}

/// Of a source that stands for itself Feast shows the Python class only where its type does not tell it.
fn hide_usual_class(source: &mut Map<String, Value>) {
    let kind = source.get("type").and_then(Value::as_str);
    if !matches!(kind, Some("CUSTOM_SOURCE" | "BATCH_SPARK" | "BATCH_ICEBERG")) {
        source.shift_remove("dataSourceClassType");
    }
}

/// What `feature-views describe` adds at the end.
fn add_state(object: &mut Map<String, Value>) {
    let disabled = object.get("spec").and_then(|spec| spec.get("disabled")).and_then(Value::as_bool);
    let state = object.get("meta").and_then(|meta| meta.get("state")).cloned();
    object.insert("enabled".to_owned(), Value::Bool(disabled != Some(true)));
    object.insert("state".to_owned(), state.unwrap_or_else(|| "STATE_UNSPECIFIED".into()));
}

/// What larder adds to an on-demand view that reads others or is read by some: `sources`, all its own in the
/// order of definition, and `feeds`, the on-demand views that read it.
fn add_chain(contents: &Contents, project: &str, name: &str, object: &mut Map<String, Value>) {
    let specs = || {
        let views = of_project(&contents.on_demand_feature_views, project);
        views.filter_map(|view| view.message().spec.as_ref())
    };
    let sources = |spec: &proto::OnDemandFeatureViewSpec| -> Vec<(String, bool)> {
        let sources = on_demand_sources(spec).unwrap_or_default().into_iter();
        let named = sources.map(|source| match source {
            SpecSource::Listed(name, _) => (name.to_owned(), false),
            SpecSource::Chained(source) => (source.view, true),
        });
        named.collect()
    };
    let own = specs().find(|spec| spec.name == name).map(sources).unwrap_or_default();
    let reads = |spec: &&proto::OnDemandFeatureViewSpec| {
        sources(spec).into_iter().any(|(source, is_chained)| is_chained && source == name)
    };
    let feeds: Vec<&str> = specs().filter(reads).map(|spec| spec.name.as_str()).collect();
    if !feeds.is_empty() || own.iter().any(|(_, is_chained)| *is_chained) {
        let sources: Vec<&str> = own.iter().map(|(source, _)| shown(source)).collect();
        let mut chain = Map::from_iter([("sources".to_owned(), json!(sources))]);
        if !feeds.is_empty() {
            chain.insert("feeds".to_owned(), json!(feeds));
        }
        object.insert("chain".to_owned(), Value::Object(chain));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_without_a_span_shows_one_of_zero_where_feast_does() {
        let view = |spec: Value| {
            let mut view = Map::from_iter([("spec".to_owned(), spec)]);
            show_ttl(&mut view);
            to_yaml(&Value::Object(view), Letters::Escaped)
        };
        let spec =
            json!({"name": "a", "features": [], "tags": {"k": "v"}, "batchSource": {}, "online": true});
        assert_eq!(
            view(spec),
            "spec:\n  name: a\n  features: []\n  tags:\n    k: v\n  ttl: 0s\n  batchSource: {}\n  online: true\n"
        );
        assert_eq!(view(json!({"name": "a"})), "spec:\n  name: a\n  ttl: 0s\n");
        assert_eq!(view(json!({"name": "a", "ttl": "5s"})), "spec:\n  name: a\n  ttl: 5s\n");
    }
}
