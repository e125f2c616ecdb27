//! Materialized intervals go into the registry file.

use std::sync::Arc;

use async_trait::async_trait;
use larder_core::{MaterializationInterval, Result};
use larder_materialize::MaterializationLog;
use larder_registry::RegistryFile;

/// Records materialized intervals in a registry file.
#[derive(Debug)]
pub(crate) struct RegistryLog(Arc<RegistryFile>);

impl RegistryLog {
    pub(crate) fn new(registry: Arc<RegistryFile>) -> Self {
        Self(registry)
    }
}

#[async_trait]
impl MaterializationLog for RegistryLog {
    async fn record(
        &self,
        project: &str,
        view: &str,
        version: Option<u32>,
        interval: MaterializationInterval,
    ) -> Result<()> {
        let (registry, project, view) = (Arc::clone(&self.0), project.to_owned(), view.to_owned());
        larder_blocking::run(move || match version {
            None => registry.record_materialization(&project, &view, interval),
            Some(version) => registry.record_materialization_of_version(&project, &view, version, interval),
        })
        .await
    }
}
