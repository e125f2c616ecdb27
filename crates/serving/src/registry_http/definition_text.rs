//! What a Python program would write to define an object: `featureDefinition` in Feast's answers.
//!
//! The texts are for reading. Feast fills them into templates as they are, and so does this, so that a text with
//! quotes in it makes no good Python.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use larder_registry::{ObjectKind, RegisteredFeature, RegisteredObject, value_type_text};
use serde_json::{Map, Value};

use crate::http::python_repr;

pub(super) fn of_entity(entity: &RegisteredObject) -> String {
    let name = &entity.name;
    let join_key = entity.spec("joinKey").map(|key| format!("[{}]", python(key)));
    let mut text = format!(
        "from feast import Entity\n\n{name} = Entity(\n    name=\"{name}\",\n    join_keys={}",
        join_key.unwrap_or_else(|| "[]".to_owned())
    );
    let description = field(entity, "description");
    if !description.is_empty() {
        text += &format!(",\n    description=\"{description}\"");
    }
    if let Some(tags) = entity.spec("tags") {
        text += &format!(",\n    tags={}", python(tags));
    }
    // Feast's templates end with a space that follows the last parenthesis.
    text + ") "
}

pub(super) fn of_data_source(source: &RegisteredObject) -> String {
    let name = &source.name;
    match field(source, "type") {
        "REQUEST_SOURCE" => {
            let schema = source.spec("requestDataOptions").and_then(|options| options.get("schema"));
            let fields = items(schema);
            let (types, lines) = (types_of(fields), field_lines(fields));
            format!(
                "from feast import RequestSource, Field\nfrom feast.types import {types}\n\n{name} = RequestSource(\n    \
                 name=\"{name}\",\n    schema=[\n{lines}    ],\n) "
            )
        }
        "PUSH_SOURCE" if source.spec("batchSource").is_some() => {
            let batch = source.spec("batchSource").and_then(|batch| batch.get("name")?.as_str());
            let batch = batch.unwrap_or("batch_source");
            format!(
                "from feast import PushSource\n\n{name} = PushSource(\n    name=\"{name}\",\n    batch_source={batch},\n) "
            )
        }
        _ => {
            let uri = source.spec("fileOptions").and_then(|options| options.get("uri")?.as_str());
            let time = source.spec("timestampField").and_then(Value::as_str).unwrap_or("event_timestamp");
            let created = field(source, "createdTimestampColumn");
            let mut text = format!(
                "from feast import FileSource\n\n{name} = FileSource(\n    name=\"{name}\",\n    path=\"{}\",\n    \
                 timestamp_field=\"{time}\",\n",
                uri.unwrap_or_default()
            );
            if !created.is_empty() {
                text += &format!("created_timestamp_column=\"{created}\",");
            }
            text + ") "
        }
    }
}

pub(super) fn of_view(view: &RegisteredObject) -> String {
    let name = &view.name;
    let entities: Vec<&str> = items(view.spec("entities")).iter().filter_map(Value::as_str).collect();
    let entities = entities.join(", ");
    let (class, source) = class_and_source(view);
    let fields = items(view.spec("features"));
    let (types, lines) = (types_of(fields), field_lines(fields));
    let assumed = format!("# Assumes {entities} and {source} are defined elsewhere in your repo\n");
    if class == "OnDemandFeatureView" {
        return format!(
            "from feast import Field\nfrom feast.on_demand_feature_view import on_demand_feature_view\n\
             import pandas as pd\nfrom feast.types import {types}\n\n{assumed}@on_demand_feature_view(\n    \
             sources={source},\n    schema=[\n{lines}    ],\n)\n\
             def {name}(inputs: pd.DataFrame) -> pd.DataFrame:\n    df = pd.DataFrame()\n    \
             # Your transformation logic here\n    \
             # Example: df[\"feature_name\"] = inputs[\"source_column\"]\n    return df\n "
        );
    }
    let ttl = field(view, "ttl")
        .strip_suffix('s')
        .filter(|seconds| !seconds.is_empty() && seconds.bytes().all(|digit| digit.is_ascii_digit()));
    let ttl = ttl.map_or_else(|| "days=1".to_owned(), |seconds| format!("seconds={seconds}"));
    let online = view.spec("online").is_none_or(|online| online == true);
    let online = if online { "True" } else { "False" };
    let tags = view.spec("tags").map(|tags| format!("tags={},", python(tags))).unwrap_or_default();
    format!(
        "from feast import Field, {class}\nfrom feast.types import {types}\n\n{assumed}{name}_feature_view = {class}(\n    \
         name=\"{name}\",\n    entities=[{entities}],\n    ttl=timedelta({ttl}),\n    schema=[\n{lines}    ],\n    \
         online={online},\n    source={source},\n    {tags}\n)\n "
    )
}

pub(super) fn of_feature(feature: &RegisteredFeature) -> String {
    // Feast does not recognise the names of its own types here, and calls all of them texts.
    let mut text = format!(
        "from feast import Feature\n\n{name} = Feature(\n    name=\"{name}\",\n    dtype=String,\n",
        name = feature.name
    );
    if !feature.description.is_empty() {
        text += &format!("description=\"{}\",", feature.description);
    }
    if !feature.tags.is_empty() {
        text += &format!("labels={},", python_tags(&feature.tags));
    }
    text + ") "
}

pub(super) fn of_feature_service(service: &RegisteredObject) -> String {
    let projections = items(service.spec("features")).iter().filter_map(|projection| {
        let view = projection.get("featureViewName")?.as_str()?;
        let columns = items(projection.get("featureColumns"));
        let names: Vec<String> = columns.iter().filter_map(|column| column.get("name")).map(python).collect();
        Some(if names.is_empty() { view.to_owned() } else { format!("{view}[[{}]]", names.join(", ")) })
    });
    let features: Vec<String> = projections.collect();
    let mut text = format!(
        "from feast import FeatureService\n\n{name} = FeatureService(\n    name=\"{name}\",\n    features=[{}],\n",
        features.join(", "),
        name = service.name
    );
    if let Some(tags) = service.spec("tags") {
        text += &format!("tags={},", python(tags));
    }
    let description = field(service, "description");
    if !description.is_empty() {
        text += &format!("description=\"{description}\",");
    }
    if let Some(config) =
        service.spec("loggingConfig").filter(|config| **config != Value::Object(Map::default()))
    {
        text += &format!("logging_config={},", python(config));
    }
    text + ") "
}

pub(super) fn of_saved_dataset(dataset: &RegisteredObject) -> String {
    let features: Vec<&str> = items(dataset.spec("features")).iter().filter_map(Value::as_str).collect();
    let mut text = format!(
        "from feast import SavedDataset\n\n{name} = SavedDataset(\n    name=\"{name}\",\n    features=[{}],\n",
        features.join(", "),
        name = dataset.name
    );
    if let Some(tags) = dataset.spec("tags") {
        text += &format!("tags={},", python(tags));
    }
    text + ") "
}

/// The Python class of a view, and what it reads as an expression.
fn class_and_source(view: &RegisteredObject) -> (&'static str, String) {
    let name_of = |key: &str, otherwise: &str| {
        let name = view.spec(key).and_then(|source| source.get("name")?.as_str());
        name.unwrap_or(otherwise).to_owned()
    };
    match view.kind {
        ObjectKind::OnDemandFeatureView => {
            let sources = view.spec("sources").and_then(Value::as_object);
            let pairs: Vec<String> =
                sources.into_iter().flatten().map(|(key, _)| format!("\"{key}\": {key}")).collect();
            let source = if pairs.is_empty() {
                "source_feature_view".to_owned()
            } else {
                format!("{{{}}}", pairs.join(", "))
            };
            ("OnDemandFeatureView", source)
        }
        ObjectKind::StreamFeatureView => ("StreamFeatureView", name_of("streamSource", "stream_source")),
        _ => {
            let views: Vec<&str> = items(view.spec("sourceViews"))
                .iter()
                .map(|view| view.get("name").and_then(Value::as_str).unwrap_or("source_view"))
                .collect();
            let source = if !views.is_empty() {
                format!("[{}]", views.join(", "))
            } else if view.spec("source").is_some_and(|source| source.get("name").is_some()) {
                name_of("source", "")
            } else {
                name_of("batchSource", "driver_stats_source")
            };
            ("FeatureView", source)
        }
    }
}

fn field_lines(fields: &[Value]) -> String {
    let mut lines = String::new();
    for field in fields {
        let text = |key| field.get(key).and_then(Value::as_str).unwrap_or_default();
        let description = match text("description") {
            "" => String::new(),
            description => format!(", description=\"{description}\""),
        };
        // Writing to a string cannot fail.
        let _written = writeln!(
            lines,
            "        Field(name=\"{}\", dtype={}{description}),",
            text("name"),
            type_of(field)
        );
    }
    lines
}

/// The types of fields, each once.
fn types_of(fields: &[Value]) -> String {
    let mut types: Vec<String> = Vec::new();
    for field in fields {
        let value_type = type_of(field);
        if !types.contains(&value_type) {
            types.push(value_type);
        }
    }
    types.join(", ")
}

/// The type of a field as far as its number tells: Feast does not ask its tags here.
fn type_of(field: &Value) -> String {
    let registered = field.get("valueType").and_then(Value::as_str).unwrap_or_default();
    value_type_text(registered, &BTreeMap::new())
}

fn field<'a>(object: &'a RegisteredObject, key: &str) -> &'a str {
    object.spec(key).and_then(Value::as_str).unwrap_or_default()
}

fn items(list: Option<&Value>) -> &[Value] {
    list.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn python_tags(tags: &BTreeMap<String, String>) -> String {
    python(&tags.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str()))).collect())
}

/// A value as Python prints it.
pub(super) fn python(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(truth) => if *truth { "True" } else { "False" }.to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => python_repr(text),
        Value::Array(items) => format!("[{}]", items.iter().map(python).collect::<Vec<_>>().join(", ")),
        Value::Object(entries) => {
            let entries =
                entries.iter().map(|(key, value)| format!("{}: {}", python_repr(key), python(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}
