//! From a registry to a feature repo: definitions for what Feast registered.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use larder_core::{Error, ErrorKind, Result};
use larder_registry::DefinitionFiles;

use crate::FeatureStore;

/// The file of definitions that is written.
pub const WRITTEN_DEFINITIONS: &str = "definitions.yaml";

/// Definitions that cannot be written.
#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error("`{path}` is there already; remove it, or write to another folder")]
    Exists { path: String },
    #[error("`{path}` cannot be written")]
    Write { path: String, source: std::io::Error },
}

impl FeatureStore {
    /// Writes definitions of all that the registry holds into `folder`: `definitions.yaml`, the components
    /// that it names, and functions in Python as text that nothing runs. Applying them to the same registry
    /// changes nothing.
    ///
    /// # Errors
    ///
    /// If one of the files is there already, or cannot be written; if the registry or a component cannot be
    /// read.
    pub async fn write_definitions(&self, folder: &Path) -> Result<DefinitionFiles> {
        let catalog = self.refresh().await?;
        let (registry, folder) = (Arc::clone(self.registry()), folder.to_owned());
        let files = DefinitionFiles::of_snapshot(catalog.snapshot());
        larder_blocking::run(move || {
            let mut contents = vec![(WRITTEN_DEFINITIONS.to_owned(), files.yaml.clone().into_bytes())];
            contents
                .extend(files.functions.iter().map(|(path, text)| (path.clone(), text.clone().into_bytes())));
            for (path, digest) in &files.components {
                contents.push((path.clone(), registry.load_component(*digest)?.to_vec()));
            }
            if let Some((path, _)) = contents.iter().find(|(path, _)| folder.join(path).exists()) {
                let path = folder.join(path).display().to_string();
                return Err(Error::new(ErrorKind::Invalid, WriteError::Exists { path }));
            }
            for (path, bytes) in contents {
                let file = folder.join(path);
                let written =
                    file.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&file, bytes));
                written.map_err(|source| {
                    let path = file.display().to_string();
                    Error::new(ErrorKind::Unavailable, WriteError::Write { path, source })
                })?;
            }
            Ok(files)
        })
        .await
    }
}
