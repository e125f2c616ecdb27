//! Objects that clients register and remove.
//!
//! A body is read into the JSON form of the object, which [`SentObject`] checks. Whether its sender may is asked under
//! the lock of the registry, so that nobody changes in between what the answer depends on.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use larder_core::PermittedAction;
use larder_registry::{ObjectKind, PERMISSION_TYPES, PERMITTED_ACTIONS, SentObject};
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use super::body::{Fields, Mistakes};
use super::door::{Asked, Door, Json};
use super::json_object::set;
use super::refusal::Refusal;
use super::sight::{Sight, view_type};
use crate::http::{FOREIGN_PAGE, is_unasked, json_response};
use crate::{Access, Protected};

/// A larger body is refused with 413.
const MAX_BODY_BYTES: usize = 1 << 20;

/// How long a client may take to send it.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// A request that registers something.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) access: Access,
    bytes: Bytes,
}

impl FromRequest<Arc<Door>> for Sent {
    type Rejection = Refusal;

    async fn from_request(request: Request, door: &Arc<Door>) -> Result<Self, Refusal> {
        let access = door.access(request.headers()).await?;
        if is_unasked(request.headers()) {
            return Err(Refusal::http(StatusCode::FORBIDDEN, FOREIGN_PAGE));
        }
        let read = timeout(BODY_TIMEOUT, to_bytes(request.into_body(), MAX_BODY_BYTES)).await;
        let late = "The body did not arrive in time";
        let bytes = read.map_err(|_elapsed| Refusal::http(StatusCode::REQUEST_TIMEOUT, late))?;
        let bytes = bytes.map_err(|_| {
            let detail = format!("The body is larger than {MAX_BODY_BYTES} bytes, or broke off");
            Refusal::http(StatusCode::PAYLOAD_TOO_LARGE, detail)
        })?;
        Ok(Self { access, bytes })
    }
}

impl Sent {
    /// What `read` makes of the body, if nothing is wrong with it.
    pub(super) fn read<T: Default>(&self, read: impl FnOnce(&Fields<'_>) -> T) -> Result<T, Refusal> {
        let body: Value = if self.bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&self.bytes).map_err(|error| {
                let detail = format!("The body is no JSON: {error}");
                Refusal::http(StatusCode::UNPROCESSABLE_ENTITY, detail)
            })?
        };
        let mistakes = Mistakes::new(self.bytes.len());
        let made = Fields::of(&body, &mistakes).map(|fields| read(&fields)).unwrap_or_default();
        mistakes.finish()?;
        Ok(made)
    }
}

pub(super) async fn entity(State(door): State<Arc<Door>>, sent: Sent) -> Result<Response, Refusal> {
    let (project, name, spec) = sent.read(|body| {
        let (name, project) = (body.text("name"), body.text("project"));
        let join_key = body.optional_text("join_key").filter(|key| !key.is_empty());
        let value_type = if body.has("value_type") { body.optional_number("value_type") } else { Some(2) };
        let mut spec = common(body, &name);
        spec.insert("joinKey".to_owned(), join_key.unwrap_or_else(|| name.clone()).into());
        spec.insert("valueType".to_owned(), value_type.into());
        (project, name, spec)
    })?;
    if name.is_empty() {
        return Err(Refusal::no_such_value("The entity does not have a name.".to_owned()));
    }
    put(&door, sent.access, ObjectKind::Entity, &project, json!({ "spec": spec })).await?;
    Ok(applied(&name, &project))
}

pub(super) async fn data_source(State(door): State<Arc<Door>>, sent: Sent) -> Result<Response, Refusal> {
    let (project, name, source) = sent.read(|body| {
        let (name, project) = (body.text("name"), body.text("project"));
        let mut source = common(body, &name);
        let mut add =
            |key: &str, value: Option<Value>| source.extend(value.map(|value| (key.to_owned(), value)));
        add("type", body.optional_number("type").map(Value::from));
        for (key, field) in [
            ("timestampField", "timestamp_field"),
            ("createdTimestampColumn", "created_timestamp_column"),
            ("datePartitionColumn", "date_partition_column"),
            ("dataSourceClassType", "data_source_class_type"),
        ] {
            add(key, body.optional_text(field).map(Value::from));
        }
        let options: Vec<(&str, Value)> = SOURCE_OPTIONS
            .iter()
            .filter_map(|(field, key, parts)| Some((*key, source_options(&body.object(field)?, parts))))
            .collect();
        // Of several the first counts, in this order.
        if let Some((key, mut options)) = options.into_iter().next() {
            // Feast forgets the format, and then cannot read what it has registered.
            match key {
                "kafkaOptions" => {
                    set(&mut options, "messageFormat", format_of(body, "kafka_options", "message_format"));
                }
                "kinesisOptions" => {
                    set(&mut options, "recordFormat", format_of(body, "kinesis_options", "record_format"));
                }
                _ => {}
            }
            add(key, Some(options));
        }
        (project, name, source)
    })?;
    put(&door, sent.access, ObjectKind::DataSource, &project, Value::Object(source)).await?;
    Ok(applied(&name, &project))
}

/// The options of a data source: their field in a body, in the JSON form, and what is in them by both names.
type Options = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const SOURCE_OPTIONS: &[Options] = &[
    ("file_options", "fileOptions", &[("uri", "uri"), ("s3_endpoint_override", "s3EndpointOverride")]),
    ("bigquery_options", "bigqueryOptions", &[("table", "table"), ("query", "query")]),
    (
        "snowflake_options",
        "snowflakeOptions",
        &[("table", "table"), ("database", "database"), ("schema_", "schema"), ("query", "query")],
    ),
    (
        "redshift_options",
        "redshiftOptions",
        &[("table", "table"), ("database", "database"), ("schema_", "schema"), ("query", "query")],
    ),
    (
        "kafka_options",
        "kafkaOptions",
        &[("kafka_bootstrap_servers", "kafkaBootstrapServers"), ("topic", "topic")],
    ),
    (
        "spark_options",
        "sparkOptions",
        &[
            ("table", "table"),
            ("path", "path"),
            ("query", "query"),
            ("file_format", "fileFormat"),
            ("date_partition_column_format", "datePartitionColumnFormat"),
        ],
    ),
    ("trino_options", "trinoOptions", &[("table", "table"), ("query", "query")]),
    (
        "athena_options",
        "athenaOptions",
        &[("table", "table"), ("query", "query"), ("database", "database"), ("data_source", "dataSource")],
    ),
    ("kinesis_options", "kinesisOptions", &[("region", "region"), ("stream_name", "streamName")]),
    ("custom_options", "customOptions", &[("configuration", "configuration")]),
];

/// The format of a stream, JSON unless it is said to be another.
fn format_of(body: &Fields<'_>, options: &str, field: &str) -> Value {
    let named = body.object(options).and_then(|options| options.optional_text(field)).unwrap_or_default();
    let format = match named.as_str() {
        "avro" => "avroFormat",
        "proto" => "protoFormat",
        _ => "jsonFormat",
    };
    json!({ format: {} })
}

fn source_options(body: &Fields<'_>, parts: &[(&str, &str)]) -> Value {
    let mut options = Map::new();
    for (field, key) in parts {
        let text = if *field == "query" || *field == "configuration" {
            body.optional_text(field).unwrap_or_default()
        } else {
            body.text_or(field, "")
        };
        // Bytes, which protobuf's JSON form shows in base64.
        let text = if *key == "configuration" { base64(&text) } else { text };
        options.insert((*key).to_owned(), text.into());
    }
    Value::Object(options)
}

pub(super) async fn feature_view(State(door): State<Arc<Door>>, sent: Sent) -> Result<Response, Refusal> {
    let (project, name, mut spec, batch_source) = sent.read(|body| {
        let (name, project) = (body.text("name"), body.text("project"));
        let mut spec = common(body, &name);
        spec.insert("entities".to_owned(), body.texts("entities").into());
        let feature = |feature: Fields<'_>| {
            let value_type =
                if feature.has("value_type") { feature.optional_number("value_type") } else { Some(2) };
            json!({
                "name": feature.text("name"),
                "valueType": value_type,
                "description": feature.optional_text("description"),
            })
        };
        let features: Vec<Value> = body.objects("features").into_iter().map(feature).collect();
        spec.insert("features".to_owned(), features.into());
        // Zero is what Feast makes of none.
        let ttl = format!("{}s", body.optional_number("ttl_seconds").unwrap_or_default());
        spec.insert("ttl".to_owned(), ttl.into());
        spec.insert("online".to_owned(), body.optional_flag("online").unwrap_or(true).into());
        (project, name, spec, body.optional_text("batch_source").filter(|source| !source.is_empty()))
    })?;
    if let Some(source) = batch_source {
        let sight = Sight::of(door.server.as_ref(), &sent.access, &project).await?;
        let source = sight.find(ObjectKind::DataSource, &source)?;
        spec.insert("batchSource".to_owned(), source.json.clone());
    }
    if spec.get("entities").is_none_or(|entities| *entities == json!([])) {
        return Err(Refusal::no_such_value("Feature view has no entities.".to_owned()));
    }
    put(&door, sent.access, ObjectKind::FeatureView, &project, json!({ "spec": spec })).await?;
    Ok(applied(&name, &project))
}

pub(super) async fn feature_service(State(door): State<Arc<Door>>, sent: Sent) -> Result<Response, Refusal> {
    let (project, name, mut spec, wanted) = sent.read(|body| {
        let (name, project) = (body.text("name"), body.text("project"));
        let of_view = |view: Fields<'_>| (view.text("feature_view_name"), view.texts("feature_names"));
        let wanted: Vec<(String, Vec<String>)> =
            body.required_objects("features").into_iter().map(of_view).collect();
        (project, name.clone(), common(body, &name), wanted)
    })?;
    let sight = Sight::of(door.server.as_ref(), &sent.access, &project).await?;
    let mut projections = Vec::new();
    for (view, features) in wanted {
        projections.push(projection(&sight, &view, &features)?);
    }
    spec.insert("features".to_owned(), projections.into());
    put(&door, sent.access, ObjectKind::FeatureService, &project, json!({ "spec": spec })).await?;
    Ok(applied(&name, &project))
}

/// What a service takes from a view; all its features, unless some are named.
fn projection(sight: &Sight, name: &str, features: &[String]) -> Result<Value, Refusal> {
    let project = &sight.project;
    let view = sight
        .find_view(name)
        .map_err(|_| Refusal::not_found(format!("Feature view '{name}' not found in project '{project}'")))?;
    let all = view.spec("features").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let named = |name: &String| {
        let found = all.iter().find(|feature| feature.get("name").is_some_and(|known| known == name));
        found.cloned().ok_or_else(|| {
            Refusal::no_such_value(format!("Feature {name} does not exist in this feature view."))
        })
    };
    let columns = if features.is_empty() {
        all.to_vec()
    } else {
        features.iter().map(named).collect::<Result<Vec<Value>, Refusal>>()?
    };
    let mut projection = json!({
        "featureViewName": name,
        "featureColumns": columns,
        "viewType": view_type(view),
    });
    if let Some(source) = view.spec("batchSource") {
        let mut carried = source.clone();
        for key in ["timestampField", "createdTimestampColumn", "datePartitionColumn"] {
            set(&mut projection, key, source.get(key).cloned().unwrap_or_default());
        }
        carried.as_object_mut().and_then(|source| source.shift_remove("dataSourceClassType"));
        set(&mut projection, "batchSource", carried);
    }
    Ok(projection)
}

pub(super) async fn saved_dataset(State(door): State<Arc<Door>>, sent: Sent) -> Result<Json, Refusal> {
    let dataset = sent.read(|body| SentDataset {
        name: body.text("name"),
        project: body.text("project"),
        features: body.texts("features"),
        join_keys: body.texts("join_keys"),
        place: body.optional_text("storage_path").unwrap_or_default().trim().to_owned(),
        storage: body.text_or("storage_type", "file"),
        file_format: body.optional_text("storage_file_format"),
        tags: body.tags("tags"),
        full_feature_names: body.optional_flag("full_feature_names").unwrap_or_default(),
        service: body.optional_text("feature_service_name").filter(|service| !service.is_empty()),
        replaces: body.optional_flag("allow_override").unwrap_or_default(),
        namespace: body.text_or("namespace", ""),
        collection: body.text_or("collection", ""),
        description: body.text_or("description", ""),
    })?;
    let bad = |detail: &str| Err(Refusal::http(StatusCode::BAD_REQUEST, detail));
    if dataset.name.trim().is_empty() {
        return bad("Dataset name is required.");
    }
    if dataset.project.trim().is_empty() {
        return bad("Project is required.");
    }
    if dataset.place.is_empty() {
        return bad("Storage path is required. Provide a file path or table reference.");
    }
    if UNREADABLE_STORAGES.contains(&dataset.storage.as_str()) {
        let storage = &dataset.storage;
        let detail = format!(
            "a saved dataset in `{storage}` cannot be registered: Feast's clients could not read the registry any more"
        );
        return Err(Refusal::no_such_value(detail));
    }
    let (name, project) = (dataset.name.clone(), dataset.project.clone());
    let sight = Sight::of(door.server.as_ref(), &sent.access, &project).await?;
    if !dataset.replaces && sight.find(ObjectKind::SavedDataset, name.trim()).is_ok() {
        let (name, project) = (name.trim(), project.trim());
        let detail = format!(
            "A dataset named \"{name}\" already exists in project \"{project}\". Use edit to update it."
        );
        return Err(Refusal::http(StatusCode::CONFLICT, detail));
    }
    let json = json!({ "spec": dataset.spec(&sight), "meta": {} });
    put(&door, sent.access, ObjectKind::SavedDataset, &project, json).await?;
    Ok(Json(json!({ "status": "ok", "name": name, "project": project })))
}

/// Feast writes these as storages of no kind that it knows, and fails where it reads one.
const UNREADABLE_STORAGES: [&str; 4] = ["postgres", "clickhouse", "couchbase", "custom"];

/// A saved dataset as a client describes it.
#[derive(Debug, Default)]
struct SentDataset {
    name: String,
    project: String,
    features: Vec<String>,
    join_keys: Vec<String>,
    place: String,
    storage: String,
    file_format: Option<String>,
    tags: Map<String, Value>,
    full_feature_names: bool,
    service: Option<String>,
    replaces: bool,
    namespace: String,
    collection: String,
    description: String,
}

impl SentDataset {
    fn spec(self, sight: &Sight) -> Value {
        let storage = self.storage();
        let (features, join_keys) = match &self.service {
            Some(service) if self.features.is_empty() || self.join_keys.is_empty() => {
                let (features, keys) = columns_of_service(sight, service);
                let or = |own: Vec<String>, of_service| if own.is_empty() { of_service } else { own };
                (or(self.features, features), or(self.join_keys, keys))
            }
            _ => (self.features, self.join_keys),
        };
        json!({
            "name": self.name,
            "features": features,
            "joinKeys": join_keys,
            "fullFeatureNames": self.full_feature_names,
            "storage": storage,
            "tags": self.tags,
            "featureServiceName": self.service,
            "namespace": self.namespace,
            "collection": self.collection,
            "description": self.description,
        })
    }

    fn storage(&self) -> Value {
        let place = &self.place;
        let table = |kind: &str| json!({ kind: { "table": place } });
        match self.storage.as_str() {
            "bigquery" => table("bigqueryStorage"),
            "redshift" => table("redshiftStorage"),
            "snowflake" => table("snowflakeStorage"),
            "trino" => table("trinoStorage"),
            "athena" => table("athenaStorage"),
            "spark" => {
                let format = self.file_format.as_deref().filter(|format| !format.is_empty());
                json!({ "sparkStorage": { "path": place, "fileFormat": format.unwrap_or("parquet") } })
            }
            _ => json!({ "fileStorage": { "uri": place } }),
        }
    }
}

/// The features of a service, and the join keys of its views; none of a service that is not there.
fn columns_of_service(sight: &Sight, service: &str) -> (Vec<String>, Vec<String>) {
    let (mut features, mut keys) = (Vec::new(), Vec::new());
    let Ok(service) = sight.find(ObjectKind::FeatureService, service) else { return (features, keys) };
    let text =
        |object: &Value, key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    for projection in service.spec("features").and_then(Value::as_array).into_iter().flatten() {
        let view = text(projection, "featureViewName");
        let alias = text(projection, "featureViewNameAlias");
        let shown = if alias.is_empty() { &view } else { &alias };
        let columns = projection.get("featureColumns").and_then(Value::as_array).into_iter().flatten();
        features.extend(columns.map(|column| format!("{shown}:{}", text(column, "name"))));
        let Ok(view) = sight.find(ObjectKind::FeatureView, &view) else { continue };
        for key in view.spec("entityColumns").and_then(Value::as_array).into_iter().flatten() {
            let key = text(key, "name");
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
    }
    (features, keys)
}

pub(super) async fn permission(State(door): State<Arc<Door>>, sent: Sent) -> Result<Response, Refusal> {
    let (project, name, spec, types, actions) = sent.read(|body| {
        let (name, project) = (body.text("name"), body.text("project"));
        let (types, actions) = (body.texts("types"), body.texts("actions"));
        let policy = body.required_object("policy").map(|policy| policy_of(&policy)).unwrap_or_default();
        let spec = json!({
            "name": name,
            "types": types,
            "namePatterns": body.texts("name_patterns"),
            "actions": actions,
            "policy": policy,
            "tags": body.tags("tags"),
            "requiredTags": body.tags("required_tags"),
        });
        (project, name, spec, types, actions)
    })?;
    check_names("types", &types, PERMISSION_TYPES)?;
    check_names("actions", &actions, PERMITTED_ACTIONS)?;
    if spec.get("policy").is_none_or(|policy| *policy == json!({})) {
        return Err(Refusal::no_such_value("The list 'policy' must be non-empty.".to_owned()));
    }
    put(&door, sent.access, ObjectKind::Permission, &project, json!({ "spec": spec })).await?;
    Ok(applied(&name, &project))
}

fn check_names(field: &str, names: &[String], known: &[&str]) -> Result<(), Refusal> {
    let strange: Vec<Value> = names
        .iter()
        .filter(|name| !known.contains(&name.as_str()))
        .map(|name| name.as_str().into())
        .collect();
    if strange.is_empty() {
        return Ok(());
    }
    let python = |names: Vec<Value>| super::definition_text::python(&Value::Array(names));
    let options = python(known.iter().map(|name| (*name).into()).collect());
    let detail = format!("Invalid {field}: {}. Valid options are: {options}", python(strange));
    Err(Refusal::http(StatusCode::BAD_REQUEST, detail))
}

/// The first policy that is given; none where there is none.
fn policy_of(body: &Fields<'_>) -> Value {
    let of = |name: &str| body.object(name);
    let roles = of("role_based_policy").map(|policy| policy.required_texts("roles"));
    let groups = of("group_based_policy").map(|policy| policy.required_texts("groups"));
    let namespaces = of("namespace_based_policy").map(|policy| policy.required_texts("namespaces"));
    let both = of("combined_group_namespace_policy")
        .map(|policy| (policy.required_texts("groups"), policy.required_texts("namespaces")));
    match (roles, groups, namespaces, both) {
        (Some(roles), ..) => json!({ "roleBasedPolicy": { "roles": roles } }),
        (_, Some(groups), ..) => json!({ "groupBasedPolicy": { "groups": groups } }),
        (_, _, Some(namespaces), _) => json!({ "namespaceBasedPolicy": { "namespaces": namespaces } }),
        (.., Some((groups, namespaces))) => {
            json!({ "combinedGroupNamespacePolicy": { "groups": groups, "namespaces": namespaces } })
        }
        _ => json!({}),
    }
}

/// What most objects have.
fn common(body: &Fields<'_>, name: &str) -> Map<String, Value> {
    let text = |name| Value::from(body.optional_text(name));
    Map::from_iter([
        ("name".to_owned(), name.into()),
        ("description".to_owned(), text("description")),
        ("tags".to_owned(), body.tags("tags").into()),
        ("owner".to_owned(), text("owner")),
    ])
}

async fn put(
    door: &Door,
    access: Access,
    kind: ObjectKind,
    project: &str,
    json: Value,
) -> Result<(), Refusal> {
    if project.is_empty() {
        return Err(Refusal::no_such_value("Project name needs to be specified".to_owned()));
    }
    let object = Arc::new(SentObject::of_json(kind, &json)?);
    let sight = Sight::of(door.server.as_ref(), &access, project).await?;
    let sent = Arc::clone(&object);
    let allow = Box::new(move |existing: Option<Protected<'_>>| sight.check_put(existing, &sent));
    Ok(door.server.put_object(project, object, allow).await?)
}

macro_rules! delete {
    ($name:ident, $kind:expr, $answer:expr) => {
        pub(super) async fn $name(
            State(door): State<Arc<Door>>,
            Path(name): Path<String>,
            asked: Asked,
        ) -> Result<Json, Refusal> {
            let project = take(&door, asked, $kind, &name).await?;
            let answer: fn(&str, &str) -> Value = $answer;
            Ok(Json(answer(&name, &project)))
        }
    };
}

delete!(delete_entity, ObjectKind::Entity, deleted);
delete!(delete_data_source, ObjectKind::DataSource, deleted);
delete!(delete_feature_view, ObjectKind::FeatureView, deleted);
delete!(delete_feature_service, ObjectKind::FeatureService, deleted);
delete!(delete_permission, ObjectKind::Permission, deleted);
delete!(delete_saved_dataset, ObjectKind::SavedDataset, |name, project| {
    json!({ "status": "ok", "name": name, "project": project })
});

fn deleted(name: &str, project: &str) -> Value {
    json!({ "name": name, "project": project, "status": "deleted" })
}

async fn take(door: &Door, mut asked: Asked, kind: ObjectKind, name: &str) -> Result<String, Refusal> {
    let project = asked.parameters.required("project");
    asked.parameters.finish()?;
    let sight = Sight::of(door.server.as_ref(), &asked.access, &project).await?;
    let allow =
        Box::new(move |object: Protected<'_>| sight.check_protected(&[PermittedAction::Delete], &object));
    door.server.take_object(&project, kind, name, allow).await?;
    Ok(project)
}

fn applied(name: &str, project: &str) -> Response {
    let body = json!({ "name": name, "project": project, "status": "applied" });
    json_response(StatusCode::CREATED, body.to_string()).into_response()
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}
