//! Single objects, each with what a Python program would write to define it.

use std::sync::Arc;

use axum::extract::{Path, State};
use larder_registry::{LineageKind, ObjectKind, RegisteredObject};
use serde_json::Value;

use super::definition_text as text;
use super::door::{Answer, Asked, Door, Json};
use super::json_object::set;
use super::lists::{relations_of, typed_view, with_data_sources};
use super::refusal::Refusal;
use super::sight::Sight;
use super::visits::{Visit, visitor};

pub(super) async fn entity(State(door): State<Arc<Door>>, Path(name): Path<String>, asked: Asked) -> Answer {
    let one = One::read(&door, asked).await?;
    let entity = one.sight.find(ObjectKind::Entity, &name)?;
    let lineage = one.sight.lineage();
    let mut sources: Vec<Value> = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for relation in lineage.all_of("entity", &name) {
        let target = &relation.target;
        if target.kind == LineageKind::DataSource && !seen.contains(&target.name.as_str()) {
            seen.push(&target.name);
            let source = one.sight.find(ObjectKind::DataSource, &target.name);
            sources.extend(source.ok().map(|source| source.json.clone()));
        }
    }
    let mut shown = entity.json.clone();
    set(&mut shown, "dataSources", sources);
    Ok(one.finish(shown, ("entity", Some("entities")), entity, Some(text::of_entity(entity))))
}

pub(super) async fn data_source(
    State(door): State<Arc<Door>>,
    Path(name): Path<String>,
    asked: Asked,
) -> Answer {
    let one = One::read(&door, asked).await?;
    let source = one.sight.find(ObjectKind::DataSource, &name)?;
    Ok(one.finish(
        source.json.clone(),
        ("dataSource", Some("data_sources")),
        source,
        Some(text::of_data_source(source)),
    ))
}

pub(super) async fn feature_view(
    State(door): State<Arc<Door>>,
    Path(name): Path<String>,
    asked: Asked,
) -> Answer {
    let one = One::read(&door, asked).await?;
    let view = one.sight.find_view(&name)?;
    Ok(one.finish(typed_view(view), ("featureView", Some("feature_views")), view, Some(text::of_view(view))))
}

pub(super) async fn label_view(
    State(door): State<Arc<Door>>,
    Path(name): Path<String>,
    asked: Asked,
) -> Answer {
    let one = One::read(&door, asked).await?;
    let view = one.sight.find(ObjectKind::LabelView, &name)?;
    Ok(one.finish(typed_view(view), ("featureView", None), view, None))
}

pub(super) async fn feature_service(
    State(door): State<Arc<Door>>,
    Path(name): Path<String>,
    asked: Asked,
) -> Answer {
    let one = One::read(&door, asked).await?;
    let service = one.sight.find(ObjectKind::FeatureService, &name)?;
    Ok(one.finish(
        service.json.clone(),
        ("featureService", Some("feature_services")),
        service,
        Some(text::of_feature_service(service)),
    ))
}

pub(super) async fn saved_dataset(
    State(door): State<Arc<Door>>,
    Path(name): Path<String>,
    asked: Asked,
) -> Answer {
    let one = One::read(&door, asked).await?;
    let dataset = one.sight.find(ObjectKind::SavedDataset, &name)?;
    let shown = with_data_sources(&one.sight, dataset);
    Ok(one.finish(
        shown,
        ("savedDataset", Some("saved_datasets")),
        dataset,
        Some(text::of_saved_dataset(dataset)),
    ))
}

pub(super) async fn permission(
    State(door): State<Arc<Door>>,
    Path(name): Path<String>,
    asked: Asked,
) -> Answer {
    let one = One::read(&door, asked).await?;
    let permission = one.sight.find(ObjectKind::Permission, &name)?;
    Ok(one.finish(permission.json.clone(), ("permission", None), permission, None))
}

pub(super) async fn project(
    State(door): State<Arc<Door>>,
    Path(name): Path<String>,
    mut asked: Asked,
) -> Answer {
    asked.parameters.flag("allow_cache", true);
    asked.parameters.finish()?;
    let sight = Sight::of(door.server.as_ref(), &asked.access, &name).await?;
    Ok(Json(sight.find(ObjectKind::Project, &name)?.json.clone()))
}

/// A request for one object of a project.
struct One<'a> {
    door: &'a Door,
    sight: Sight,
    user: String,
    with_relations: bool,
}

impl<'a> One<'a> {
    async fn read(door: &'a Door, mut asked: Asked) -> Result<Self, Refusal> {
        let project = asked.parameters.required("project");
        let with_relations = asked.parameters.flag("include_relationships", false);
        asked.parameters.flag("allow_cache", true);
        asked.parameters.finish()?;
        let sight = Sight::of(door.server.as_ref(), &asked.access, &project).await?;
        Ok(Self { door, sight, user: visitor(&asked.access), with_relations })
    }

    /// Shows an object, and takes note of the visit where it is to be remembered: under what `words` call its kind in
    /// relations and in paths.
    fn finish(
        &self,
        mut shown: Value,
        words: (&str, Option<&'static str>),
        object: &RegisteredObject,
        definition: Option<String>,
    ) -> Json {
        let (relation, path) = words;
        if self.with_relations {
            set(&mut shown, "relationships", relations_of(&self.sight.lineage(), relation, &object.name));
        }
        if let Some(definition) = definition {
            set(&mut shown, "featureDefinition", definition);
        }
        if let Some(kind) = path {
            let (project, user, name) = (self.sight.project.clone(), self.user.clone(), object.name.clone());
            self.door.visits.add(Visit { time: self.door.clock.now(), kind, project, user, name });
        }
        Json(shown)
    }
}
