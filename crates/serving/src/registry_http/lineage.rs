//! What feeds what, alone and beside all objects.

use std::sync::Arc;

use axum::extract::{Path, State};
use larder_registry::{Lineage, ObjectKind, ObjectQuery, Page, RegisteredObject, Relation, SortValue};
use serde_json::{Value, json};

use super::door::{Answer, Asked, Door, Json};
use super::features::{Sort, to_json};
use super::json_object::set;
use super::refusal::Refusal;
use super::sight::{Sight, all_sights, view_type};

/// The kinds of objects whose relations can be asked for; label views are not among them in Feast.
const KINDS: [&str; 6] = ["dataSource", "entity", "featureView", "featureService", "feature", "savedDataset"];

pub(super) async fn registry(State(door): State<Arc<Door>>, mut asked: Asked) -> Answer {
    let query = asked.parameters.query();
    let project = asked.parameters.required("project");
    asked.parameters.flag("allow_cache", true);
    let (kind, name) = filter(&asked);
    asked.parameters.finish()?;
    let lineage = lineage_of(&door, &asked, &project).await?.1.touching(&kind, &name);
    let (direct, indirect) = (page(&query, lineage.direct), page(&query, lineage.indirect));
    Ok(Json(json!({
        "relationships": shown(&direct.objects),
        "indirect_relationships": shown(&indirect.objects),
        "relationships_pagination": direct.pagination.to_json(),
        "indirect_relationships_pagination": indirect.pagination.to_json(),
    })))
}

pub(super) async fn registry_of_all(State(door): State<Arc<Door>>, mut asked: Asked) -> Answer {
    asked.parameters.flag("allow_cache", true);
    let (kind, name) = filter(&asked);
    asked.parameters.finish()?;
    let (mut direct, mut indirect) = (Vec::new(), Vec::new());
    for (project, sight) in all_sights(door.server.as_ref(), &asked.access).await? {
        let lineage = sight.lineage().touching(&kind, &name);
        let of_project = |relation: &Relation| {
            let mut relation = relation.to_json();
            set(&mut relation, "project", project.name.as_str());
            relation
        };
        direct.extend(lineage.direct.iter().map(of_project));
        indirect.extend(lineage.indirect.iter().map(of_project));
    }
    Ok(Json(json!({ "relationships": direct, "indirect_relationships": indirect })))
}

pub(super) async fn object(
    State(door): State<Arc<Door>>,
    Path((kind, name)): Path<(String, String)>,
    mut asked: Asked,
) -> Answer {
    let query = asked.parameters.query();
    let project = asked.parameters.required("project");
    let with_indirect = asked.parameters.flag("include_indirect", false);
    asked.parameters.flag("allow_cache", true);
    asked.parameters.finish()?;
    if !KINDS.contains(&kind.as_str()) {
        let detail = format!("Invalid object_type. Must be one of: {}", KINDS.join(", "));
        return Err(Refusal::no_such_value(detail));
    }
    let lineage = lineage_of(&door, &asked, &project).await?.1.touching(&kind, &name);
    let mut relations = lineage.direct;
    if with_indirect {
        relations.extend(lineage.indirect);
    }
    // Both are empty for an object without a name, which nothing is called.
    relations.retain(|relation| relation.touches(&kind, &name));
    let page = page(&query, relations);
    let mut answer = json!({ "pagination": page.pagination.to_json() });
    if !page.objects.is_empty() {
        answer = json!({ "relationships": shown(&page.objects), "pagination": page.pagination.to_json() });
    }
    Ok(Json(answer))
}

pub(super) async fn complete(State(door): State<Arc<Door>>, mut asked: Asked) -> Answer {
    let query = asked.parameters.query();
    let project = asked.parameters.required("project");
    asked.parameters.flag("allow_cache", true);
    asked.parameters.finish()?;
    let (sight, lineage) = lineage_of(&door, &asked, &project).await?;
    let (direct, indirect) = (page(&query, lineage.direct), page(&query, lineage.indirect));
    let mut all = Complete::of(&sight, &query);
    set(&mut all.pagination, "relationships", direct.pagination.to_json());
    set(&mut all.pagination, "indirectRelationships", indirect.pagination.to_json());
    Ok(Json(json!({
        "project": project,
        "objects": all.objects,
        "relationships": shown(&direct.objects),
        "indirectRelationships": shown(&indirect.objects),
        "pagination": all.pagination,
    })))
}

pub(super) async fn complete_of_all(State(door): State<Arc<Door>>, mut asked: Asked) -> Answer {
    asked.parameters.flag("allow_cache", true);
    asked.parameters.finish()?;
    let mut projects = Vec::new();
    for (project, sight) in all_sights(door.server.as_ref(), &asked.access).await? {
        let lineage = sight.lineage();
        let mut objects = Complete::of(&sight, &ObjectQuery::default()).objects;
        let lists = objects.as_object_mut().into_iter().flatten();
        for object in lists.filter_map(|(_, list)| list.as_array_mut()).flatten() {
            set(object, "project", project.name.as_str());
        }
        projects.push(json!({
            "project": project.name,
            "objects": objects,
            "relationships": shown(&lineage.direct),
            "indirectRelationships": shown(&lineage.indirect),
        }));
    }
    Ok(Json(json!({ "projects": projects })))
}

/// Every list of a project. Feast puts the pages of its feature views among them as one more view; they are left out
/// here.
struct Complete {
    objects: Value,
    pagination: Value,
}

impl Complete {
    fn of(sight: &Sight, query: &ObjectQuery) -> Self {
        let mut complete = Self { objects: json!({}), pagination: json!({}) };
        let own = |object: &RegisteredObject| object.json.clone();
        let mut add = |key: &str, page: Page<Value>| {
            set(&mut complete.objects, key, page.objects);
            set(&mut complete.pagination, key, page.pagination.to_json());
        };
        let listed = |objects: Vec<&RegisteredObject>, shown: &dyn Fn(&RegisteredObject) -> Value| {
            let page = query.page(objects, |object, attribute| object.sort_value(attribute));
            let objects = page.objects.into_iter().map(shown).collect();
            Page { objects, pagination: page.pagination }
        };
        add("entities", listed(sight.of_kind(ObjectKind::Entity), &own));
        add("dataSources", listed(sight.of_kind(ObjectKind::DataSource), &own));
        let views = sight.views().filter(|view| view.kind != ObjectKind::LabelView).collect();
        add("featureViews", listed(views, &|view| json!({ view_type(view): view.json })));
        add("labelViews", listed(sight.of_kind(ObjectKind::LabelView), &own));
        add("featureServices", listed(sight.of_kind(ObjectKind::FeatureService), &own));
        let features =
            |sort: Sort| query.page(sort.of(sight).iter().map(to_json).collect(), SortValue::of_json);
        // As in Feast, which tells labels twice.
        add("features", features(Sort::Both));
        add("labels", features(Sort::Labels));
        add("savedDatasets", listed(sight.of_kind(ObjectKind::SavedDataset), &own));
        complete
    }
}

async fn lineage_of(door: &Door, asked: &Asked, project: &str) -> Result<(Sight, Lineage), Refusal> {
    let sight = Sight::of(door.server.as_ref(), &asked.access, project).await?;
    sight.check_project()?;
    let lineage = sight.lineage();
    Ok((sight, lineage))
}

fn filter(asked: &Asked) -> (String, String) {
    let text = |name| asked.parameters.text(name).unwrap_or_default();
    (text("filter_object_type"), text("filter_object_name"))
}

fn page(query: &ObjectQuery, relations: Vec<Relation>) -> Page<Relation> {
    query.page(relations, Relation::sort_value)
}

fn shown(relations: &[Relation]) -> Value {
    relations.iter().map(Relation::to_json).collect()
}
