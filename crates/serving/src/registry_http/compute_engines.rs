//! What materializes the views of a project, and what it has materialized.
//!
//! Views are materialized by this program alone, which Feast calls the local engine; there is no other to configure.

use std::cmp::Reverse;
use std::sync::Arc;

use axum::extract::State;
use larder_registry::{ObjectKind, RegisteredObject};
use serde_json::{Value, json};

use super::door::{Answer, Asked, Door, Json};
use super::json_object::set;
use super::sight::{Sight, all_sights};

/// The lists here have pages of so many, unless asked otherwise.
const PAGE: u32 = 50;

pub(super) async fn engine(State(door): State<Arc<Door>>, mut asked: Asked) -> Answer {
    let project = asked.parameters.required("project");
    asked.parameters.flag("allow_cache", true);
    asked.parameters.finish()?;
    let sight = Sight::of(door.server.as_ref(), &asked.access, &project).await?;
    let kinds = [(ObjectKind::FeatureView, "Batch"), (ObjectKind::StreamFeatureView, "Stream")];
    let views: Vec<Value> = kinds
        .into_iter()
        .flat_map(|(kind, word)| sight.of_kind(kind).into_iter().map(move |view| described(view, word)))
        .collect();
    let mut engine = local_engine();
    set(&mut engine, "featureViewCount", views.len());
    set(&mut engine, "project", project);
    Ok(Json(json!({ "engine": engine, "featureViews": views })))
}

/// Stream views do not count here, as in Feast.
pub(super) async fn all_engines(State(door): State<Arc<Door>>, mut asked: Asked) -> Answer {
    asked.parameters.flag("allow_cache", true);
    let query = asked.parameters.query_of_all();
    asked.parameters.finish()?;
    let mut engines = Vec::new();
    for (project, sight) in all_sights(door.server.as_ref(), &asked.access).await? {
        let mut engine = local_engine();
        set(&mut engine, "project", project.name);
        set(&mut engine, "featureViewCount", sight.of_kind(ObjectKind::FeatureView).len());
        engines.push(engine);
    }
    let (engines, pagination) = page(engines, query.page, query.limit);
    Ok(Json(json!({ "engines": engines, "pagination": pagination })))
}

/// What has been materialized, the latest first: an interval of a view each. Runs that failed leave none.
pub(super) async fn materialization_jobs(State(door): State<Arc<Door>>, mut asked: Asked) -> Answer {
    let project = asked.parameters.required("project");
    asked.parameters.flag("allow_cache", true);
    // Feast reads an order, and has one of its own.
    let query = asked.parameters.query();
    let status = asked.parameters.full_text("status").map(|status| status.to_uppercase());
    let of_view = asked.parameters.full_text("feature_view");
    asked.parameters.finish()?;
    let sight = Sight::of(door.server.as_ref(), &asked.access, &project).await?;
    let mut jobs: Vec<Value> = Vec::new();
    if status.is_none_or(|status| status == "SUCCEEDED") {
        let views = sight.of_kind(ObjectKind::FeatureView).into_iter();
        for view in views.filter(|view| of_view.as_ref().is_none_or(|name| *name == view.name)) {
            jobs.extend(intervals(view).iter().enumerate().map(|(at, interval)| {
                json!({
                    "id": format!("{}-{at}", view.name),
                    "featureView": view.name,
                    "status": "SUCCEEDED",
                    "startTime": interval.get("startTime"),
                    "endTime": interval.get("endTime"),
                })
            }));
        }
    }
    let start = |job: &Value| job.get("startTime").and_then(Value::as_str).unwrap_or_default().to_owned();
    jobs.sort_by_cached_key(|job| Reverse(start(job)));
    let or = |number: u32, default: u32| if number == 0 { default } else { number };
    let (jobs, pagination) = page(jobs, or(query.page, 1), or(query.limit, PAGE));
    Ok(Json(json!({ "jobs": jobs, "pagination": pagination })))
}

fn local_engine() -> Value {
    json!({ "engineType": "local", "engineClass": "LocalComputeEngine", "config": { "type": "local" } })
}

fn described(view: &RegisteredObject, kind: &str) -> Value {
    let intervals = intervals(view);
    let engine = view.spec("batchEngine");
    json!({
        "name": view.name,
        "type": kind,
        "online": view.spec("online").and_then(Value::as_bool).unwrap_or_default(),
        "lastMaterialized": intervals.last().and_then(|interval| interval.get("endTime")),
        "hasOverride": engine.is_some(),
        "overrides": engine,
        "materializationIntervals": intervals,
    })
}

fn intervals(view: &RegisteredObject) -> &[Value] {
    let found = view.json.get("meta").and_then(|meta| meta.get("materializationIntervals"));
    found.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A page of a list, and which it is.
fn page(all: Vec<Value>, number: u32, limit: u32) -> (Vec<Value>, Value) {
    let size = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let pagination = json!({ "page": number, "limit": limit, "total": all.len() });
    let start = size(number.saturating_sub(1)).saturating_mul(size(limit));
    (all.into_iter().skip(start).take(size(limit)).collect(), pagination)
}
