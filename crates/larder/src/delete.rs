//! Removing single objects and whole projects from the registry.

use std::sync::Arc;

use larder_core::{DataSourceKind, OnDemandSource, RequestError, Result};
use larder_registry::{ObjectKind, RegistrySnapshot};

use crate::FeatureStore;

impl FeatureStore {
    /// Removes an object from the registry, and its online rows if it is a view. Returns Feast's class of it;
    /// `None` if nothing has the name. Of several objects of a name it is the first in Feast's order: entity, feature view, feature
    /// service, data source, saved dataset, validation reference, then the other views.
    ///
    /// While the object is defined in the repo, the next [`apply`](Self::apply) brings it back.
    ///
    /// # Errors
    ///
    /// If another object uses it; as the registry and the online store.
    pub async fn delete_object(&self, name: &str) -> Result<Option<&'static str>> {
        let before = self.refresh().await?;
        let (registry, project, wanted) =
            (Arc::clone(self.registry()), self.config().project.clone(), name.to_owned());
        let found = larder_blocking::run({
            let (registry, project, wanted) = (Arc::clone(&registry), project.clone(), wanted.clone());
            move || registry.find_object(&project, &wanted)
        })
        .await?;
        let Some(kind) = found else { return Ok(None) };
        if let Some(user) = user_of(before.snapshot(), kind, name) {
            return Err(RequestError::other(format!(
                "{} `{name}` cannot be deleted while {user} uses it; delete that first",
                kind.noun()
            ))
            .into());
        }
        larder_blocking::run(move || registry.delete_object(&project, kind, &wanted)).await?;
        let after = self.refresh().await?;
        self.follow_registry(before.snapshot(), after.snapshot()).await?;
        Ok(Some(class(kind)))
    }

    /// Removes all objects of a project from the registry; of this repo's project its online rows too.
    ///
    /// # Errors
    ///
    /// If there is no such project; as the registry and the online store.
    pub async fn delete_project(&self, name: &str) -> Result<()> {
        let before = self.refresh().await?;
        let (registry, project) = (Arc::clone(self.registry()), name.to_owned());
        if !larder_blocking::run(move || registry.remove_project(&project)).await? {
            return Err(RequestError::other(format!("Project {name} does not exist")).into());
        }
        let after = self.refresh().await?;
        self.follow_registry(before.snapshot(), after.snapshot()).await
    }
}

/// Feast's class of a kind of objects.
fn class(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Entity => "Entity",
        ObjectKind::FeatureView => "FeatureView",
        ObjectKind::FeatureService => "FeatureService",
        ObjectKind::DataSource => "DataSource",
        ObjectKind::SavedDataset => "SavedDataset",
        ObjectKind::ValidationReference => "ValidationReference",
        ObjectKind::StreamFeatureView => "StreamFeatureView",
        ObjectKind::OnDemandFeatureView => "OnDemandFeatureView",
        ObjectKind::LabelView => "LabelView",
        ObjectKind::Permission => "Permission",
        _ => "Project",
    }
}

/// An object that would be without what it needs, as messages name it.
fn user_of(snapshot: &RegistrySnapshot, kind: ObjectKind, name: &str) -> Option<String> {
    let views = || snapshot.feature_views().iter().map(|view| &view.object);
    let view = |user: &str| format!("feature view `{user}`");
    match kind {
        ObjectKind::Entity => views()
            .find(|user| user.entities.iter().any(|entity| entity == name))
            .map(|user| view(&user.name)),
        ObjectKind::DataSource => {
            let reads = |source: &Option<String>| source.as_deref() == Some(name);
            let stored = views().find(|user| reads(&user.batch_source) || reads(&user.stream_source));
            let pushed = || {
                let push = |kind: &DataSourceKind| match kind {
                    DataSourceKind::Push(push) => reads(&push.batch_source),
                    DataSourceKind::Mlflow(mlflow) => mlflow.batch_source == name,
                    _ => false,
                };
                let mut sources = snapshot.data_sources().iter().map(|source| &source.object);
                sources.find(|user| push(&user.kind)).map(|user| format!("data source `{}`", user.name))
            };
            let asked = || {
                let request = |source: &OnDemandSource| matches!(source, OnDemandSource::RequestSource(request) if request == name);
                let mut computed = snapshot.on_demand_feature_views().iter().map(|view| &view.object);
                computed
                    .find(|user| user.sources.iter().any(request))
                    .map(|user| format!("on demand feature view `{}`", user.name))
            };
            stored.map(|user| view(&user.name)).or_else(pushed).or_else(asked)
        }
        ObjectKind::FeatureView
        | ObjectKind::StreamFeatureView
        | ObjectKind::LabelView
        | ObjectKind::OnDemandFeatureView => {
            let mut computed = snapshot.on_demand_feature_views().iter().map(|view| &view.object);
            let projects = |source: &OnDemandSource| {
                !matches!(source, OnDemandSource::RequestSource(_)) && source.name() == name
            };
            let computed = computed
                .find(|user| user.sources.iter().any(projects))
                .map(|user| format!("on demand feature view `{}`", user.name));
            computed.or_else(|| {
                let mut services = snapshot.feature_services().iter().map(|service| &service.object);
                services
                    .find(|user| user.features.iter().any(|projection| projection.view == name))
                    .map(|user| format!("feature service `{}`", user.name))
            })
        }
        ObjectKind::SavedDataset => {
            let mut references = snapshot.validation_references().iter().map(|reference| &reference.object);
            references
                .find(|user| user.dataset == name)
                .map(|user| format!("validation reference `{}`", user.name))
        }
        _ => None,
    }
}
