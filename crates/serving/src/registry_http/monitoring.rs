//! Data quality monitoring: what computes metrics, and what answers those that are kept.
//!
//! To compute, a sender must be allowed to update the views or services concerned; to read, to describe them. A job ends
//! also when its sender has gone.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use larder_core::{Date, PermittedAction, RequestError};
use larder_registry::ObjectKind;
use serde_json::{Map, Value};

use super::apply::Sent;
use super::body::Fields;
use super::door::{Answer, Asked, Door, Json};
use super::refusal::Refusal;
use super::sight::Sight;
use crate::monitoring::{
    Chosen, Days, Granularity, MetricRow, MetricTable, MetricsQuery, MonitoringReport, MonitoringRun,
    MonitoringServer, TransientMetrics,
};

/// The pairs of a query.
type Pairs = Query<Vec<(String, String)>>;

/// What bodies say, before any of it is looked up.
#[derive(Debug, Default)]
struct Body {
    project: String,
    view: Option<String>,
    service: Option<String>,
    features: Vec<String>,
    start: Option<String>,
    end: Option<String>,
    granularity: String,
    set_baseline: bool,
}

impl Body {
    fn read(sent: &Sent, pairs: &Pairs, also: impl FnOnce(&Fields<'_>, &mut Self)) -> Result<Self, Refusal> {
        let body = sent.read(|fields| {
            let full = |name: &str| fields.optional_text(name).filter(|text| !text.is_empty());
            let mut body = Self { project: fields.text("project"), ..Self::default() };
            (body.start, body.end) = (full("start_date"), full("end_date"));
            also(fields, &mut body);
            body
        })?;
        if body.project.is_empty() {
            return Err(Refusal::http(StatusCode::UNPROCESSABLE_ENTITY, "'project' is required"));
        }
        let in_query = pairs.0.iter().rev().find(|(name, _)| name == "project");
        if in_query.is_some_and(|(_, project)| *project != body.project) {
            let detail = "Conflicting 'project' value in query string and request body";
            return Err(Refusal::http(StatusCode::BAD_REQUEST, detail));
        }
        Ok(body)
    }

    fn days(&self) -> Result<Days, Refusal> {
        Ok(Days { start: date(self.start.as_deref())?, end: date(self.end.as_deref())? })
    }

    fn granularity(&self) -> Result<Granularity, Refusal> {
        Granularity::from_name(&self.granularity).ok_or_else(|| {
            let names = Granularity::ALL.map(|granularity| format!("'{}'", granularity.name())).join(", ");
            let detail = format!("Invalid granularity '{}'. Must be one of ({names})", self.granularity);
            Refusal::http(StatusCode::BAD_REQUEST, detail)
        })
    }
}

fn date(text: Option<&str>) -> Result<Option<Date>, Refusal> {
    let date = text.filter(|text| !text.is_empty()).map(Date::parse).transpose();
    date.map_err(|error| Refusal::no_such_value(error.to_string()))
}

pub(super) async fn compute(State(door): State<Arc<Door>>, pairs: Pairs, sent: Sent) -> Answer {
    let body = Body::read(&sent, &pairs, |fields, body| {
        body.view = fields.optional_text("feature_view_name").filter(|name| !name.is_empty());
        body.features = fields.texts("feature_names");
        body.granularity = fields.text_or("granularity", "daily");
        body.set_baseline = fields.optional_flag("set_baseline").unwrap_or(false);
    })?;
    let sight = Sight::of(door.server.as_ref(), &sent.access, &body.project).await?;
    let views = chosen_for_update(&sight, ObjectKind::FeatureView, body.view.as_deref())?;
    monitoring(&door)?;
    if body.set_baseline && body.start.is_none() && body.end.is_none() {
        let run = MonitoringRun::Baseline { views, features: body.features };
        return run_to_its_end(&door, body.project, run, false).await;
    }
    let run = MonitoringRun::Compute {
        views,
        granularity: body.granularity()?,
        days: body.days()?,
        set_baseline: body.set_baseline,
        features: body.features,
    };
    run_to_its_end(&door, body.project, run, true).await
}

pub(super) async fn auto_compute(State(door): State<Arc<Door>>, pairs: Pairs, sent: Sent) -> Answer {
    let body = Body::read(&sent, &pairs, |fields, body| {
        body.view = fields.optional_text("feature_view_name").filter(|name| !name.is_empty());
    })?;
    let sight = Sight::of(door.server.as_ref(), &sent.access, &body.project).await?;
    let views = chosen_for_update(&sight, ObjectKind::FeatureView, body.view.as_deref())?;
    monitoring(&door)?;
    let run = MonitoringRun::Auto { views, features: Vec::new() };
    run_to_its_end(&door, body.project, run, true).await
}

pub(super) async fn compute_log(State(door): State<Arc<Door>>, pairs: Pairs, sent: Sent) -> Answer {
    let body = Body::read(&sent, &pairs, |fields, body| {
        body.service = Some(fields.text("feature_service_name"));
        body.granularity = fields.text_or("granularity", "daily");
        body.set_baseline = fields.optional_flag("set_baseline").unwrap_or(false);
    })?;
    let granularity = body.granularity()?;
    let service = body.service.clone().unwrap_or_default();
    let sight = Sight::of(door.server.as_ref(), &sent.access, &body.project).await?;
    sight.find_for(PermittedAction::Update, ObjectKind::FeatureService, &service)?;
    monitoring(&door)?;
    let (days, set_baseline) = (body.days()?, body.set_baseline);
    let run = MonitoringRun::Log { service, days, granularity, set_baseline };
    run_to_its_end(&door, body.project, run, false).await
}

pub(super) async fn auto_compute_log(State(door): State<Arc<Door>>, pairs: Pairs, sent: Sent) -> Answer {
    let body = Body::read(&sent, &pairs, |fields, body| {
        body.service = fields.optional_text("feature_service_name").filter(|name| !name.is_empty());
    })?;
    let sight = Sight::of(door.server.as_ref(), &sent.access, &body.project).await?;
    let services = chosen_for_update(&sight, ObjectKind::FeatureService, body.service.as_deref())?;
    monitoring(&door)?;
    run_to_its_end(&door, body.project, MonitoringRun::AutoLog { services }, false).await
}

pub(super) async fn transient(State(door): State<Arc<Door>>, pairs: Pairs, sent: Sent) -> Answer {
    let body = Body::read(&sent, &pairs, |fields, body| {
        body.view = Some(fields.text("feature_view_name"));
        body.features = fields.texts("feature_names");
    })?;
    let view = body.view.clone().unwrap_or_default();
    let sight = Sight::of(door.server.as_ref(), &sent.access, &body.project).await?;
    sight.find_for(PermittedAction::Describe, ObjectKind::FeatureView, &view)?;
    let asked = TransientMetrics { view, days: body.days()?, features: body.features };
    let told = monitoring(&door)?.transient_metrics(&body.project, asked).await?;
    Ok(Json(Value::Object(told)))
}

pub(super) async fn job(State(door): State<Arc<Door>>, Path(name): Path<String>, mut asked: Asked) -> Answer {
    let project = asked.parameters.required("project");
    asked.parameters.finish()?;
    let sight = Sight::of(door.server.as_ref(), &asked.access, &project).await?;
    sight.find(ObjectKind::Project, &project)?;
    let job = monitoring(&door)?.monitoring_job(&project, &name).await?;
    let mut job =
        job.ok_or_else(|| Refusal::http(StatusCode::NOT_FOUND, format!("Job '{name}' not found")))?;
    if let Some(view) = job.get("feature_view_name").and_then(Value::as_str) {
        sight.find_for(PermittedAction::Describe, ObjectKind::FeatureView, view)?;
    }
    hide_names(&mut job, &sight);
    Ok(Json(Value::Object(job)))
}

/// Leaves out of a job the views that its reader may not see.
fn hide_names(job: &mut Map<String, Value>, sight: &Sight) {
    let seen = names(sight);
    if let Some(Value::Array(views)) =
        job.get_mut("parameters").and_then(|parameters| parameters.get_mut("allowed_feature_view_names"))
    {
        views.retain(|view| view.as_str().is_some_and(|view| seen.contains(view)));
    }
    if let Some(Value::Object(failures)) =
        job.get_mut("result_summary").and_then(|summary| summary.get_mut("failures"))
    {
        failures.retain(|name, _| seen.contains(name));
    }
}

pub(super) async fn feature_metrics(State(door): State<Arc<Door>>, asked: Asked) -> Answer {
    metrics_of_views(&door, asked, MetricTable::Feature, false).await
}

pub(super) async fn feature_view_metrics(State(door): State<Arc<Door>>, asked: Asked) -> Answer {
    metrics_of_views(&door, asked, MetricTable::FeatureView, false).await
}

pub(super) async fn baseline(State(door): State<Arc<Door>>, asked: Asked) -> Answer {
    metrics_of_views(&door, asked, MetricTable::Feature, true).await
}

async fn metrics_of_views(door: &Door, mut asked: Asked, table: MetricTable, baselines_only: bool) -> Answer {
    let (project, query) = read_query(&mut asked)?;
    let query = if baselines_only {
        let MetricsQuery { feature_view, feature, data_source_type, .. } = query;
        MetricsQuery { feature_view, feature, data_source_type, baselines_only, ..MetricsQuery::default() }
    } else {
        query
    };
    let sight = Sight::of(door.server.as_ref(), &asked.access, &project).await?;
    let action = PermittedAction::Describe;
    if let Some(view) = &query.feature_view {
        // What a service was asked with is kept under the service's name.
        let is_view = sight.find_for(action, ObjectKind::FeatureView, view);
        let is_service = || sight.find_for(action, ObjectKind::FeatureService, view);
        if is_view.is_err() && is_service().is_err() {
            is_view?;
        }
    }
    if let Some(service) = &query.feature_service {
        sight.find_for(action, ObjectKind::FeatureService, service)?;
    } else if query.feature_view.is_none() && sight.permitted_views(action).is_empty() {
        return Err(none_permitted("read", ObjectKind::FeatureView, &project));
    }
    let seen = names(&sight);
    let mut rows = monitoring(door)?.metrics(&project, table, query).await?;
    rows.retain(|row| text(row, "feature_view_name").is_none_or(|view| seen.contains(view)));
    Ok(Json(rows.into_iter().map(Value::Object).collect()))
}

pub(super) async fn feature_service_metrics(State(door): State<Arc<Door>>, mut asked: Asked) -> Answer {
    let (project, query) = read_query(&mut asked)?;
    let sight = Sight::of(door.server.as_ref(), &asked.access, &project).await?;
    let kind = ObjectKind::FeatureService;
    let services = sight.permitted(PermittedAction::Describe, kind);
    if let Some(service) = &query.feature_service {
        sight.find_for(PermittedAction::Describe, kind, service)?;
    } else if services.is_empty() {
        return Err(none_permitted("read", kind, &project));
    }
    let query = MetricsQuery { feature_view: None, feature: None, ..query };
    let mut rows = monitoring(&door)?.metrics(&project, MetricTable::FeatureService, query).await?;
    rows.retain(|row| {
        text(row, "feature_service_name").is_some_and(|name| services.iter().any(|service| service == name))
    });
    Ok(Json(rows.into_iter().map(Value::Object).collect()))
}

fn read_query(asked: &mut Asked) -> Result<(String, MetricsQuery), Refusal> {
    let parameters = &mut asked.parameters;
    let project = parameters.required("project");
    parameters.finish()?;
    let query = MetricsQuery {
        feature_view: parameters.full_text("feature_view_name"),
        feature: parameters.text("feature_name"),
        feature_service: parameters.full_text("feature_service_name"),
        granularity: parameters.text("granularity"),
        data_source_type: parameters.text("data_source_type"),
        baselines_only: false,
        start: date(parameters.text("start_date").as_deref())?,
        end: date(parameters.text("end_date").as_deref())?,
    };
    Ok((project, query))
}

/// Views of all kinds and services that may be described.
fn names(sight: &Sight) -> BTreeSet<String> {
    let action = PermittedAction::Describe;
    let services = sight.permitted(action, ObjectKind::FeatureService);
    sight.permitted_views(action).into_iter().chain(services).collect()
}

/// The one that is named, or all that may be updated.
fn chosen_for_update(sight: &Sight, kind: ObjectKind, name: Option<&str>) -> Result<Chosen, Refusal> {
    let action = PermittedAction::Update;
    if let Some(name) = name {
        sight.find_for(action, kind, name)?;
        return Ok(Chosen::One(name.to_owned()));
    }
    let kinds: &[ObjectKind] = match kind {
        // Those that have a history.
        ObjectKind::FeatureView => {
            &[ObjectKind::FeatureView, ObjectKind::StreamFeatureView, ObjectKind::LabelView]
        }
        _ => &[kind],
    };
    match kinds.iter().flat_map(|kind| sight.permitted(action, *kind)).collect::<Vec<_>>() {
        none if none.is_empty() => Err(none_permitted("compute", kind, &sight.project)),
        names => Ok(Chosen::Among(names)),
    }
}

/// Feast's refusal also where there are none at all.
fn none_permitted(verb: &str, kind: ObjectKind, project: &str) -> Refusal {
    let noun = if kind == ObjectKind::FeatureService { "service" } else { "view" };
    let details =
        format!("Not authorized to {verb} monitoring metrics for any feature {noun} in project '{project}'.");
    RequestError::PermissionDenied { details }.into()
}

fn monitoring(door: &Door) -> Result<&dyn MonitoringServer, Refusal> {
    door.server.monitoring().ok_or_else(disabled)
}

fn disabled() -> Refusal {
    let detail = "Monitoring is not enabled: add data_quality_monitoring section to feature_store.yaml";
    Refusal::http(StatusCode::SERVICE_UNAVAILABLE, detail)
}

/// Computes on a task of its own, which goes on when the sender does not wait.
async fn run_to_its_end(door: &Door, project: String, run: MonitoringRun, as_job: bool) -> Answer {
    let server = Arc::clone(&door.server);
    let computed = tokio::spawn(async move {
        let monitoring = server.monitoring().ok_or_else(disabled)?;
        if as_job {
            let (job, report) = monitoring.monitor_as_job(&project, run).await?;
            Ok::<_, Refusal>((Some(job), report))
        } else {
            Ok((None, monitoring.monitor(&project, run).await?))
        }
    });
    let (job, report): (Option<String>, MonitoringReport) = match computed.await {
        Ok(computed) => computed?,
        Err(ended) => match ended.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_cancelled) => return Err(Refusal::http(StatusCode::SERVICE_UNAVAILABLE, "The server ends")),
        },
    };
    let mut told: Map<String, Value> = job.map(|job| ("job_id".to_owned(), job.into())).into_iter().collect();
    told.extend(report.to_json());
    Ok(Json(Value::Object(told)))
}

fn text<'r>(row: &'r MetricRow, column: &str) -> Option<&'r str> {
    row.get(column).and_then(Value::as_str)
}
