//! Features, and the labels of label views.

use std::sync::Arc;

use axum::extract::{Path, State};
use larder_registry::{RegisteredFeature, RegisteredObject, SortValue};
use serde_json::{Map, Value, json};

use super::all_page::page_of_all;
use super::definition_text;
use super::door::{Answer, Asked, Door, Json};
use super::json_object::set;
use super::lists::{relations, relations_of};
use super::refusal::Refusal;
use super::sight::{Sight, all_sights};

pub(super) async fn features(State(door): State<Arc<Door>>, asked: Asked) -> Answer {
    list(&door, asked, Sort::Features).await
}

pub(super) async fn labels(State(door): State<Arc<Door>>, asked: Asked) -> Answer {
    list(&door, asked, Sort::Labels).await
}

pub(super) async fn all_features(State(door): State<Arc<Door>>, asked: Asked) -> Answer {
    all(&door, asked, Sort::Features).await
}

pub(super) async fn all_labels(State(door): State<Arc<Door>>, asked: Asked) -> Answer {
    all(&door, asked, Sort::Labels).await
}

pub(super) async fn feature(
    State(door): State<Arc<Door>>,
    Path((view, name)): Path<(String, String)>,
    mut asked: Asked,
) -> Answer {
    let project = asked.parameters.required("project");
    let with_relations = asked.parameters.flag("include_relationships", false);
    asked.parameters.flag("allow_cache", true);
    asked.parameters.finish()?;
    let sight = Sight::of(door.server.as_ref(), &asked.access, &project).await?;
    let mut found = sight.views().filter(|known| known.name == view).flat_map(RegisteredObject::features);
    let feature = found.find(|feature| feature.name == name).ok_or_else(|| {
        Refusal::not_found(format!("Feature {name} not found in feature view {view} in project {project}"))
    })?;
    let mut shown = to_json(&feature);
    if with_relations {
        set(&mut shown, "relationships", relations_of(&sight.lineage(), "feature", &name));
    }
    set(&mut shown, "featureDefinition", definition_text::of_feature(&feature));
    Ok(Json(shown))
}

/// Features of feature views, or labels of label views, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Features,
    Labels,
    Both,
}

impl Sort {
    fn key(self) -> &'static str {
        match self {
            Self::Features | Self::Both => "features",
            Self::Labels => "labels",
        }
    }

    /// Those of the views that may be seen, in the order in which Feast lists views.
    pub(super) fn of(self, sight: &Sight) -> Vec<RegisteredFeature> {
        let all = sight.views().flat_map(RegisteredObject::features);
        all.filter(|feature| self == Self::Both || feature.is_label == (self == Self::Labels)).collect()
    }
}

async fn list(door: &Door, mut asked: Asked, sort: Sort) -> Answer {
    let query = asked.parameters.query();
    let project = asked.parameters.required("project");
    let with_relations = asked.parameters.flag("include_relationships", false);
    asked.parameters.flag("allow_cache", true);
    let (view, name) = (asked.parameters.full_text("feature_view"), asked.parameters.full_text("name"));
    asked.parameters.finish()?;
    let sight = Sight::of(door.server.as_ref(), &asked.access, &project).await?;
    let mut features = sort.of(&sight);
    features.retain(|feature| {
        let is = |wanted: &Option<String>, has: &String| wanted.as_ref().is_none_or(|wanted| wanted == has);
        is(&view, &feature.view) && is(&name, &feature.name)
    });
    let page = query.page(features.iter().map(to_json).collect(), SortValue::of_json);
    let mut answer = json!({ sort.key(): page.objects, "pagination": page.pagination.to_json() });
    if with_relations {
        let names = page.objects.iter().filter_map(|feature| feature["name"].as_str());
        set(&mut answer, "relationships", relations(&sight.lineage(), "feature", names));
    }
    Ok(Json(answer))
}

async fn all(door: &Door, mut asked: Asked, sort: Sort) -> Answer {
    let query = asked.parameters.query_of_all();
    let with_relations = asked.parameters.flag("include_relationships", false);
    asked.parameters.flag("allow_cache", true);
    asked.parameters.finish()?;
    let (mut features, mut related) = (Vec::new(), Map::new());
    for (project, sight) in all_sights(door.server.as_ref(), &asked.access).await? {
        let of_project = sort.of(&sight);
        if with_relations {
            let names = of_project.iter().map(|feature| feature.name.as_str());
            if let Value::Object(of_project) = relations(&sight.lineage(), "feature", names) {
                related.extend(of_project);
            }
        }
        features.extend(of_project.iter().map(|feature| {
            let mut shown = to_json(feature);
            set(&mut shown, "project", project.name.as_str());
            shown
        }));
    }
    let (features, pagination) = page_of_all(features, &query);
    let mut answer = json!({ sort.key(): features, "pagination": pagination });
    if with_relations {
        set(&mut answer, "relationships", Value::Object(related));
    }
    Ok(Json(answer))
}

/// A feature as protobuf's JSON form shows it.
pub(super) fn to_json(feature: &RegisteredFeature) -> Value {
    let mut json = json!({
        "name": feature.name,
        "featureView": feature.view,
        "type": feature.value_type,
    });
    if !feature.description.is_empty() {
        set(&mut json, "description", feature.description.as_str());
    }
    if !feature.tags.is_empty() {
        set(&mut json, "tags", json!(feature.tags));
    }
    set(&mut json, "kind", if feature.is_label { "label" } else { "feature" });
    json
}
