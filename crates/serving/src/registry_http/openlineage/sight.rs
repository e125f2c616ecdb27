//! The namespaces that the sender of a request may know of.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use larder_core::PermittedAction;
use larder_openlineage::{VisibleNamespaces, namespace_of_project};

use super::LineageDoor;
use crate::Access;
use crate::registry_http::door::Asked;
use crate::registry_http::parameters::Parameters;
use crate::registry_http::refusal::Refusal;
use crate::registry_http::sight::Sight;

/// A request that was let in, by somebody who may know of some namespaces.
#[derive(Debug)]
pub(super) struct Looking {
    pub(super) access: Access,
    pub(super) parameters: Parameters,
    pub(super) visible: VisibleNamespaces,
}

impl FromRequestParts<Arc<LineageDoor>> for Looking {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<LineageDoor>) -> Result<Self, Refusal> {
        let Asked { access, parameters } = Asked::from_request_parts(parts, &state.door).await?;
        Ok(Self { visible: state.visible(&access).await?, access, parameters })
    }
}

impl LineageDoor {
    /// Those of the projects that one may describe, and of other producers that are mapped to such a project.
    async fn visible(&self, access: &Access) -> Result<VisibleNamespaces, Refusal> {
        if !access.is_limited() {
            return Ok(VisibleNamespaces::All);
        }
        let server = self.door.server.as_ref();
        let objects = server.objects().await?;
        let mut described = BTreeSet::new();
        for project in objects.projects() {
            let sight = Sight::of(server, access, &project.name).await?;
            if sight.check(&[PermittedAction::Describe], project).is_ok() {
                described.insert(project.name.as_str());
            }
        }
        let own = described.iter().map(|project| namespace_of_project(&self.consumer.namespace, project));
        let mapped = self.consumer.namespace_mapping.iter();
        let mapped = mapped.filter(|(_, project)| described.contains(project.as_str()));
        Ok(VisibleNamespaces::Only(own.chain(mapped.map(|(namespace, _)| namespace.clone())).collect()))
    }
}
