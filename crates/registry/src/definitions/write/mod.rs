//! From objects to a file of definitions that reads as the same objects.

mod objects;

use std::collections::BTreeMap;

use larder_core::{
    ComponentDigest, DataSource, FeatureService, FeatureView, FeatureViewKind, FeatureViewProjection, Field,
    OnDemandFeatureView, OnDemandSource, PythonFunction, ViewVersion, format_span,
};
use serde_json::{Value, json};

use self::objects::{
    Object, aggregations, data_source, entity, field, limits, logging_config, permission, project,
    saved_dataset, span, validation_reference,
};
use crate::describe::{Letters, to_yaml};
use crate::{Definitions, INPUT_SCHEMA_SOURCE_PREFIX, RegistrySnapshot};

/// The objects of a registry as files of a feature repo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefinitionFiles {
    /// The file of definitions.
    pub yaml: String,
    /// Functions in Python that the definitions name: the path in the repo, and the text. They end with
    /// `.py.txt`, so that nothing runs them by accident.
    pub functions: BTreeMap<String, String>,
    /// Components that the definitions name: the path in the repo, and whose bytes are to be there.
    pub components: BTreeMap<String, ComponentDigest>,
}

impl DefinitionFiles {
    /// All objects of a snapshot, each with all it says. Applying the files to the same registry changes
    /// nothing.
    pub fn of_snapshot(snapshot: &RegistrySnapshot) -> Self {
        fn objects<T: Clone>(objects: &[crate::Registered<T>]) -> Vec<T> {
            objects.iter().map(|registered| registered.object.as_ref().clone()).collect()
        }
        let definitions = Definitions {
            entities: objects(snapshot.entities()),
            data_sources: objects(snapshot.data_sources()),
            feature_views: objects(snapshot.feature_views()),
            on_demand_feature_views: objects(snapshot.on_demand_feature_views()),
            feature_services: objects(snapshot.feature_services()),
            saved_datasets: objects(snapshot.saved_datasets()),
            validation_references: objects(snapshot.validation_references()),
            permissions: objects(snapshot.permissions()),
            ..Definitions::new(snapshot.project.clone())
        };
        let notes = snapshot.unsupported().iter().map(|object| format!("left out: {object}")).collect();
        Self::of_definitions(&definitions, notes)
    }

    fn of_definitions(definitions: &Definitions, notes: Vec<String>) -> Self {
        let mut writer = Writer {
            definitions,
            files: Self { yaml: String::new(), functions: BTreeMap::new(), components: BTreeMap::new() },
        };
        for note in notes {
            writer.comment(&note);
        }
        writer.write();
        writer.files
    }
}

struct Writer<'a> {
    definitions: &'a Definitions,
    files: DefinitionFiles,
}

impl Writer<'_> {
    fn write(&mut self) {
        let definitions = self.definitions;
        self.files
            .yaml
            .push_str(&to_yaml(&json!({ "project": project(&definitions.project) }), Letters::Kept));
        self.section("entities", definitions.entities.iter().map(entity).collect());
        let listed = definitions
            .data_sources
            .iter()
            .filter(|source| !source.name.starts_with(INPUT_SCHEMA_SOURCE_PREFIX));
        self.section("data_sources", listed.map(data_source).collect());
        for (key, wanted) in [
            (
                "feature_views",
                (|kind| matches!(kind, FeatureViewKind::Plain)) as fn(&FeatureViewKind) -> bool,
            ),
            ("batch_feature_views", |kind| matches!(kind, FeatureViewKind::Batch(_))),
            ("stream_feature_views", |kind| matches!(kind, FeatureViewKind::Stream(_))),
            ("label_views", |kind| matches!(kind, FeatureViewKind::Label(_))),
        ] {
            let views = definitions.feature_views.iter().filter(|view| wanted(&view.kind));
            let views = views.map(|view| self.feature_view(view)).collect();
            self.section(key, views);
        }
        let views = definitions.on_demand_feature_views.iter().map(|view| self.on_demand(view)).collect();
        self.commented_section("on_demand_feature_views", views);
        let services = definitions.feature_services.iter().map(|service| self.service(service)).collect();
        self.section("feature_services", services);
        self.section("saved_datasets", definitions.saved_datasets.iter().map(saved_dataset).collect());
        let references = definitions.validation_references.iter().map(validation_reference);
        self.section("validation_references", references.collect());
        self.section("permissions", definitions.permissions.iter().map(permission).collect());
    }

    fn comment(&mut self, text: &str) {
        for line in text.lines() {
            self.files.yaml.push_str(&format!("# {line}\n"));
        }
    }

    fn section(&mut self, key: &str, objects: Vec<Value>) {
        self.commented_section(key, objects.into_iter().map(|object| (object, None)).collect());
    }

    fn commented_section(&mut self, key: &str, objects: Vec<(Value, Option<String>)>) {
        if objects.is_empty() {
            return;
        }
        self.files.yaml.push_str(&format!("\n{key}:\n"));
        for (object, comment) in objects {
            if let Some(comment) = comment {
                self.comment(&comment);
            }
            self.files.yaml.push_str(&to_yaml(&Value::Array(vec![object]), Letters::Kept));
        }
    }

    /// The path of a function's text, which is kept.
    fn function(&mut self, view: &str, function: &PythonFunction) -> Value {
        let path = format!("python/{}.py.txt", file_name(view));
        self.files.functions.insert(path.clone(), function.text.clone());
        json!({ "name": function.name, "file": path })
    }

    fn feature_view(&mut self, view: &FeatureView) -> Value {
        let is_batch = matches!(view.kind, FeatureViewKind::Batch(_));
        let is_label = matches!(view.kind, FeatureViewKind::Label(_));
        let derived = !view.source_views.is_empty();
        let source = view.stream_source.as_ref().or(view.batch_source.as_ref());
        let keys = view.join_keys.iter();
        let keys = keys.filter(|key| !view.is_entityless() && self.tells_more(&view.entities, key));
        let schema = keys.chain(&view.features).map(field).collect();
        let default_mode = match &view.kind {
            FeatureViewKind::Batch(_) | FeatureViewKind::Stream(_) => "python",
            _ => "",
        };
        let mut object = Object::named(&view.name)
            .names("entities", &view.entities)
            .text(
                if derived { "sink_source" } else { "source" },
                source.map(String::as_str).unwrap_or_default(),
            )
            .names("source_views", &view.source_views)
            .list("schema", schema)
            .text("ttl", &span(Some(view.ttl)))
            .flag("online", view.online, !is_batch)
            .flag("enabled", view.enabled, true)
            .text("mode", if view.mode == default_mode { "" } else { &view.mode })
            .flag("enable_validation", view.enable_validation, false)
            .version(view.version)
            .about(&view.description, &view.tags, &view.owner)
            .text("org", &view.org);
        if is_label && view.entities.is_empty() {
            // They must be said.
            object = object.value("entities", json!([]));
        }
        if !is_label {
            object = object.flag("offline", view.offline, false);
        }
        if let Some(udf) = view.udf() {
            object = object.value("udf", self.function(&view.name, udf));
        }
        match &view.kind {
            FeatureViewKind::Batch(batch) => {
                object = object.list("aggregations", aggregations(&batch.aggregations));
                if !batch.batch_engine.is_empty() {
                    let engine = serde_json::from_str(&batch.batch_engine);
                    object = object
                        .value("batch_engine", engine.unwrap_or_else(|_| batch.batch_engine.as_str().into()));
                }
            }
            FeatureViewKind::Stream(stream) => {
                object = object
                    .list("aggregations", aggregations(&stream.aggregations))
                    .text("timestamp_field", &stream.timestamp_field)
                    .flag("enable_tiling", stream.enable_tiling, false)
                    .text("tiling_hop_size", &stream.tiling_hop_size.map(format_span).unwrap_or_default());
            }
            FeatureViewKind::Label(rules) => {
                object = object
                    .text("labeler_field", &rules.labeler_field)
                    .text("conflict_policy", rules.conflict_policy.name())
                    .text("reference_feature_view", &rules.reference_feature_view);
            }
            _ => {}
        }
        object.build()
    }

    /// Whether a join key column says more than its entity, one of `entities`, does.
    fn tells_more(&self, entities: &[String], key: &Field) -> bool {
        let entity = self
            .definitions
            .entities
            .iter()
            .find(|entity| entities.contains(&entity.name) && entity.join_key == key.name);
        let plain =
            entity.and_then(|entity| entity.value_type.clone()).map(|kind| Field::new(&key.name, kind));
        plain.as_ref() != Some(key)
    }

    fn on_demand(&mut self, view: &OnDemandFeatureView) -> (Value, Option<String>) {
        let input = view.sources.iter().find_map(|source| match source {
            OnDemandSource::RequestSource(name) if name.starts_with(INPUT_SCHEMA_SOURCE_PREFIX) => Some(name),
            _ => None,
        });
        let input = input.and_then(|name| self.source(name)).and_then(DataSource::as_request);
        let sources = view.sources.iter().filter_map(|source| match source {
            OnDemandSource::FeatureView(projection) | OnDemandSource::OnDemandFeatureView(projection) => {
                Some(self.projection(projection))
            }
            OnDemandSource::RequestSource(name) if name.starts_with(INPUT_SCHEMA_SOURCE_PREFIX) => None,
            OnDemandSource::RequestSource(name) => Some(name.as_str().into()),
            _ => None,
        });
        let sources = sources.collect();
        let keys = view.join_keys.iter();
        let keys = keys.filter(|key| !view.entities.is_empty() && self.tells_more(&view.entities, key));
        let mut object = Object::named(&view.name)
            .list("sources", sources)
            .list(
                "input_schema",
                input.map(|input| input.schema.iter().map(field).collect()).unwrap_or_default(),
            )
            .list("schema", keys.chain(&view.features).map(field).collect());
        let mut comment = None;
        match view.transformation.component {
            Some(digest) => {
                let path = format!("udfs/{}.wasm", digest.to_string().get(..16).unwrap_or_default());
                self.files.components.insert(path.clone(), digest);
                let mut transformation = Object::default()
                    .text("component", &path)
                    .text("function", &view.transformation.function);
                if let Some(limits) = limits(view.transformation.limits) {
                    transformation = transformation.value("limits", limits);
                }
                object = object.value("transformation", transformation.build());
            }
            None => {
                comment = Some(format!(
                    "`{name}` needs a component. Write its function anew in a language that compiles to \
                     WebAssembly, then either\nadd `transformation: {{component: FILE}}` here and run `larder apply`, \
                     or run `larder udf bind {name} FILE`.{}",
                    match &view.python.udf {
                        Some(_) => "\nWhat it computes in Feast stands in the file of `udf`.",
                        None => "",
                    },
                    name = view.name
                ));
            }
        }
        object = object.text("mode", &view.python.mode);
        if let Some(udf) = &view.python.udf {
            object = object.value("udf", self.function(&view.name, udf));
        }
        let object = object
            .flag("singleton", view.python.singleton, false)
            .flag("track_metrics", view.track_metrics, false)
            .list("aggregations", aggregations(&view.aggregations))
            .flag("write_to_online_store", view.write_to_online_store, false)
            .names("entities", &view.entities)
            .version(view.version)
            .flag("enabled", view.enabled, true)
            .about(&view.description, &view.tags, &view.owner)
            .text("org", &view.org);
        (object.build(), comment)
    }

    fn source(&self, name: &str) -> Option<&DataSource> {
        self.definitions.data_sources.iter().find(|source| source.name == name)
    }

    fn service(&self, service: &FeatureService) -> Value {
        let features = service.features.iter().map(|projection| self.projection(projection)).collect();
        let object = Object::named(&service.name).list("features", features);
        let object = match &service.logging_config {
            Some(config) => object.value("logging_config", logging_config(config)),
            None => object,
        };
        object
            .flag("precompute_online", service.precompute_online, false)
            .about(&service.description, &service.tags, &service.owner)
            .build()
    }

    /// The name of the view alone, where all of it is meant.
    fn projection(&self, projection: &FeatureViewProjection) -> Value {
        let stored = self.definitions.feature_views.iter().find(|view| view.name == projection.view);
        let on_demand = self.definitions.on_demand_feature_views.iter();
        let on_demand =
            on_demand.filter(|view| view.name == projection.view).map(|view| &view.features).next();
        let all = stored.map(|view| &view.features).or(on_demand);
        let whole = projection.version.is_none()
            && all.is_some_and(|all| all.iter().map(|field| &field.name).eq(&projection.features));
        if whole && projection.alias.is_none() && projection.join_key_map.is_empty() {
            // A request source may have the same name.
            return match self.source(&projection.view) {
                Some(_) => json!({ "feature_view": projection.view }),
                None => projection.view.as_str().into(),
            };
        }
        // A feature of a type that larder does not have is left out of its view, and so here.
        let known = |name: &&String| {
            projection.version.is_some() || all.is_none_or(|all| all.iter().any(|field| &field.name == *name))
        };
        let mut features: Vec<String> = projection.features.iter().filter(known).cloned().collect();
        if features.is_empty() {
            // Without any the whole view would be meant; so the reader is told of those that it lacks.
            features.clone_from(&projection.features);
        }
        let object = Object::default().text("feature_view", &projection.view);
        let object = if whole { object } else { object.names("features", &features) };
        object
            .text("name_alias", projection.alias.as_deref().unwrap_or_default())
            .labels("join_key_map", &projection.join_key_map)
            .version(projection.version.map_or(ViewVersion::Latest, ViewVersion::Pinned))
            .build()
    }
}

/// A name without what a path could not hold.
fn file_name(view: &str) -> String {
    view.chars().map(|c| if c.is_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use larder_core::{FeatureView, Field, Project, ValueType};

    use super::*;

    #[test]
    fn a_service_of_features_that_are_gone_does_not_become_one_of_the_whole_view() {
        let mut view = FeatureView::new("stats");
        view.features = vec![Field::new("kept", ValueType::INT64)];
        let service = |name: &str, features: &[&str]| {
            let features = features.iter().map(|feature| (*feature).to_owned()).collect();
            FeatureService::new(name, vec![FeatureViewProjection::new("stats", features)])
        };
        let definitions = Definitions {
            feature_views: vec![view],
            feature_services: vec![service("some", &["kept", "gone"]), service("none", &["gone"])],
            ..Definitions::new(Project::new("p"))
        };
        let yaml = DefinitionFiles::of_definitions(&definitions, Vec::new()).yaml;
        assert!(
            yaml.contains("- name: some\n  features:\n  - feature_view: stats\n    features:\n    - kept\n"),
            "{yaml}"
        );
        assert!(
            yaml.contains("- name: none\n  features:\n  - feature_view: stats\n    features:\n    - gone\n"),
            "{yaml}"
        );
    }
}
