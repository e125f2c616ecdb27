//! Lists of objects, of one project and of all.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use larder_core::Timestamp;
use larder_registry::{Lineage, ObjectKind, ObjectQuery, RegisteredObject, SortValue};
use serde_json::{Map, Value, json};

use super::all_page::page_of_all;
use super::door::{Answer, Asked, Door, Json};
use super::json_object::set;
use super::refusal::Refusal;
use super::sight::{Sight, all_sights, view_type};

/// A list of objects as Feast calls it.
#[derive(Clone, Copy, Debug)]
struct List {
    kind: ObjectKind,
    /// Where the objects stand in the answer.
    key: &'static str,
    /// What they are called in relations.
    relation: &'static str,
}

const ENTITIES: List = List { kind: ObjectKind::Entity, key: "entities", relation: "entity" };
const DATA_SOURCES: List = List { kind: ObjectKind::DataSource, key: "dataSources", relation: "dataSource" };
const SERVICES: List =
    List { kind: ObjectKind::FeatureService, key: "featureServices", relation: "featureService" };
const SAVED_DATASETS: List =
    List { kind: ObjectKind::SavedDataset, key: "savedDatasets", relation: "savedDataset" };
const PERMISSIONS: List = List { kind: ObjectKind::Permission, key: "permissions", relation: "permission" };
const LABEL_VIEWS: List = List { kind: ObjectKind::LabelView, key: "featureViews", relation: "featureView" };
const FEATURE_VIEWS: List = List { kind: ObjectKind::FeatureView, ..LABEL_VIEWS };

pub(super) async fn entities(State(door): State<Arc<Door>>, mut asked: Asked) -> Answer {
    let query = asked.parameters.query();
    list(&door, asked, ENTITIES, query, |_, _| true).await
}

pub(super) async fn data_sources(State(door): State<Arc<Door>>, mut asked: Asked) -> Answer {
    let query = ObjectQuery { tags: asked.parameters.tags(), ..asked.parameters.query() };
    list(&door, asked, DATA_SOURCES, query, |_, _| true).await
}

pub(super) async fn label_views(State(door): State<Arc<Door>>, mut asked: Asked) -> Answer {
    let query = ObjectQuery { tags: asked.parameters.tags(), ..asked.parameters.query() };
    list(&door, asked, LABEL_VIEWS, query, |_, _| true).await
}

pub(super) async fn permissions(State(door): State<Arc<Door>>, mut asked: Asked) -> Answer {
    let query = asked.parameters.query();
    list(&door, asked, PERMISSIONS, query, |_, _| true).await
}

pub(super) async fn feature_services(State(door): State<Arc<Door>>, mut asked: Asked) -> Answer {
    let query = ObjectQuery { tags: asked.parameters.tags(), ..asked.parameters.query() };
    let view = asked.parameters.full_text("feature_view");
    list(&door, asked, SERVICES, query, |_, service| view.as_ref().is_none_or(|view| has_view(service, view)))
        .await
}

pub(super) async fn saved_datasets(State(door): State<Arc<Door>>, mut asked: Asked) -> Answer {
    let query = ObjectQuery { tags: asked.parameters.tags(), ..asked.parameters.query() };
    let groups = dataset_groups(&asked);
    list(&door, asked, SAVED_DATASETS, query, |_, dataset| groups.admit(dataset)).await
}

pub(super) async fn feature_views(State(door): State<Arc<Door>>, mut asked: Asked) -> Answer {
    let query = ObjectQuery { tags: asked.parameters.tags(), ..asked.parameters.query() };
    let text = |name| asked.parameters.full_text(name);
    let (entity, feature) = (text("entity"), text("feature"));
    let (service, source) = (text("feature_service"), text("data_source"));
    let since = asked.parameters.text("updated_since").map(|text| updated_since(&text)).transpose();
    let mut since_refused = None;
    let since = since.unwrap_or_else(|refusal| {
        since_refused = Some(refusal);
        None
    });
    let wanted = |sight: &Sight, view: &RegisteredObject| {
        let has = |list: &str, wanted: &Option<String>| {
            wanted.as_ref().is_none_or(|wanted| names(view.spec(list)).any(|name| name == wanted))
        };
        has("entities", &entity)
            && has("features", &feature)
            && service.as_ref().is_none_or(|service| {
                let found = sight.find(ObjectKind::FeatureService, service);
                found.is_ok_and(|service| has_view(service, &view.name))
            })
            && source.as_ref().is_none_or(|source| reads(view, source))
            && since.is_none_or(|since| last_updated(view).is_some_and(|time| time >= since))
    };
    let listed = list(&door, asked, FEATURE_VIEWS, query, wanted).await?;
    // As in Feast, after the parameters that every list has.
    since_refused.map_or(Ok(listed), Err)
}

pub(super) async fn projects(State(door): State<Arc<Door>>, mut asked: Asked) -> Answer {
    let query = asked.parameters.query();
    asked.parameters.flag("allow_cache", true);
    asked.parameters.finish()?;
    let sights = all_sights(door.server.as_ref(), &asked.access).await?;
    let projects: Vec<Value> = sights.into_iter().map(|(project, _)| project.json).collect();
    let page = query.page(projects, SortValue::of_json);
    Ok(Json(json!({ "projects": page.objects, "pagination": page.pagination.to_json() })))
}

pub(super) async fn all_entities(State(door): State<Arc<Door>>, asked: Asked) -> Answer {
    all(&door, asked, ENTITIES, |_| true).await
}

pub(super) async fn all_data_sources(State(door): State<Arc<Door>>, asked: Asked) -> Answer {
    all(&door, asked, DATA_SOURCES, |_| true).await
}

pub(super) async fn all_feature_views(State(door): State<Arc<Door>>, asked: Asked) -> Answer {
    all(&door, asked, FEATURE_VIEWS, |_| true).await
}

pub(super) async fn all_label_views(State(door): State<Arc<Door>>, asked: Asked) -> Answer {
    all(&door, asked, LABEL_VIEWS, |_| true).await
}

pub(super) async fn all_feature_services(State(door): State<Arc<Door>>, asked: Asked) -> Answer {
    all(&door, asked, SERVICES, |_| true).await
}

pub(super) async fn all_saved_datasets(State(door): State<Arc<Door>>, asked: Asked) -> Answer {
    let groups = dataset_groups(&asked);
    all(&door, asked, SAVED_DATASETS, |dataset| groups.admit(dataset)).await
}

async fn list(
    door: &Door,
    mut asked: Asked,
    list: List,
    query: ObjectQuery,
    wanted: impl Fn(&Sight, &RegisteredObject) -> bool,
) -> Answer {
    let project = asked.parameters.required("project");
    asked.parameters.flag("allow_cache", true);
    let with_relations = asked.parameters.flag("include_relationships", false);
    asked.parameters.finish()?;
    let sight = Sight::of(door.server.as_ref(), &asked.access, &project).await?;
    let mut objects = list.objects(&sight);
    objects.retain(|object| query.admits(&object.tags) && wanted(&sight, object));
    let page = query.page(objects, |object, attribute| object.sort_value(attribute));
    let shown: Vec<Value> = page.objects.iter().map(|object| list.shown(&sight, object)).collect();
    let mut answer = json!({ list.key: shown, "pagination": page.pagination.to_json() });
    if with_relations {
        let names = page.objects.iter().map(|object| object.name.as_str());
        set(&mut answer, "relationships", relations(&sight.lineage(), list.relation, names));
    }
    Ok(Json(answer))
}

async fn all(
    door: &Door,
    mut asked: Asked,
    list: List,
    wanted: impl Fn(&RegisteredObject) -> bool,
) -> Answer {
    asked.parameters.flag("allow_cache", true);
    let query = asked.parameters.query_of_all();
    let with_relations = asked.parameters.flag("include_relationships", false);
    asked.parameters.finish()?;
    let (mut objects, mut related) = (Vec::new(), Map::new());
    for (project, sight) in all_sights(door.server.as_ref(), &asked.access).await? {
        let mut listed = list.objects(&sight);
        listed.retain(|object| wanted(object));
        for object in &listed {
            let mut shown = list.shown(&sight, object);
            set(&mut shown, "project", project.name.as_str());
            objects.push(shown);
        }
        if with_relations {
            let names = listed.iter().map(|object| object.name.as_str());
            if let Value::Object(of_project) = relations(&sight.lineage(), list.relation, names) {
                related.extend(of_project);
            }
        }
    }
    let (objects, pagination) = page_of_all(objects, &query);
    let mut answer = json!({ list.key: objects, "pagination": pagination });
    if with_relations {
        set(&mut answer, "relationships", Value::Object(related));
    }
    Ok(Json(answer))
}

impl List {
    fn objects(self, sight: &Sight) -> Vec<&RegisteredObject> {
        match self.kind {
            ObjectKind::FeatureView => {
                sight.views().filter(|view| view.kind != ObjectKind::LabelView).collect()
            }
            kind => sight.of_kind(kind),
        }
    }

    fn shown(self, sight: &Sight, object: &RegisteredObject) -> Value {
        match self.kind {
            ObjectKind::FeatureView | ObjectKind::LabelView => typed_view(object),
            ObjectKind::SavedDataset => with_data_sources(sight, object),
            _ => object.json.clone(),
        }
    }
}

/// A view with its kind in front.
pub(super) fn typed_view(view: &RegisteredObject) -> Value {
    let mut typed = Map::from_iter([("type".to_owned(), Value::from(view_type(view)))]);
    typed.extend(view.json.as_object().cloned().unwrap_or_default());
    Value::Object(typed)
}

/// A saved dataset with the data sources of the views that its features are of.
pub(super) fn with_data_sources(sight: &Sight, dataset: &RegisteredObject) -> Value {
    let sources: HashMap<&str, &str> = sight
        .views()
        .filter(|view| matches!(view.kind, ObjectKind::FeatureView | ObjectKind::StreamFeatureView))
        .filter_map(|view| Some((view.name.as_str(), view.spec("batchSource")?.get("name")?.as_str()?)))
        .collect();
    let mut found: Vec<&str> = Vec::new();
    for reference in dataset.spec("features").and_then(Value::as_array).into_iter().flatten() {
        let view = reference.as_str().and_then(|reference| reference.split_once(':')).map(|(view, _)| view);
        if let Some(source) = view.and_then(|view| sources.get(view))
            && !found.contains(source)
        {
            found.push(source);
        }
    }
    let mut shown = dataset.json.clone();
    if !found.is_empty() {
        shown.get_mut("spec").into_iter().for_each(|spec| set(spec, "dataSources", json!(found)));
    }
    shown
}

/// The relations of objects by their names.
pub(super) fn relations<'n>(lineage: &Lineage, kind: &str, names: impl Iterator<Item = &'n str>) -> Value {
    let of_name = |name: &str| relations_of(lineage, kind, name);
    Value::Object(names.map(|name| (name.to_owned(), of_name(name))).collect())
}

/// All relations of one object.
pub(super) fn relations_of(lineage: &Lineage, kind: &str, name: &str) -> Value {
    lineage.all_of(kind, name).into_iter().map(larder_registry::Relation::to_json).collect()
}

/// The names in a list of names, or of things that have one.
fn names(list: Option<&Value>) -> impl Iterator<Item = &str> {
    let items = list.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(|item| item.as_str().or_else(|| item.get("name")?.as_str()))
}

fn has_view(service: &RegisteredObject, view: &str) -> bool {
    let projections = service.spec("features").and_then(Value::as_array).into_iter().flatten();
    projections.filter_map(|projection| projection.get("featureViewName")).any(|name| name == view)
}

/// Whether a view reads a source itself, be it a source of request data.
fn reads(view: &RegisteredObject, source: &str) -> bool {
    let is =
        |found: Option<&Value>| found.and_then(|found| found.get("name")).is_some_and(|name| name == source);
    let inputs = view.spec("sources").and_then(Value::as_object).into_iter().flatten();
    is(view.spec("batchSource"))
        || is(view.spec("streamSource"))
        || inputs.map(|(_, input)| input).any(|input| is(input.get("requestDataSource")))
}

fn last_updated(view: &RegisteredObject) -> Option<Timestamp> {
    Timestamp::parse(view.json.get("meta")?.get("lastUpdatedTimestamp")?.as_str()?).ok()
}

fn updated_since(text: &str) -> Result<Timestamp, Refusal> {
    Timestamp::parse(text).map_err(|_| {
        let detail = format!(
            "Invalid 'updated_since' value '{text}'; expected an ISO-8601 timestamp (e.g. 2024-01-01T00:00:00Z)."
        );
        Refusal::http(StatusCode::BAD_REQUEST, detail)
    })
}

/// The groups that saved datasets are asked of.
struct DatasetGroups {
    namespace: Option<String>,
    collection: Option<String>,
}

fn dataset_groups(asked: &Asked) -> DatasetGroups {
    let text = |name| asked.parameters.full_text(name);
    DatasetGroups { namespace: text("namespace"), collection: text("collection") }
}

impl DatasetGroups {
    fn admit(&self, dataset: &RegisteredObject) -> bool {
        let is = |wanted: &Option<String>, key| {
            wanted
                .as_deref()
                .is_none_or(|wanted| dataset.spec(key).and_then(Value::as_str).unwrap_or_default() == wanted)
        };
        is(&self.namespace, "namespace") && is(&self.collection, "collection")
    }
}
