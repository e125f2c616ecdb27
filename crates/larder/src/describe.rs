//! What the registry holds, as Feast's command prints it.

use std::sync::Arc;

use larder_core::{ErrorKind, FeatureViewState, RequestError, Result};
use larder_registry::{
    Description, FeatureViewVersion, ListFilter, Listing, ObjectKind, PermissionCheck, PermittedObjects,
};
use serde_json::Value;

use crate::FeatureStore;

/// A feature as one view has it.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribedFeature {
    /// The view.
    pub view: String,
    /// The feature's type, by Feast's name.
    pub value_type: String,
    /// What it is, for people.
    pub description: String,
    /// Whether it is kept online; `None` of what is computed.
    pub online: Option<bool>,
    /// The view's batch source in protobuf's JSON form, where it has one.
    pub source: Option<Value>,
}

/// Whether a view is in use, and how far its values have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeatureViewStatus {
    /// Whether it may be used.
    pub enabled: bool,
    /// How far its values have come.
    pub state: FeatureViewState,
}

impl FeatureStore {
    /// The table of all objects of a kind that `filter` lets through.
    ///
    /// # Errors
    ///
    /// If the registry cannot be read, or the project has not been applied.
    pub async fn list(&self, kind: ObjectKind, filter: ListFilter) -> Result<Listing> {
        let (registry, project) = (Arc::clone(self.registry()), self.config().project.clone());
        larder_blocking::run(move || registry.list(&project, kind, &filter)).await
    }

    /// The table of all features of all views.
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list).
    pub async fn list_features(&self) -> Result<Listing> {
        let (registry, project) = (Arc::clone(self.registry()), self.config().project.clone());
        larder_blocking::run(move || registry.list_features(&project)).await
    }

    /// What the permissions of the project leave open.
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list); a pattern of names that is no regular expression.
    pub async fn check_permissions(&self) -> Result<PermissionCheck> {
        let (registry, project) = (Arc::clone(self.registry()), self.config().project.clone());
        larder_blocking::run(move || registry.check_permissions(&project)).await
    }

    /// The objects that each permission of the project is about. The tags of `filter` count for permissions and
    /// objects alike.
    ///
    /// # Errors
    ///
    /// As [`check_permissions`](Self::check_permissions).
    pub async fn permitted_objects(&self, filter: ListFilter) -> Result<Vec<PermittedObjects>> {
        let (registry, project) = (Arc::clone(self.registry()), self.config().project.clone());
        larder_blocking::run(move || registry.permitted_objects(&project, &filter)).await
    }

    /// The table of the roles that permissions name; or of what each role may do with each object, were it
    /// the only role of a user.
    ///
    /// # Errors
    ///
    /// As [`check_permissions`](Self::check_permissions).
    pub async fn list_roles(&self, with_actions: bool) -> Result<Listing> {
        let (registry, project) = (Arc::clone(self.registry()), self.config().project.clone());
        larder_blocking::run(move || registry.list_roles(&project, with_actions)).await
    }

    /// The versions of a view that the registry remembers, by number; none of a view that is not there.
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list).
    pub async fn list_feature_view_versions(&self, view: &str) -> Result<Vec<FeatureViewVersion>> {
        let catalog = self.refresh().await?;
        Ok(catalog.snapshot().feature_view_versions(view).to_vec())
    }

    /// One object, which displays as YAML.
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list); [`RequestError`] if there is no such object.
    pub async fn describe(&self, kind: ObjectKind, name: &str) -> Result<Description> {
        let (registry, project) = (Arc::clone(self.registry()), self.config().project.clone());
        let wanted = name.to_owned();
        let found = larder_blocking::run(move || registry.describe(&project, kind, &wanted)).await?;
        found.ok_or_else(|| self.not_found(kind, name).into())
    }

    /// The features of a name, one for every view that has it, in the order of the registry.
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list).
    pub async fn describe_features(&self, name: &str) -> Result<Vec<DescribedFeature>> {
        let mut features = Vec::new();
        for row in self.list_features().await?.rows {
            let [feature, view, value_type] = row.as_slice() else { continue };
            if feature != name {
                continue;
            }
            let Some((kind, description)) = self.find_view(view).await? else { continue };
            let spec = description.json().get("spec");
            let field = |key: &str| spec.and_then(|spec| spec.get(key));
            let listed = field("features").and_then(Value::as_array).into_iter().flatten();
            let text = listed
                .filter(|listed| listed.get("name").is_some_and(|listed| listed == name))
                .find_map(|listed| listed.get("description")?.as_str());
            let stored = kind != ObjectKind::OnDemandFeatureView;
            features.push(DescribedFeature {
                view: view.clone(),
                value_type: value_type.clone(),
                description: text.unwrap_or_default().to_owned(),
                online: stored.then(|| field("online").and_then(Value::as_bool).unwrap_or_default()),
                source: field("batchSource").map(|source| {
                    let mut source = source.clone();
                    // Feast adds it where a view is shown, not where a source is.
                    source.as_object_mut().and_then(|source| source.shift_remove("dataSourceClassType"));
                    source
                }),
            });
        }
        Ok(features)
    }

    /// Whether a view of any kind is in use, and its state.
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list); [`RequestError::FeatureViewNotFound`].
    pub async fn feature_view_status(&self, view: &str) -> Result<FeatureViewStatus> {
        let found = self.find_view(view).await?;
        let (_, description) = found.ok_or_else(|| self.not_found(ObjectKind::FeatureView, view))?;
        let part = |part: &str, key: &str| description.json().get(part)?.get(key).cloned();
        let state = part("meta", "state");
        let state = FeatureViewState::ALL.into_iter().find(|known| state == Some(known.name().into()));
        Ok(FeatureViewStatus {
            enabled: part("spec", "disabled") != Some(Value::Bool(true)),
            state: state.unwrap_or_default(),
        })
    }

    /// All objects of the project as JSON, as Feast's `registry-dump` prints them.
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list).
    pub async fn registry_dump(&self) -> Result<Value> {
        let (registry, project) = (Arc::clone(self.registry()), self.config().project.clone());
        larder_blocking::run(move || registry.dump(&project)).await
    }

    /// A view of any kind.
    async fn find_view(&self, view: &str) -> Result<Option<(ObjectKind, Description)>> {
        for kind in [ObjectKind::FeatureView, ObjectKind::OnDemandFeatureView] {
            match self.describe(kind, view).await {
                Ok(description) => return Ok(Some((kind, description))),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    fn not_found(&self, kind: ObjectKind, name: &str) -> RequestError {
        let (name, project) = (name.to_owned(), self.config().project.clone());
        match kind {
            ObjectKind::Entity => RequestError::EntityNotFound { entity: name, project },
            ObjectKind::DataSource => RequestError::DataSourceNotFound { data_source: name, project },
            ObjectKind::OnDemandFeatureView => {
                RequestError::OnDemandFeatureViewNotFound { view: name, project }
            }
            ObjectKind::FeatureService => RequestError::FeatureServiceNotFound { service: name, project },
            ObjectKind::FeatureView | ObjectKind::StreamFeatureView | ObjectKind::LabelView => {
                RequestError::FeatureViewNotFound { view: name, project }
            }
            ObjectKind::SavedDataset => RequestError::SavedDatasetNotFound { dataset: name, project },
            ObjectKind::ValidationReference => {
                RequestError::ValidationReferenceNotFound { reference: name, project }
            }
            ObjectKind::Permission => RequestError::PermissionNotFound { permission: name, project },
            _ => RequestError::other(format!("Project {name} does not exist")),
        }
    }
}
