//! What the sender of a request may see of a project.

use std::sync::Arc;

use larder_core::{PermissionType, PermittedAction, RequestError};
use larder_registry::{Lineage, ObjectKind, RegisteredObject, RegistryObjects, RegistrySnapshot, SentObject};

use super::RegistryServer;
use super::refusal::Refusal;
use crate::{Access, Protected};

/// The objects of a project that the sender of a request may read the definitions of.
///
/// Whether they may is asked of the permissions of that project, whichever project the server itself is of. One that
/// is not there has no objects.
#[derive(Clone, Debug)]
pub(super) struct Sight {
    pub(super) project: String,
    objects: Arc<RegistryObjects>,
    access: Access,
    /// Holds the permissions; `None` where nobody asks for them.
    snapshot: Option<Arc<RegistrySnapshot>>,
}

impl Sight {
    pub(super) async fn of(
        server: &dyn RegistryServer,
        access: &Access,
        project: &str,
    ) -> Result<Self, Refusal> {
        let snapshot = if access.is_limited() { Some(server.project_snapshot(project).await?) } else { None };
        let (objects, access) = (server.objects().await?, access.clone());
        Ok(Self { project: project.to_owned(), objects, access, snapshot })
    }

    /// Refuses what the permissions of the project do not grant.
    pub(super) fn check(
        &self,
        actions: &[PermittedAction],
        object: &RegisteredObject,
    ) -> Result<(), RequestError> {
        let (kind, name, tags) = (object.permission_type, object.name.as_str(), &object.tags);
        self.check_protected(actions, &Protected { kind, name, tags })
    }

    /// As [`check`](Self::check), of an object that is known by its parts.
    pub(super) fn check_protected(
        &self,
        actions: &[PermittedAction],
        object: &Protected<'_>,
    ) -> Result<(), RequestError> {
        let Some(snapshot) = &self.snapshot else { return Ok(()) };
        self.access.check(snapshot, actions, object)
    }

    /// As [`Access::check_put`].
    pub(super) fn check_put(
        &self,
        existing: Option<Protected<'_>>,
        sent: &SentObject,
    ) -> Result<(), RequestError> {
        let Some(snapshot) = &self.snapshot else { return Ok(()) };
        let sent = Protected { kind: sent.permission_type(), name: sent.name(), tags: sent.tags() };
        self.access.check_put(snapshot, existing.as_ref(), &sent)
    }

    fn sees(&self, object: &RegisteredObject) -> bool {
        self.check(&[PermittedAction::Describe], object).is_ok()
    }

    /// The objects of a kind.
    pub(super) fn of_kind(&self, kind: ObjectKind) -> Vec<&RegisteredObject> {
        self.objects.of_kind(&self.project, kind).iter().filter(|object| self.sees(object)).collect()
    }

    /// Views of all kinds, label views last.
    pub(super) fn views(&self) -> impl Iterator<Item = &RegisteredObject> {
        self.objects.views(&self.project).filter(|view| self.sees(view))
    }

    /// An object by its name.
    ///
    /// # Errors
    ///
    /// If it is not there, or may not be seen, each in Feast's words.
    pub(super) fn find(&self, kind: ObjectKind, name: &str) -> Result<&RegisteredObject, Refusal> {
        let found = self.objects.find(&self.project, kind, name);
        self.found(found.ok_or_else(|| not_found(kind, name, &self.project))?)
    }

    /// A view of any kind by its name.
    pub(super) fn find_view(&self, name: &str) -> Result<&RegisteredObject, Refusal> {
        let found = self.objects.views(&self.project).find(|view| view.name == name);
        self.found(found.ok_or_else(|| not_found(ObjectKind::FeatureView, name, &self.project))?)
    }

    /// An object, or a view of any kind where `kind` is that of a feature view, for something else than looking at it.
    ///
    /// # Errors
    ///
    /// As [`find`](Self::find).
    pub(super) fn find_for(
        &self,
        action: PermittedAction,
        kind: ObjectKind,
        name: &str,
    ) -> Result<&RegisteredObject, Refusal> {
        let found = match kind {
            ObjectKind::FeatureView => self.objects.views(&self.project).find(|view| view.name == name),
            kind => self.objects.find(&self.project, kind, name),
        };
        let found = found.ok_or_else(|| not_found(kind, name, &self.project))?;
        self.check(&[action], found)?;
        Ok(found)
    }

    /// The names of the objects of a kind that something may be done with.
    pub(super) fn permitted(&self, action: PermittedAction, kind: ObjectKind) -> Vec<String> {
        self.names(action, self.objects.of_kind(&self.project, kind).iter())
    }

    /// The names of the views of all kinds that something may be done with.
    pub(super) fn permitted_views(&self, action: PermittedAction) -> Vec<String> {
        self.names(action, self.objects.views(&self.project))
    }

    fn names<'o>(
        &self,
        action: PermittedAction,
        objects: impl Iterator<Item = &'o RegisteredObject>,
    ) -> Vec<String> {
        let permitted = objects.filter(|object| self.check(&[action], object).is_ok());
        permitted.map(|object| object.name.clone()).collect()
    }

    fn found<'s>(&self, object: &'s RegisteredObject) -> Result<&'s RegisteredObject, Refusal> {
        self.check(&[PermittedAction::Describe], object)?;
        Ok(object)
    }

    /// What feeds what, as far as the objects tell that may be seen.
    pub(super) fn lineage(&self) -> Lineage {
        Lineage::of(|kind| self.of_kind(kind))
    }

    /// Refuses a sender who may not see the project itself; one that is not there hides nothing.
    pub(super) fn check_project(&self) -> Result<(), Refusal> {
        let project = self.objects.projects().iter().find(|project| project.name == self.project);
        project.map_or(Ok(()), |project| self.found(project).map(|_| ()))
    }
}

/// The projects that the sender of a request may see, in the order of the registry.
///
/// # Errors
///
/// As the registry.
pub(super) async fn all_sights(
    server: &dyn RegistryServer,
    access: &Access,
) -> Result<Vec<(RegisteredObject, Sight)>, Refusal> {
    let objects = server.objects().await?;
    let mut sights = Vec::new();
    for project in objects.projects().iter().filter(|project| !is_protected(project)) {
        let sight = Sight::of(server, access, &project.name).await?;
        if sight.sees(project) {
            sights.push((project.clone(), sight));
        }
    }
    Ok(sights)
}

/// A project that its owners keep out of lists.
fn is_protected(project: &RegisteredObject) -> bool {
    let tag = project.tags.get(larder_core::PROTECTED_PROJECT_TAG);
    tag.is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// What Feast says of an object that is not there.
pub(super) fn not_found(kind: ObjectKind, name: &str, project: &str) -> Refusal {
    let noun = match kind {
        ObjectKind::Project => return Refusal::not_found(format!("Project {name} does not exist")),
        ObjectKind::Entity => "Entity",
        ObjectKind::DataSource => "Data source",
        ObjectKind::FeatureService => "Feature service",
        ObjectKind::SavedDataset => "Saved dataset",
        ObjectKind::ValidationReference => "Validation reference",
        ObjectKind::Permission => "Permission",
        _ => "Feature view",
    };
    Refusal::not_found(format!("{noun} {name} does not exist in project {project}"))
}

/// The words of the JSON form for a kind of view: the key under which Feast wraps it, and its `type`.
pub(super) fn view_type(view: &RegisteredObject) -> &'static str {
    match view.permission_type {
        PermissionType::OnDemandFeatureView => "onDemandFeatureView",
        PermissionType::StreamFeatureView => "streamFeatureView",
        PermissionType::LabelView => "labelView",
        _ => "featureView",
    }
}
