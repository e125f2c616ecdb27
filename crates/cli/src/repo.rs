//! Which feature repo a command works on.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, bail};
use larder::{FeatureStore, RepoConfig};
use larder_core::SystemClock;

use crate::arguments::Arguments;

/// The feature repo of a command: its folder and its configuration file.
#[derive(Clone, Debug)]
pub(crate) struct Repo {
    pub(crate) dir: PathBuf,
    pub(crate) config_file: PathBuf,
}

impl Repo {
    /// The repo that the command line names, or else the current folder.
    pub(crate) fn find(arguments: &Arguments) -> Result<Self> {
        let dir = arguments.chdir.clone().unwrap_or_else(|| PathBuf::from("."));
        let config_file =
            arguments.feature_store_yaml.clone().unwrap_or_else(|| dir.join("feature_store.yaml"));
        if !config_file.is_file() {
            bail!(
                "Can't find feature repo configuration file at {}. Make sure you're running larder from an \
                 initialized feature repository, or name one with `-c DIR`; `larder init` creates one.",
                config_file.display()
            );
        }
        Ok(Self { dir, config_file })
    }

    /// Opens the feature store, and says on stderr what its configuration leaves unsaid.
    pub(crate) async fn open(&self) -> Result<Arc<FeatureStore>> {
        let config = RepoConfig::load_with(&self.dir, &self.config_file, &|name| std::env::var(name).ok())?;
        for warning in &config.warnings {
            eprintln!("warning: {warning}");
        }
        Ok(Arc::new(FeatureStore::with_config(config, Arc::new(SystemClock)).await?))
    }
}
