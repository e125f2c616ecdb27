//! Whether a caller may do what it asks for with the objects of a project.

use std::sync::Arc;

use larder_core::{PermissionType, PermittedAction, Project, RequestError, Result};
use larder_registry::{ObjectMessage, RegistryFile, RegistrySnapshot, SentObject};
use larder_serving::{Access, Protected};

/// What the permissions of a project grant to a caller. Projects too are judged by their own permissions.
#[derive(Debug)]
pub(crate) struct Guard<'a> {
    access: &'a Access,
    /// What says so; nothing where everything is granted.
    snapshot: Option<Arc<RegistrySnapshot>>,
}

impl<'a> Guard<'a> {
    /// # Errors
    ///
    /// If the registry cannot be read. A project that is not there has no permissions.
    pub(crate) fn of(registry: &RegistryFile, access: &'a Access, project: &str) -> Result<Self> {
        if !access.is_limited() {
            return Ok(Self { access, snapshot: None });
        }
        Ok(Self { access, snapshot: Some(registry.snapshot_or_nothing(project)?) })
    }

    /// Refuses what is not granted with an object that is registered.
    ///
    /// # Errors
    ///
    /// [`RequestError::PermissionDenied`].
    pub(crate) fn check(
        &self,
        object: &ObjectMessage<'_>,
        actions: &[PermittedAction],
    ) -> Result<(), RequestError> {
        let Some(snapshot) = &self.snapshot else { return Ok(()) };
        self.access.check(snapshot, actions, &protected(object))
    }

    /// Whether the caller may know of an object.
    pub(crate) fn shows(&self, object: &ObjectMessage<'_>) -> bool {
        self.check(object, &[PermittedAction::Describe]).is_ok()
    }

    /// As [`shows`](Self::shows), of an object that is known by its parts.
    pub(crate) fn shows_protected(&self, protected: &Protected<'_>) -> bool {
        let describe = [PermittedAction::Describe];
        self.snapshot
            .as_ref()
            .is_none_or(|snapshot| self.access.check(snapshot, &describe, protected).is_ok())
    }

    /// As [`Access::check_put`].
    ///
    /// # Errors
    ///
    /// [`RequestError::PermissionDenied`].
    pub(crate) fn check_put(
        &self,
        existing: Option<&ObjectMessage<'_>>,
        sent: &SentObject,
    ) -> Result<(), RequestError> {
        let Some(snapshot) = &self.snapshot else { return Ok(()) };
        let sent = Protected { kind: sent.permission_type(), name: sent.name(), tags: sent.tags() };
        self.access.check_put(snapshot, existing.map(protected).as_ref(), &sent)
    }

    /// Refuses what is not granted with a project that is not there.
    ///
    /// # Errors
    ///
    /// [`RequestError::PermissionDenied`].
    pub(crate) fn check_new_project(
        &self,
        name: &str,
        actions: &[PermittedAction],
    ) -> Result<(), RequestError> {
        let Some(snapshot) = &self.snapshot else { return Ok(()) };
        let project = Project::new(name);
        let protected = Protected { kind: PermissionType::Project, name, tags: &project.tags };
        self.access.check_unregistered(snapshot, actions, &protected)
    }
}

fn protected<'a>(object: &ObjectMessage<'a>) -> Protected<'a> {
    Protected { kind: object.permission_type, name: object.name, tags: object.tags }
}
