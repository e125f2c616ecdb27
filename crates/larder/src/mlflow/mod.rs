//! What is taken from MLflow, and what it is told.

mod operations;
mod sync;

pub(crate) use operations::Materialized;

use std::collections::BTreeMap;
use std::sync::Arc;

use larder_core::{DUMMY_JOIN_KEY, DataSource, FeatureView, MlflowSource, MlflowTable, RequestError, Result};
use larder_mlflow::{Credentials, Dataset, DatasetName, FlatRows, MlflowOptions, MlflowServers, flatten};
use larder_registry::{MlflowConfig, MlflowCredentials, RegistrySnapshot};

pub use sync::{MlflowSync, MlflowSyncReport, MlflowSyncRequest};

use crate::FeatureStore;

/// A feature view that reads a table of MLflow.
#[derive(Clone, Debug)]
pub struct MlflowView {
    /// The view.
    pub view: Arc<FeatureView>,
    /// Its source.
    pub source: Arc<DataSource>,
    /// The address of the server that it is read from, without what is secret in it; `None` where none is said.
    pub address: Option<String>,
}

/// How a source of MLflow is found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MlflowSourceCheck {
    /// The columns of the table and their types; the reason, where it cannot be read.
    pub columns: std::result::Result<Vec<(String, String)>, String>,
    /// What the view needs and the table does not have.
    pub missing: Vec<String>,
}

impl MlflowView {
    /// What only a source of MLflow has.
    pub fn mlflow(&self) -> &MlflowSource {
        self.source.as_mlflow().expect("only such views are made")
    }
}

/// The servers that a configuration and the environment name.
pub(crate) fn mlflow_servers(config: &MlflowConfig) -> MlflowServers {
    let credentials = config.credentials.as_ref().map(|credentials| match credentials {
        MlflowCredentials::Token(token) => Credentials::Token(token.expose().to_owned()),
        MlflowCredentials::User { name, password } => {
            Credentials::User { name: name.clone(), password: password.expose().to_owned() }
        }
    });
    MlflowServers::new(MlflowOptions {
        tracking_uri: config.tracking_uri.clone(),
        credentials,
        ca_bundle: config.ca_bundle.clone(),
        request_timeout: config.request_timeout,
        max_retries: config.max_retries,
        retry_backoff: config.retry_backoff,
        artifact_formats: config.supported_artifact_formats.clone(),
    })
}

impl FeatureStore {
    /// The views that read tables of MLflow, in the order of the registry.
    pub fn mlflow_views(&self) -> Vec<MlflowView> {
        let catalog = self.catalog();
        let snapshot = catalog.snapshot();
        let views = snapshot.feature_views().iter().map(|view| &view.object);
        views.filter_map(|view| self.mlflow_view_of(snapshot, view)).collect()
    }

    /// A view that reads a table of MLflow, by its name.
    ///
    /// # Errors
    ///
    /// [`RequestError`] where there is no such view, or it reads something else.
    pub fn mlflow_view(&self, name: &str) -> Result<MlflowView> {
        let catalog = self.catalog();
        let snapshot = catalog.snapshot();
        let view = &snapshot.feature_view(name)?.object;
        self.mlflow_view_of(snapshot, view).ok_or_else(|| {
            let source = view.batch_source.as_deref().and_then(|name| snapshot.data_source(name).ok());
            let kind = source.map_or("without a table", |source| source.object.type_name());
            RequestError::other(format!(
                "feature view `{name}` does not read MLflow: its source is {kind}; give it one of `type: mlflow`"
            ))
            .into()
        })
    }

    fn mlflow_view_of(&self, snapshot: &RegistrySnapshot, view: &Arc<FeatureView>) -> Option<MlflowView> {
        let source = Arc::clone(&snapshot.data_source(view.batch_source.as_deref()?).ok()?.object);
        let named = source.as_mlflow()?.tracking_uri.clone();
        let address = mlflow_servers(&self.config().mlflow).address(named.as_deref());
        Some(MlflowView { view: Arc::clone(view), source, address })
    }

    /// Looks at the table of such a view: whether it can be read, and has what the view needs.
    pub async fn check_mlflow_source(&self, view: &MlflowView) -> MlflowSourceCheck {
        let schema = match self.offline().schema(&view.source).await {
            Ok(schema) => schema,
            Err(error) => return MlflowSourceCheck { columns: Err(error.chain()), missing: Vec::new() },
        };
        let columns = &view.mlflow().columns;
        let needed = view.view.join_keys.iter().chain(&view.view.features).map(|field| &field.name);
        let time = columns.field_mapping.get(&columns.timestamp_field).unwrap_or(&columns.timestamp_field);
        let missing = needed
            .chain([time])
            .filter(|name| *name != DUMMY_JOIN_KEY && schema.field_with_name(name).is_err());
        MlflowSourceCheck {
            missing: missing.cloned().collect(),
            columns: Ok(schema
                .fields()
                .iter()
                .map(|field| (field.name().clone(), field.data_type().to_string()))
                .collect()),
        }
    }

    /// The rows of a dataset of the configured server, as a view would get them.
    ///
    /// # Errors
    ///
    /// Those of [`larder_mlflow::MlflowError`].
    pub async fn preview_mlflow_dataset(
        &self,
        name: String,
        field_mapping: BTreeMap<String, String>,
    ) -> Result<FlatRows> {
        let servers = mlflow_servers(&self.config().mlflow);
        larder_blocking::run(move || {
            let server = servers.server(None)?;
            let records = Dataset::find(&server, DatasetName::Name(&name))?.records(&server)?;
            Ok(flatten(&records, &field_mapping))
        })
        .await
    }
}

/// The dataset that a source names, where it is one of records.
fn dataset_name(source: &MlflowSource) -> Option<DatasetName<'_>> {
    match &source.table {
        MlflowTable::Dataset { id: Some(id), .. } => Some(DatasetName::Id(id)),
        MlflowTable::Dataset { name: Some(name), .. } => Some(DatasetName::Name(name)),
        _ => None,
    }
}
