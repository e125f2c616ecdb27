//! Counts, tags that many views have, and what was looked at last.

use std::cmp::Reverse;
use std::sync::Arc;

use axum::extract::State;
use larder_registry::{ObjectKind, RegisteredObject};
use serde_json::{Map, Value, json};

use super::all_page::page_of_all;
use super::door::{Answer, Asked, Door, Json};
use super::features::Sort;
use super::sight::{Sight, all_sights, view_type};
use super::visits::{MAX_VISITS, Visit, visitor};

pub(super) async fn resource_counts(State(door): State<Arc<Door>>, mut asked: Asked) -> Answer {
    asked.parameters.flag("allow_cache", true);
    let project = asked.parameters.full_text("project");
    asked.parameters.finish()?;
    let server = door.server.as_ref();
    let last_updated = server.objects().await?.last_updated().map(|time| time.to_string());
    if let Some(project) = project {
        let inventory = Inventory::of(&Sight::of(server, &asked.access, &project).await?);
        return Ok(Json(json!({
            "project": project,
            "counts": inventory.counts(),
            "featureServices": inventory.services,
            "featureViews": inventory.views,
            "projects": [{ "name": project }],
            "registryLastUpdated": last_updated,
        })));
    }
    let (mut total, mut per_project, mut projects) = (Inventory::default(), Map::new(), Vec::new());
    for (project, sight) in all_sights(server, &asked.access).await? {
        let inventory = Inventory::of(&sight);
        per_project.insert(project.name.clone(), inventory.counts());
        let description = project.spec("description").cloned().unwrap_or_else(|| "".into());
        projects.push(json!({ "name": project.name, "description": description }));
        total.add(inventory);
    }
    Ok(Json(json!({
        "total": total.counts(),
        "perProject": per_project,
        "featureServices": total.services,
        "featureViews": total.views,
        "projects": projects,
        "registryLastUpdated": last_updated,
    })))
}

/// How much there is, and of what.
#[derive(Debug, Default)]
struct Inventory {
    entities: usize,
    data_sources: usize,
    saved_datasets: usize,
    /// Labels count as features here.
    features: usize,
    services: Vec<Value>,
    views: Vec<Value>,
}

impl Inventory {
    fn of(sight: &Sight) -> Self {
        let project = &sight.project;
        let service = |service: &RegisteredObject| json!({ "name": service.name, "project": project });
        let view = |view: &RegisteredObject| {
            let count = view.features().len();
            json!({ "name": view.name, "project": project, "type": view_type(view), "featureCount": count })
        };
        let views = sight.views().filter(|view| view.kind != ObjectKind::LabelView);
        Self {
            entities: sight.of_kind(ObjectKind::Entity).len(),
            data_sources: sight.of_kind(ObjectKind::DataSource).len(),
            saved_datasets: sight.of_kind(ObjectKind::SavedDataset).len(),
            features: Sort::Both.of(sight).len(),
            services: sight.of_kind(ObjectKind::FeatureService).into_iter().map(service).collect(),
            views: views.map(view).collect(),
        }
    }

    fn add(&mut self, other: Self) {
        self.entities += other.entities;
        self.data_sources += other.data_sources;
        self.saved_datasets += other.saved_datasets;
        self.features += other.features;
        self.services.extend(other.services);
        self.views.extend(other.views);
    }

    fn counts(&self) -> Value {
        json!({
            "entities": self.entities,
            "dataSources": self.data_sources,
            "savedDatasets": self.saved_datasets,
            "features": self.features,
            "featureViews": self.views.len(),
            "featureServices": self.services.len(),
        })
    }
}

pub(super) async fn popular_tags(State(door): State<Arc<Door>>, mut asked: Asked) -> Answer {
    let project = asked.parameters.full_text("project");
    let limit = asked.parameters.number("limit").unwrap_or(4);
    asked.parameters.flag("allow_cache", true);
    asked.parameters.finish()?;
    let server = door.server.as_ref();
    let sights = match project {
        Some(project) => vec![Sight::of(server, &asked.access, &project).await?],
        None => all_sights(server, &asked.access).await?.into_iter().map(|(_, sight)| sight).collect(),
    };
    let mut tags: Vec<PopularTag> = Vec::new();
    let mut view_count = 0;
    for sight in &sights {
        for view in sight.views().filter(|view| view.kind != ObjectKind::LabelView) {
            view_count += 1;
            for (key, value) in &view.tags {
                let shown = json!({ "name": view.name, "project": sight.project });
                match tags.iter_mut().find(|tag| (&tag.key, &tag.value) == (key, value)) {
                    Some(tag) => tag.views.push(shown),
                    None => {
                        tags.push(PopularTag { key: key.clone(), value: value.clone(), views: vec![shown] });
                    }
                }
            }
        }
    }
    let total = tags.len();
    tags.sort_by(|one, other| (other.views.len(), &other.key).cmp(&(one.views.len(), &one.key)));
    // As Python's slices: a negative end counts from behind.
    let size = usize::try_from(limit.unsigned_abs()).unwrap_or(usize::MAX);
    tags.truncate(if limit < 0 { total.saturating_sub(size) } else { size });
    let shown: Vec<Value> = tags.into_iter().map(PopularTag::into_json).collect();
    Ok(Json(json!({
        "popular_tags": shown,
        "metadata": { "totalFeatureViews": view_count, "totalTags": total, "limit": limit },
    })))
}

/// A tag with the views that have it.
struct PopularTag {
    key: String,
    value: String,
    views: Vec<Value>,
}

impl PopularTag {
    fn into_json(self) -> Value {
        let count = self.views.len();
        json!({
            "tag_key": self.key,
            "tag_value": self.value,
            "feature_views": self.views,
            "total_feature_views": count,
        })
    }
}

pub(super) async fn recently_visited(State(door): State<Arc<Door>>, mut asked: Asked) -> Answer {
    let mut query = asked.parameters.query();
    let project = asked.parameters.full_text("project");
    let kind = asked.parameters.full_text("object");
    asked.parameters.finish()?;
    let (server, user) = (door.server.as_ref(), visitor(&asked.access));
    let mut visits: Vec<Visit> = if let Some(project) = project {
        Sight::of(server, &asked.access, &project).await?.check_project()?;
        door.visits.of(&project, &user)
    } else {
        let sights = all_sights(server, &asked.access).await?;
        let of_all = sights.iter().flat_map(|(project, _)| door.visits.of(&project.name, &user));
        let mut visits: Vec<Visit> = of_all.collect();
        visits.sort_by_key(|visit| Reverse(visit.time));
        visits
    };
    visits.retain(|visit| kind.as_ref().is_none_or(|kind| kind == visit.kind));
    let visits: Vec<Value> =
        visits.iter().skip(visits.len().saturating_sub(MAX_VISITS)).map(Visit::to_json).collect();
    let total = visits.len();
    let all_on_one = query.page == 0 && query.limit == 0;
    query.page = query.page.max(1);
    query.limit = match query.limit {
        0 if all_on_one => u32::try_from(MAX_VISITS).unwrap_or(u32::MAX),
        0 => 50,
        limit => limit,
    };
    let (visits, pagination) = page_of_all(visits, &query);
    let pagination = if all_on_one { json!({ "totalCount": total }) } else { pagination };
    Ok(Json(json!({ "visits": visits, "pagination": pagination })))
}
