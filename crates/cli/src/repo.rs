//! Which feature repo a command works on.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use larder::{FeatureStore, RepoConfig};
use larder_core::SystemClock;

use crate::arguments::Arguments;

/// The variable that holds the whole `feature_store.yaml`, and then counts instead of any file.
const TEXT_VARIABLE: &str = "FEATURE_STORE_YAML_BASE64";

/// The feature repo of a command: its folder and its configuration.
#[derive(Clone, Debug)]
pub(crate) struct Repo {
    dir: PathBuf,
    config: ConfigSource,
}

/// Where the configuration comes from.
#[derive(Clone, Debug)]
enum ConfigSource {
    File(PathBuf),
    /// The text from the environment.
    Text(String),
}

impl Repo {
    /// The repo that the command line names, or else the current folder.
    pub(crate) fn find(arguments: &Arguments) -> Result<Self> {
        let dir = arguments.chdir.clone().unwrap_or_else(|| PathBuf::from("."));
        if let Some(encoded) = std::env::var_os(TEXT_VARIABLE).filter(|encoded| !encoded.is_empty()) {
            let compact: String = encoded.to_string_lossy().split_whitespace().collect();
            let bytes = BASE64.decode(compact).with_context(|| format!("`{TEXT_VARIABLE}` is not base64"))?;
            let text =
                String::from_utf8(bytes).with_context(|| format!("`{TEXT_VARIABLE}` holds no text"))?;
            return Ok(Self { dir, config: ConfigSource::Text(text) });
        }
        if dir.is_file() {
            bail!(
                "`{}` is a file, and `-c` names the folder of a feature repo; a `feature_store.yaml` of another name \
                 is given by `-f FILE`, before the verb, and the certificate of `serve` by `--cert FILE`",
                dir.display()
            );
        }
        let file = arguments.feature_store_yaml.clone().unwrap_or_else(|| dir.join("feature_store.yaml"));
        if !file.is_file() {
            bail!(
                "Can't find feature repo configuration file at {}. Make sure you're running larder from an \
                 initialized feature repository, or name one with `-c DIR`; `larder init` creates one.",
                std::path::absolute(&file).unwrap_or(file).display()
            );
        }
        Ok(Self { dir, config: ConfigSource::File(file) })
    }

    /// The folder.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The configuration; says on stderr what of it has no effect.
    pub(crate) fn config(&self) -> Result<RepoConfig> {
        let variable = |name: &str| std::env::var(name).ok();
        let config = match &self.config {
            ConfigSource::File(file) => RepoConfig::load_with(&self.dir, file, &variable)?,
            ConfigSource::Text(text) => RepoConfig::from_text(&self.dir, TEXT_VARIABLE, text, &variable)?,
        };
        for warning in &config.warnings {
            eprintln!("warning: {warning}");
        }
        Ok(config)
    }

    /// Opens the feature store.
    pub(crate) async fn open(&self) -> Result<Arc<FeatureStore>> {
        Ok(Arc::new(FeatureStore::with_config(self.config()?, Arc::new(SystemClock)).await?))
    }
}
