//! From objects to a file of definitions that reads as the same objects.

use std::collections::BTreeMap;

use larder_core::{
    Aggregation, ComponentDigest, DataSource, DataSourceKind, Entity, ExternalTable, FeatureService,
    FeatureView, FeatureViewKind, FeatureViewProjection, Field, FileFormat, LoggingConfig,
    LoggingDestination, MessageFormat, OnDemandFeatureView, OnDemandSource, Permission, PermissionType,
    Policy, Project, PythonFunction, SavedDataset, SavedDatasetStorage, SourceColumns, StreamSystem,
    TransformationLimits, ValidationReference, ViewVersion, format_span,
};
use serde_json::{Map, Value, json};

use crate::aggregation_json::aggregations_to_json;
use crate::byte_size::format_byte_size;
use crate::describe::to_yaml;
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

/// An object in the making; what is empty or the default is left out.
#[derive(Default)]
struct Object(Map<String, Value>);

impl Object {
    fn named(name: &str) -> Self {
        Self::default().value("name", name.into())
    }

    fn value(mut self, key: &str, value: Value) -> Self {
        self.0.insert(key.to_owned(), value);
        self
    }

    fn text(self, key: &str, text: &str) -> Self {
        if text.is_empty() { self } else { self.value(key, text.into()) }
    }

    fn flag(self, key: &str, flag: bool, default: bool) -> Self {
        if flag == default { self } else { self.value(key, flag.into()) }
    }

    fn list(self, key: &str, items: Vec<Value>) -> Self {
        if items.is_empty() { self } else { self.value(key, Value::Array(items)) }
    }

    fn names(self, key: &str, names: &[String]) -> Self {
        self.list(key, names.iter().map(|name| name.as_str().into()).collect())
    }

    fn labels(self, key: &str, labels: &BTreeMap<String, String>) -> Self {
        if labels.is_empty() { self } else { self.value(key, json!(labels)) }
    }

    fn version(self, version: ViewVersion) -> Self {
        match version {
            ViewVersion::Latest => self,
            ViewVersion::Pinned(_) => self.text("version", &version.to_string()),
        }
    }

    fn about(self, description: &str, tags: &BTreeMap<String, String>, owner: &str) -> Self {
        self.text("description", description).labels("tags", tags).text("owner", owner)
    }

    fn build(self) -> Value {
        Value::Object(self.0)
    }
}

impl Writer<'_> {
    fn write(&mut self) {
        let definitions = self.definitions;
        self.files.yaml.push_str(&to_yaml(&json!({ "project": project(&definitions.project) })));
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
            self.files.yaml.push_str(&to_yaml(&Value::Array(vec![object])));
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
            OnDemandSource::FeatureView(projection) => Some(self.projection(projection)),
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
        let features: Vec<String> = projection.features.iter().filter(known).cloned().collect();
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

fn project(project: &Project) -> Value {
    Object::named(&project.name).about(&project.description, &project.tags, &project.owner).build()
}

fn entity(entity: &Entity) -> Value {
    let value_type = entity.value_type.as_ref().map(ToString::to_string);
    Object::named(&entity.name)
        .text("join_key", &entity.join_key)
        .text("value_type", &value_type.unwrap_or_default())
        .about(&entity.description, &entity.tags, &entity.owner)
        .build()
}

fn field(field: &Field) -> Value {
    let object = Object::named(&field.name)
        .text("dtype", &field.value_type.to_string())
        .text("description", &field.description)
        .labels("tags", &field.tags)
        .flag("vector_index", field.vector.index, false)
        .text("vector_search_metric", &field.vector.metric);
    match field.vector.length {
        0 => object.build(),
        length => object.value("vector_length", length.into()).build(),
    }
}

fn span(span: Option<std::time::Duration>) -> String {
    span.filter(|span| !span.is_zero()).map(format_span).unwrap_or_default()
}

fn aggregations(aggregations: &[Aggregation]) -> Vec<Value> {
    match aggregations_to_json(aggregations) {
        Value::Array(items) => items,
        _ => Vec::new(),
    }
}

fn limits(limits: TransformationLimits) -> Option<Value> {
    let default = TransformationLimits::default();
    if limits == default {
        return None;
    }
    Some(json!({
        "wall_time": format_span(limits.wall_time),
        "memory": format_byte_size(limits.memory_bytes),
        "output": format_byte_size(limits.output_bytes),
    }))
}

fn columns(object: Object, columns: &SourceColumns) -> Object {
    object
        .text("timestamp_field", &columns.timestamp_field)
        .text("created_timestamp_column", columns.created_timestamp_column.as_deref().unwrap_or_default())
        .labels("field_mapping", &columns.field_mapping)
        .text("date_partition_column", &columns.date_partition_column)
        .text("timestamp_field_type", &columns.timestamp_field_type)
}

fn data_source(source: &DataSource) -> Value {
    let object = Object::named(&source.name).text("type", source.type_name());
    let object = match &source.kind {
        DataSourceKind::File(file) => object
            .text("path", &file.path)
            .text("file_format", written_format(&file.path, file.format))
            .text("timestamp_field", &file.timestamp_field)
            .text("created_timestamp_column", file.created_timestamp_column.as_deref().unwrap_or_default())
            .labels("field_mapping", &file.field_mapping)
            .text("s3_endpoint_override", &file.s3_endpoint_override),
        DataSourceKind::Push(push) => {
            object.text("batch_source", push.batch_source.as_deref().unwrap_or_default())
        }
        DataSourceKind::Request(request) => object.list("schema", request.schema.iter().map(field).collect()),
        DataSourceKind::Stream(stream) => {
            let format = match &stream.format {
                MessageFormat::Avro(text) => json!({ "avro": text }),
                MessageFormat::Proto(text) => json!({ "proto": text }),
                MessageFormat::Json(text) => json!({ "json": text }),
                _ => Value::Null,
            };
            let object = match &stream.system {
                StreamSystem::Kafka { kafka_bootstrap_servers, topic, watermark_delay_threshold } => object
                    .value("kafka_bootstrap_servers", kafka_bootstrap_servers.as_str().into())
                    .value("topic", topic.as_str().into())
                    .value("message_format", format)
                    .text(
                        "watermark_delay_threshold",
                        &watermark_delay_threshold.map(format_span).unwrap_or_default(),
                    ),
                StreamSystem::Kinesis { region, stream_name } => object
                    .value("region", region.as_str().into())
                    .value("stream_name", stream_name.as_str().into())
                    .value("record_format", format),
                _ => object,
            };
            columns(object, &stream.columns)
                .text("batch_source", stream.batch_source.as_deref().unwrap_or_default())
        }
        DataSourceKind::External(table) => columns(external_options(object, table), &table.columns),
        _ => object,
    };
    object.about(&source.description, &source.tags, &source.owner).build()
}

/// The format of a file, where its path does not tell.
fn written_format(path: &str, format: FileFormat) -> &'static str {
    if FileFormat::from_path(path).unwrap_or(FileFormat::Parquet) == format { "" } else { format.name() }
}

fn external_options(object: Object, table: &ExternalTable) -> Object {
    options(object, table.system.options(), &table.options)
}

fn options(mut object: Object, keys: &[&str], options: &BTreeMap<String, String>) -> Object {
    for key in keys {
        let Some(text) = options.get(*key) else { continue };
        object = match *key {
            "table_format" | "catalog_properties" | "credential_vending" => {
                object.value(key, serde_json::from_str(text).unwrap_or_else(|_| text.as_str().into()))
            }
            _ => object.text(key, text),
        };
    }
    object
}

fn logging_config(config: &LoggingConfig) -> Value {
    // By way of the text, so that 0.1 stays 0.1.
    let rate =
        config.sample_rate.get().to_string().parse::<f64>().ok().and_then(serde_json::Number::from_f64);
    let object = match rate {
        Some(rate) if config.sample_rate != larder_core::SampleRate::ALL => {
            Object::default().value("sample_rate", Value::Number(rate))
        }
        _ => Object::default(),
    };
    match &config.destination {
        LoggingDestination::File { path, s3_endpoint_override, partition_by } => {
            let file = Object::default()
                .value("path", path.as_str().into())
                .text("s3_endpoint_override", s3_endpoint_override)
                .names("partition_by", partition_by);
            object.value("file", file.build())
        }
        LoggingDestination::BigQuery(table) => object.value("bigquery", table.as_str().into()),
        LoggingDestination::Redshift(table) => object.value("redshift", table.as_str().into()),
        LoggingDestination::Athena(table) => object.value("athena", table.as_str().into()),
        LoggingDestination::Snowflake(table) => object.value("snowflake", table.as_str().into()),
        LoggingDestination::CouchbaseColumnar { database, scope, collection } => object.value(
            "couchbase_columnar",
            json!({ "database": database, "scope": scope, "collection": collection }),
        ),
        LoggingDestination::Custom { kind, config } => object.value(
            "custom",
            Object::default().value("kind", kind.as_str().into()).labels("config", config).build(),
        ),
        _ => object,
    }
    .build()
}

fn saved_dataset(dataset: &SavedDataset) -> Value {
    let storage = match &dataset.storage {
        SavedDatasetStorage::File { path, format, s3_endpoint_override } => Object::default()
            .text("path", path)
            .text("file_format", written_format(path, *format))
            .text("s3_endpoint_override", s3_endpoint_override),
        SavedDatasetStorage::External { system, options: said } => {
            options(Object::default().text("type", system.name()), system.options(), said)
        }
        _ => Object::default(),
    };
    let column = &dataset.event_timestamp_column;
    Object::named(&dataset.name)
        .names("features", &dataset.features)
        .names("join_keys", &dataset.join_keys)
        .flag("full_feature_names", dataset.full_feature_names, false)
        .value("storage", storage.build())
        .text("feature_service", &dataset.feature_service)
        .text("namespace", &dataset.namespace)
        .text("collection", &dataset.collection)
        .text("event_timestamp_column", if column == "event_timestamp" { "" } else { column })
        .about(&dataset.description, &dataset.tags, "")
        .build()
}

fn validation_reference(reference: &ValidationReference) -> Value {
    Object::named(&reference.name)
        .text("dataset", &reference.dataset)
        .text("profile", &reference.profile)
        .about(&reference.description, &reference.tags, "")
        .build()
}

fn permission(permission: &Permission) -> Value {
    let name = |kind: &PermissionType| Value::from(kind.name());
    let policy = match &permission.policy {
        Policy::Roles(roles) => json!({ "roles": roles }),
        Policy::Groups(groups) => json!({ "groups": groups }),
        Policy::Namespaces(namespaces) => json!({ "namespaces": namespaces }),
        Policy::GroupsAndNamespaces { groups, namespaces } => {
            json!({ "groups": groups, "namespaces": namespaces })
        }
        _ => json!({}),
    };
    Object::named(&permission.name)
        .list("types", permission.types.iter().map(name).collect())
        .names("name_patterns", &permission.name_patterns)
        .labels("required_tags", &permission.required_tags)
        // Also where it is empty: without it, all are meant.
        .value("actions", permission.actions.iter().map(|action| Value::from(action.name())).collect())
        .value("policy", policy)
        .labels("tags", &permission.tags)
        .build()
}
