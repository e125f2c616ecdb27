//! What the registry holds, as Feast's command prints it.

use std::sync::Arc;

use larder_core::{RequestError, Result};
use larder_registry::{Description, FeatureViewVersion, ListFilter, Listing, ObjectKind};

use crate::{FeatureStore, blocking};

impl FeatureStore {
    /// The table of all objects of a kind that `filter` lets through.
    ///
    /// # Errors
    ///
    /// If the registry cannot be read, or the project has not been applied.
    pub async fn list(&self, kind: ObjectKind, filter: ListFilter) -> Result<Listing> {
        let (registry, project) = (Arc::clone(self.registry()), self.config().project.clone());
        blocking::run(move || registry.list(&project, kind, &filter)).await
    }

    /// The table of all features of all views.
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list).
    pub async fn list_features(&self) -> Result<Listing> {
        let (registry, project) = (Arc::clone(self.registry()), self.config().project.clone());
        blocking::run(move || registry.list_features(&project)).await
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
        let found = blocking::run(move || registry.describe(&project, kind, &wanted)).await?;
        found.ok_or_else(|| self.not_found(kind, name).into())
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
