//! The JSON of `registry-dump`.

use larder_core::DUMMY_ENTITY;
use serde_json::{Map, Value};

use super::{decode, hide_usual_class, show_ttl};
use crate::registry_file::{Contents, ContentsError, Object, Stored, of_project};

/// All objects of a project, by kind and sorted by name, with sorted keys; kinds without objects are left
/// out. In the place of a Python function's bytes stands its text.
pub(crate) fn dump(contents: &Contents, project: &str) -> Result<Value, ContentsError> {
    let mut dump = Map::new();
    dump.insert("project".to_owned(), project.into());
    let mut add = |key: &str, objects: Vec<Value>| {
        if !objects.is_empty() {
            dump.insert(key.to_owned(), Value::Array(objects));
        }
    };
    let mut data_sources = objects(&contents.data_sources, project)?;
    data_sources.iter_mut().filter_map(Value::as_object_mut).for_each(hide_usual_class);
    add("dataSources", data_sources);
    add("entities", objects(&contents.entities, project)?);
    let mut feature_views = objects(&contents.feature_views, project)?;
    feature_views.iter_mut().filter_map(Value::as_object_mut).for_each(show_ttl);
    add("featureViews", feature_views);
    add("featureServices", objects(&contents.feature_services, project)?);
    add("onDemandFeatureViews", objects(&contents.on_demand_feature_views, project)?);
    add("streamFeatureViews", objects(&contents.stream_feature_views, project)?);
    add("labelViews", objects(&contents.label_views, project)?);
    add("savedDatasets", objects(&contents.saved_datasets, project)?);
    add("validationReferences", objects(&contents.validation_references, project)?);
    add("permissions", objects(&contents.permissions, project)?);
    let mut dump = Value::Object(dump);
    sort(&mut dump);
    Ok(dump)
}

fn objects<M: Object>(stored: &[Stored<M>], project: &str) -> Result<Vec<Value>, ContentsError> {
    let mut named = of_project(stored, project)
        .map(|object| {
            let mut value = Value::Object(decode(object.raw(), M::table())?);
            show_text_of_functions(&mut value);
            Ok((object.message().key().1.to_owned(), value))
        })
        .collect::<Result<Vec<_>, ContentsError>>()?;
    named.retain(|(name, _)| name != DUMMY_ENTITY);
    named.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(named.into_iter().map(|(_, value)| value).collect())
}

fn show_text_of_functions(value: &mut Value) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                if key == "userDefinedFunction"
                    && let Value::Object(function) = value
                    && let Some(text) = function.get("bodyText").cloned()
                {
                    function.insert("body".to_owned(), text);
                } else {
                    show_text_of_functions(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(show_text_of_functions),
        _ => {}
    }
}

fn sort(value: &mut Value) {
    match value {
        Value::Object(entries) => {
            entries.sort_keys();
            entries.values_mut().for_each(sort);
        }
        Value::Array(items) => items.iter_mut().for_each(sort),
        _ => {}
    }
}
