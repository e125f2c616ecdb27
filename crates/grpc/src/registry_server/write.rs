//! Calls that change the registry. Each writes one object, or none, in one step.

use larder_core::{MaterializationInterval, PermittedAction, RequestError, Result, Timestamp};
use larder_registry::{ObjectKind, RegistryFile, SentObject};
use larder_serving::Access;
use prost_types::Timestamp as ProtoTime;

use super::guard::Guard;
use super::messages::{
    Apply, ApplyFeatureView, ApplyMaterialization, ApplyProject, Named, NamedProject, Nothing, OfProject,
    UpdateInfra,
};
use crate::encoded::Encoded;

/// What a call has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Registered { project: String, kind: ObjectKind, name: String },
    Removed { project: String, kind: ObjectKind, name: String },
}

pub(crate) fn apply(
    registry: &RegistryFile,
    access: &Access,
    kind: ObjectKind,
    request: &Apply,
) -> Result<Change> {
    put(registry, access, &request.project, &SentObject::read(kind, &request.object)?)
}

pub(crate) fn apply_feature_view(
    registry: &RegistryFile,
    access: &Access,
    request: &ApplyFeatureView,
) -> Result<Change> {
    let sent = [
        (ObjectKind::FeatureView, &request.feature_view),
        (ObjectKind::OnDemandFeatureView, &request.on_demand_feature_view),
        (ObjectKind::StreamFeatureView, &request.stream_feature_view),
        (ObjectKind::LabelView, &request.label_view),
    ];
    let mut sent = sent.into_iter().filter_map(|(kind, bytes)| Some((kind, bytes.as_deref()?)));
    let (Some((kind, bytes)), None) = (sent.next(), sent.next()) else {
        return Err(RequestError::other("the request holds no view, or more than one").into());
    };
    put(registry, access, &request.project, &SentObject::read(kind, bytes)?)
}

pub(crate) fn apply_project(
    registry: &RegistryFile,
    access: &Access,
    request: &ApplyProject,
) -> Result<Change> {
    let project = SentObject::read(ObjectKind::Project, &request.project)?;
    put(registry, access, project.name(), &project)
}

fn put(registry: &RegistryFile, access: &Access, project: &str, object: &SentObject) -> Result<Change> {
    let guard = Guard::of(registry, access, project)?;
    registry.put_object(project, object, |existing| guard.check_put(existing.as_ref(), object))?;
    Ok(Change::Registered {
        project: project.to_owned(),
        kind: object.kind(),
        name: object.name().to_owned(),
    })
}

pub(crate) fn delete(
    registry: &RegistryFile,
    access: &Access,
    kind: ObjectKind,
    named: &Named,
) -> Result<Change> {
    let guard = Guard::of(registry, access, &named.project)?;
    registry.take_object(&named.project, kind, &named.name, |object| {
        guard.check(&object, &[PermittedAction::Delete])
    })?;
    Ok(Change::Removed { project: named.project.clone(), kind, name: named.name.clone() })
}

pub(crate) fn delete_project(
    registry: &RegistryFile,
    access: &Access,
    named: &NamedProject,
) -> Result<Encoded> {
    let messages = registry.messages()?;
    let project = messages.object(&named.name, ObjectKind::Project, &named.name)?;
    Guard::of(registry, access, &named.name)?.check(&project, &[PermittedAction::Delete])?;
    registry.remove_project(&named.name)?;
    Ok(Encoded::default())
}

pub(crate) fn apply_materialization(
    registry: &RegistryFile,
    access: &Access,
    request: &ApplyMaterialization,
) -> Result<Encoded> {
    let sent = SentObject::read(ObjectKind::FeatureView, &request.feature_view)?;
    let interval = MaterializationInterval {
        start: time(request.start_date.as_ref(), "start_date")?,
        end: time(request.end_date.as_ref(), "end_date")?,
    };
    if interval.end < interval.start {
        return Err(RequestError::other("`end_date` is before `start_date`").into());
    }
    let messages = registry.messages()?;
    let view = messages.view(&request.project, sent.name())?;
    Guard::of(registry, access, &request.project)?.check(&view, &[PermittedAction::WriteOnline])?;
    registry.record_materialization(&request.project, sent.name(), interval)?;
    Ok(Encoded::default())
}

/// A time that every client can read.
fn time(time: Option<&ProtoTime>, field: &str) -> Result<Timestamp> {
    let time = time.copied().unwrap_or_default();
    // The years 1 to 9999.
    let in_calendar = (-62_135_596_800..253_402_300_800).contains(&time.seconds);
    if !in_calendar || !(0..1_000_000_000).contains(&time.nanos) {
        return Err(RequestError::other(format!("`{field}` is outside the years 1 to 9999")).into());
    }
    Ok(Timestamp::from_micros(time.seconds * 1_000_000 + i64::from(time.nanos) / 1_000))
}

pub(crate) fn update_infra(
    registry: &RegistryFile,
    access: &Access,
    request: &UpdateInfra,
) -> Result<Encoded> {
    check_update(registry, access, &request.project)?;
    registry.put_infra(&request.project, &request.infra)?;
    Ok(Encoded::default())
}

/// Everything is written when its call is answered, so there is nothing left to do.
pub(crate) fn commit(registry: &RegistryFile, access: &Access, _request: &Nothing) -> Result<Encoded> {
    if !access.is_limited() {
        return Ok(Encoded::default());
    }
    let messages = registry.messages()?;
    let projects = messages.list("", ObjectKind::Project);
    for project in &projects {
        let guard = Guard::of(registry, access, project.name)?;
        let may = |action| guard.check(project, &[action]).is_ok();
        if may(PermittedAction::Update) || may(PermittedAction::Create) {
            return Ok(Encoded::default());
        }
    }
    if projects.is_empty() {
        return Ok(Encoded::default());
    }
    let details = "Not authorized to commit registry changes: CREATE or UPDATE permission required on at least one \
                   project";
    Err(RequestError::PermissionDenied { details: details.to_owned() }.into())
}

/// Every call sees the registry as it is, so there is nothing to read again.
pub(crate) fn refresh(registry: &RegistryFile, access: &Access, request: &OfProject) -> Result<Encoded> {
    check_update(registry, access, &request.project)?;
    Ok(Encoded::default())
}

/// Refuses a change of a project itself: to one that is there, unless the caller may update it; else unless it may
/// create it.
fn check_update(registry: &RegistryFile, access: &Access, name: &str) -> Result<()> {
    let messages = registry.messages()?;
    let guard = Guard::of(registry, access, name)?;
    match messages.object(name, ObjectKind::Project, name) {
        Ok(project) => Ok(guard.check(&project, &[PermittedAction::Describe, PermittedAction::Update])?),
        Err(_) => Ok(guard.check_new_project(name, &[PermittedAction::Create])?),
    }
}
