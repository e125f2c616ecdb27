//! Which files a client may name: those that lie where the project's data lie.
//!
//! That is in the feature repo, or beside a file that a registered data source reads.

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use larder_core::{DataSource, FileSource};
use larder_offline::is_file_of;
use larder_registry::RegistrySnapshot;

/// The folders of a project's data.
#[derive(Debug)]
pub(crate) struct ProjectFiles {
    repo: PathBuf,
    sources: Vec<Arc<DataSource>>,
    folders: Vec<PathBuf>,
}

impl ProjectFiles {
    /// Looks at the disk, so it blocks.
    pub(crate) fn of(repo: &Path, sources: Vec<Arc<DataSource>>) -> Self {
        let folder_of = |file: &FileSource| {
            let path = local(&file.path);
            (!path.contains("://")).then(|| repo.join(path).parent().and_then(real)).flatten()
        };
        let files = sources.iter().filter_map(|source| source.as_file());
        let folders = files.filter_map(folder_of).chain(real(repo)).collect();
        Self { repo: repo.to_owned(), sources, folders }
    }

    /// Whether a path, of which the end need not be there, leads to such a folder; links are followed first.
    pub(crate) fn hold(&self, path: &Path) -> bool {
        real(path).is_some_and(|path| self.folders.iter().any(|folder| path.starts_with(folder)))
    }

    /// The registered data sources that read a file.
    pub(crate) fn readers_of(&self, file: &Path) -> impl Iterator<Item = &str> {
        let files = self.sources.iter().filter_map(|source| Some((source, source.as_file()?)));
        let of_file = files.filter(move |(_, source)| is_file_of(&self.repo, source, file));
        of_file.map(|(source, _)| source.name.as_str())
    }
}

/// The data sources of a project.
pub(crate) fn data_sources_of(snapshot: &RegistrySnapshot) -> Vec<Arc<DataSource>> {
    snapshot.data_sources().iter().map(|source| Arc::clone(&source.object)).collect()
}

/// A path on this machine without its scheme; other schemes stay.
pub(crate) fn local(path: &str) -> &str {
    path.strip_prefix("file://").unwrap_or(path)
}

/// A path without links, of which the end need not be there; `None` if that end goes up again.
pub(crate) fn real(path: &Path) -> Option<PathBuf> {
    let mut missing: Vec<OsString> = Vec::new();
    let mut there = path.to_owned();
    let mut real = loop {
        match std::fs::canonicalize(&there) {
            Ok(real) => break real,
            Err(_) => match there.components().next_back()? {
                Component::Normal(name) => {
                    missing.push(name.to_owned());
                    there.pop();
                }
                _ => return None,
            },
        }
    };
    real.extend(missing.into_iter().rev());
    Some(real)
}
