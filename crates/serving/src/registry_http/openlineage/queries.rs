//! What feeds what, and what has happened.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use larder_openlineage::{Lineage, NodeKind, Page, Steps, VisibleNamespaces};
use serde_json::{Value, json};

use super::LineageDoor;
use super::sight::Looking;
use crate::registry_http::door::{Answer, Json};
use crate::registry_http::parameters::Parameters;
use crate::registry_http::refusal::Refusal;

type Consumer = State<Arc<LineageDoor>>;

/// `limit` and `offset`.
fn page(parameters: &mut Parameters, default: u32, most: u32) -> Page {
    let limit = parameters.within("limit", 1, Some(most.into())).and_then(|limit| u32::try_from(limit).ok());
    Page { limit: limit.unwrap_or(default), offset: offset(parameters) }
}

fn offset(parameters: &mut Parameters) -> i64 {
    parameters.within("offset", 0, None).unwrap_or_default()
}

fn steps(parameters: &mut Parameters) -> Steps {
    let word = parameters.one_of("direction", &["both", "upstream", "downstream"]);
    Steps { upstream: word != "downstream", downstream: word != "upstream" }
}

pub(super) async fn events(State(state): Consumer, mut looking: Looking) -> Answer {
    let parameters = &mut looking.parameters;
    let page = page(parameters, 100, 1_000);
    let (namespace, job) = (parameters.full_text("namespace"), parameters.full_text("job_name"));
    parameters.finish()?;
    let visible = looking.visible;
    let ask =
        move |lineage: &Lineage<'_>| lineage.events(&visible, (namespace.as_deref(), job.as_deref()), page);
    let events = state.consumer.store.read(ask).await?;
    let total = events.len();
    Ok(Json(json!({ "events": events, "total": total })))
}

pub(super) async fn jobs(State(state): Consumer, looking: Looking) -> Answer {
    let jobs = state.consumer.store.read(move |lineage| lineage.jobs(&looking.visible, None)).await?;
    Ok(Json(json!({ "jobs": jobs })))
}

pub(super) async fn datasets(State(state): Consumer, looking: Looking) -> Answer {
    let datasets = state.consumer.store.read(move |lineage| lineage.datasets(&looking.visible, None)).await?;
    Ok(Json(json!({ "datasets": datasets })))
}

pub(super) async fn namespaces(State(state): Consumer, looking: Looking) -> Answer {
    let namespaces = state.consumer.store.read(move |lineage| lineage.namespaces(&looking.visible)).await?;
    Ok(Json(json!({ "namespaces": namespaces })))
}

pub(super) async fn graph(
    State(state): Consumer,
    Path((kind, namespace, name)): Path<(String, String, String)>,
    mut looking: Looking,
) -> Answer {
    let depth = looking.parameters.within("depth", 1, Some(50)).and_then(|depth| u32::try_from(depth).ok());
    let depth = depth.unwrap_or(10);
    let steps = steps(&mut looking.parameters);
    looking.parameters.finish()?;
    let kind = match kind.as_str() {
        "job" => NodeKind::Job,
        "dataset" => NodeKind::Dataset,
        _ => {
            let detail = "node_type must be one of: ['job', 'dataset']";
            return Err(Refusal::http(StatusCode::BAD_REQUEST, detail));
        }
    };
    let visible = looking.visible;
    let ask = move |lineage: &Lineage<'_>| lineage.graph(&visible, (kind, &namespace, &name), (steps, depth));
    Ok(Json(state.consumer.store.read(ask).await?))
}

/// All nodes and edges, or those of a namespace; with `limit` a page of the nodes, datasets first.
pub(super) async fn whole_graph(State(state): Consumer, mut looking: Looking) -> Answer {
    let parameters = &mut looking.parameters;
    let limit = parameters.within("limit", 0, Some(10_000)).and_then(|limit| u32::try_from(limit).ok());
    let limit = limit.filter(|limit| *limit > 0);
    let offset = offset(parameters);
    let namespace = parameters.full_text("namespace");
    parameters.finish()?;
    let visible = looking.visible;
    let of_nodes = match &namespace {
        Some(namespace) if !visible.contains(namespace) => {
            return Ok(Json(json!({ "nodes": [], "edges": [], "symlinks": [] })));
        }
        Some(namespace) => VisibleNamespaces::Only([namespace.clone()].into()),
        None => visible.clone(),
    };
    let ask = move |lineage: &Lineage<'_>| {
        let (datasets_in_all, jobs_in_all) =
            (lineage.count_datasets(&of_nodes)?, lineage.count_jobs(&of_nodes)?);
        let (datasets, jobs) = match limit {
            None => (lineage.datasets(&of_nodes, None)?, lineage.jobs(&of_nodes, None)?),
            Some(limit) => {
                let datasets = lineage.datasets(&of_nodes, Some(Page { limit, offset }))?;
                let taken = u32::try_from(datasets.len()).unwrap_or(u32::MAX);
                let page =
                    Page { limit: limit.saturating_sub(taken), offset: (offset - datasets_in_all).max(0) };
                let jobs = if page.limit > 0 { lineage.jobs(&of_nodes, Some(page))? } else { Vec::new() };
                (datasets, jobs)
            }
        };
        let nodes: Vec<Value> = datasets.iter().map(dataset_node).chain(jobs.iter().map(job_node)).collect();
        let mut edges = lineage.edges_of(&visible, namespace.as_deref())?;
        let symlinks = lineage.symlinks(&visible)?;
        edges.extend(symlinks.iter().map(symlink_edge));
        let total = datasets_in_all + jobs_in_all;
        Ok(json!({ "nodes": nodes, "edges": edges, "symlinks": symlinks, "total_nodes": total }))
    };
    Ok(Json(state.consumer.store.read(ask).await?))
}

fn dataset_node(dataset: &Value) -> Value {
    let part = |column: &str| dataset.get(column).cloned().unwrap_or_default();
    json!({
        "type": "dataset",
        "namespace": part("dataset_namespace"),
        "name": part("dataset_name"),
        "producer": part("producer"),
        "feast_object_type": part("feast_object_type"),
        "feast_object_name": part("feast_object_name"),
        "feast_project": part("feast_project"),
        "schema": parsed(&part("schema_json")),
        "description": part("description"),
        "source_type": part("source_type"),
        "owner": part("owner_name"),
        "owner_type": part("owner_type"),
        "lifecycle_state": part("lifecycle_state"),
        "current_version": part("current_version"),
        "facets": parsed(&part("facets_json")),
    })
}

fn job_node(job: &Value) -> Value {
    let part = |column: &str| job.get(column).cloned().unwrap_or_default();
    json!({
        "type": "job",
        "namespace": part("job_namespace"),
        "name": part("job_name"),
        "producer": part("producer"),
        "job_type": part("job_type"),
        "description": part("description"),
        "facets": parsed(&part("facets_json")),
    })
}

fn symlink_edge(symlink: &Value) -> Value {
    let part = |column: &str| symlink.get(column).cloned().unwrap_or_default();
    json!({
        "source_type": "dataset",
        "source_namespace": part("dataset_namespace"),
        "source_name": part("dataset_name"),
        "target_type": "dataset",
        "target_namespace": part("linked_namespace"),
        "target_name": part("linked_name"),
        "edge_type": "symlink",
        "updated_at": part("updated_at"),
    })
}

/// The JSON in a text; null where there is none.
fn parsed(text: &Value) -> Value {
    text.as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

pub(super) async fn versions(
    State(state): Consumer,
    Path((namespace, name)): Path<(String, String)>,
    mut looking: Looking,
) -> Answer {
    let page = page(&mut looking.parameters, 50, 500);
    looking.parameters.finish()?;
    if !looking.visible.contains(&namespace) {
        return Ok(Json(json!({ "versions": [], "total": 0 })));
    }
    let ask = move |lineage: &Lineage<'_>| lineage.dataset_versions(&namespace, &name, page);
    let (versions, total) = state.consumer.store.read(ask).await?;
    Ok(Json(json!({ "versions": versions, "total": total })))
}

pub(super) async fn columns(
    State(state): Consumer,
    Path((namespace, name)): Path<(String, String)>,
    mut looking: Looking,
) -> Answer {
    let steps = steps(&mut looking.parameters);
    looking.parameters.finish()?;
    let visible = looking.visible;
    let ask = move |lineage: &Lineage<'_>| lineage.columns(&visible, (&namespace, &name), steps);
    Ok(Json(json!({ "column_lineage": state.consumer.store.read(ask).await? })))
}

pub(super) async fn runs(State(state): Consumer, mut looking: Looking) -> Answer {
    let parameters = &mut looking.parameters;
    let page = page(parameters, 50, 500);
    let (namespace, job) = (parameters.full_text("job_namespace"), parameters.full_text("job_name"));
    parameters.finish()?;
    let visible = looking.visible;
    let ask =
        move |lineage: &Lineage<'_>| lineage.runs(&visible, (namespace.as_deref(), job.as_deref()), page);
    let runs = state.consumer.store.read(ask).await?;
    let total = runs.len();
    Ok(Json(json!({ "runs": runs, "total": total })))
}

pub(super) async fn run(State(state): Consumer, Path(id): Path<String>, looking: Looking) -> Answer {
    let missing = format!("Run {id} not found");
    let found = state.consumer.store.read(move |lineage| lineage.run(&looking.visible, &id)).await?;
    found.map(Json).ok_or_else(|| Refusal::http(StatusCode::NOT_FOUND, missing))
}

pub(super) async fn run_tree(State(state): Consumer, Path(id): Path<String>, looking: Looking) -> Answer {
    let runs = state.consumer.store.read(move |lineage| lineage.run_tree(&looking.visible, &id)).await?;
    let total = runs.len();
    Ok(Json(json!({ "runs": runs, "total": total })))
}
