//! The registry file: Feast's `feast.core.Registry` message, shared by all projects.
//!
//! Readers never lock: a writer replaces the file as a whole. Writers exclude each other by a lock on a
//! file beside it, read what is there, change it, and replace it:
//!
//! ```text
//! lock registry.db.lock ─▶ read registry.db ─▶ change ─▶ write registry.db.<random>.tmp, sync
//!                                                     ─▶ rename over registry.db, sync the folder
//! ```
//!
//! A crash at any instant leaves the old file or the new one. Everything that larder does not know is
//! kept byte for byte: other projects, other kinds of objects, unknown fields of objects not touched.

mod change;
mod component_folder;
mod contents;
mod durable;
mod error;
mod property;
mod reading;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use larder_core::{Clock, ComponentDigest, MaterializationInterval, RequestError, Result, Timestamp};

use self::component_folder::ComponentFolder;
pub(crate) use self::contents::{Contents, Object, Stored};
use self::durable::{FileStamp, WriteLock};
pub(crate) use self::error::ContentsError;
pub use self::error::{DamagedContents, RegistryError};
pub(crate) use self::reading::of_project;
use crate::describe::{self, Description};
use crate::{Definitions, Listing, ObjectKind, RegistryDiff, RegistrySnapshot};

/// A registry on the local disk.
///
/// All methods block for the time of a small file's read or write; [`snapshot`](Self::snapshot) costs no
/// more than a look at the file's metadata while the file stays the same.
#[derive(Debug)]
pub struct RegistryFile {
    path: PathBuf,
    components: ComponentFolder,
    clock: Arc<dyn Clock>,
    cache: Mutex<Cache>,
}

/// What was read last.
#[derive(Debug, Default)]
struct Cache {
    stamp: Option<FileStamp>,
    contents: Option<Arc<Contents>>,
    snapshots: HashMap<String, Arc<RegistrySnapshot>>,
}

impl RegistryFile {
    /// Takes the registry at `path`; it need not exist before the first [`apply`](Self::apply).
    ///
    /// # Errors
    ///
    /// [`RegistryError::Read`] if `path` is a folder.
    pub fn open(path: impl Into<PathBuf>, clock: Arc<dyn Clock>) -> Result<Self> {
        let path = path.into();
        if path.is_dir() {
            return Err(RegistryError::IsFolder { path }.into());
        }
        let components = ComponentFolder::beside(&path);
        Ok(Self { path, components, clock, cache: Mutex::default() })
    }

    /// The registry file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All objects of `project`, as the registry holds them now. The same snapshot is given out until
    /// the file changes.
    ///
    /// # Errors
    ///
    /// [`RegistryError::NotFound`] if there is no file, [`RegistryError::ProjectNotFound`] if it does not
    /// hold the project, [`RegistryError::Corrupt`] and [`RegistryError::Foreign`] if it cannot be
    /// understood.
    pub fn snapshot(&self, project: &str) -> Result<Arc<RegistrySnapshot>> {
        Ok(self.cached_snapshot(project)?)
    }

    fn cached_snapshot(&self, project: &str) -> Result<Arc<RegistrySnapshot>, RegistryError> {
        // A poisoned cache is refilled by its stamp like any other.
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let contents = self.refresh(&mut cache)?;
        if let Some(snapshot) = cache.snapshots.get(project) {
            return Ok(Arc::clone(snapshot));
        }
        let snapshot = Arc::new(reading::snapshot(&contents, project).ok_or_else(|| {
            RegistryError::ProjectNotFound { project: project.to_owned(), path: self.path.clone() }
        })?);
        cache.snapshots.insert(project.to_owned(), Arc::clone(&snapshot));
        Ok(snapshot)
    }

    /// The contents of the file, read again if it is another than last time.
    fn refresh(&self, cache: &mut Cache) -> Result<Arc<Contents>, RegistryError> {
        let stamp = FileStamp::of(&self.path).map_err(|source| self.unreadable(source))?;
        if let Some(contents) = &cache.contents
            && cache.stamp == Some(stamp)
        {
            return Ok(Arc::clone(contents));
        }
        // The stamp is older than the contents if the file is replaced in between: then it is read again.
        let contents = Arc::new(self.read()?);
        *cache =
            Cache { stamp: Some(stamp), contents: Some(Arc::clone(&contents)), snapshots: HashMap::new() };
        Ok(contents)
    }

    fn contents(&self) -> Result<Arc<Contents>, RegistryError> {
        self.refresh(&mut self.cache.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn read(&self) -> Result<Contents, RegistryError> {
        let bytes = fs::read(&self.path).map_err(|source| self.unreadable(source))?;
        Contents::decode(&bytes).map_err(|error| error.at(&self.path))
    }

    fn unreadable(&self, source: std::io::Error) -> RegistryError {
        if source.kind() == std::io::ErrorKind::NotFound {
            RegistryError::NotFound { path: self.path.clone() }
        } else {
            RegistryError::Read { path: self.path.clone(), source }
        }
    }

    /// What [`apply`](Self::apply) would change.
    ///
    /// # Errors
    ///
    /// As [`snapshot`](Self::snapshot), but a registry or project that is not there yet is empty.
    pub fn plan(&self, definitions: &Definitions) -> Result<RegistryDiff> {
        let mut contents = self.read_or_empty()?;
        Ok(change::apply(&mut contents, definitions, self.clock.now()).diff)
    }

    /// Makes the registry hold exactly what is defined for the project: new objects are created, changed
    /// ones updated, all others deleted. The components are stored first. Other projects stay as they
    /// are. Nothing is written if nothing changes.
    ///
    /// An updated feature view keeps its record of materialization unless its source, its join keys or
    /// the type of a feature has changed.
    ///
    /// # Errors
    ///
    /// As [`plan`](Self::plan); [`RegistryError::Write`] if the file cannot be replaced, which leaves it
    /// as it was.
    pub fn apply(&self, definitions: &Definitions) -> Result<RegistryDiff> {
        for bytes in definitions.components.values() {
            self.components.store(bytes)?;
        }
        let now = self.clock.now();
        Ok(self.update(|contents| {
            let applied = change::apply(contents, definitions, now);
            Ok((applied.changed, applied.diff))
        })?)
    }

    /// Adds a span of event time to the record of what is online of a feature view. Call it only after
    /// the online store is durable.
    ///
    /// # Errors
    ///
    /// As [`snapshot`](Self::snapshot); [`RegistryError::ViewNotFound`] if there is no such view.
    pub fn record_materialization(
        &self,
        project: &str,
        view: &str,
        interval: MaterializationInterval,
    ) -> Result<()> {
        let now = self.clock.now();
        Ok(self.update(|contents| {
            change::record_materialization(contents, project, view, interval, now)
                .map_err(|error| error.at(&self.path))?
                .ok_or_else(|| {
                    let (view, project) = (view.to_owned(), project.to_owned());
                    RegistryError::from(RequestError::FeatureViewNotFound { view, project })
                })
                .map(|()| (true, ()))
        })?)
    }

    /// Removes everything that belongs to `project`; other projects stay. Returns whether there was
    /// anything.
    ///
    /// # Errors
    ///
    /// As [`snapshot`](Self::snapshot) and [`RegistryError::Write`]; a missing file holds nothing.
    pub fn remove_project(&self, project: &str) -> Result<bool> {
        if !self.path.exists() {
            return Ok(false);
        }
        Ok(self.update(|contents| {
            let removed = contents.remove_project(project).map_err(|error| error.at(&self.path))?;
            Ok((removed, removed))
        })?)
    }

    /// Stores the bytes of a component beside the registry, durably, and returns their digest.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Write`].
    pub fn store_component(&self, bytes: &[u8]) -> Result<ComponentDigest> {
        Ok(self.components.store(bytes)?)
    }

    /// The bytes of a component, which are those of its digest.
    ///
    /// # Errors
    ///
    /// [`RegistryError::ComponentNotFound`]; [`RegistryError::ComponentCorrupt`] if the bytes are not
    /// those that the digest tells.
    pub fn load_component(&self, digest: ComponentDigest) -> Result<Arc<[u8]>> {
        Ok(self.components.load(digest)?)
    }

    /// One object as Feast's `describe` prints it; `None` if there is no such object.
    ///
    /// # Errors
    ///
    /// As [`snapshot`](Self::snapshot).
    pub fn describe(&self, project: &str, kind: ObjectKind, name: &str) -> Result<Option<Description>> {
        let contents = self.contents()?;
        Ok(describe::describe(&contents, project, kind, name).map_err(|error| error.at(&self.path))?)
    }

    /// The table that Feast's `list` prints for a kind of objects: rows in the order of the registry.
    /// `tags` keeps the objects that have all of them.
    ///
    /// # Errors
    ///
    /// As [`snapshot`](Self::snapshot).
    pub fn list(&self, project: &str, kind: ObjectKind, tags: &[(String, String)]) -> Result<Listing> {
        let contents = self.contents()?;
        Ok(describe::list(&contents, project, kind, tags))
    }

    /// The table that Feast's `features list` prints: every feature of every view.
    ///
    /// # Errors
    ///
    /// As [`snapshot`](Self::snapshot).
    pub fn list_features(&self, project: &str) -> Result<Listing> {
        let contents = self.contents()?;
        Ok(describe::list_features(&contents, project))
    }

    fn read_or_empty(&self) -> Result<Contents, RegistryError> {
        match self.read() {
            Err(RegistryError::NotFound { .. }) => Ok(Contents::default()),
            other => other,
        }
    }

    /// Changes the file under the lock; `change` says whether it changed anything.
    fn update<T>(
        &self,
        change: impl FnOnce(&mut Contents) -> Result<(bool, T), RegistryError>,
    ) -> Result<T, RegistryError> {
        let _lock = WriteLock::acquire(&self.path)?;
        let mut contents = self.read_or_empty()?;
        let (changed, answer) = change(&mut contents)?;
        if changed {
            contents.version_id = durable::random_uuid(&self.path)?;
            contents.last_updated = Some(self.clock.now());
            durable::replace(&self.path, &contents.encode())?;
        }
        Ok(answer)
    }

    /// When the registry was last written; `None` if it has not been.
    ///
    /// # Errors
    ///
    /// As [`snapshot`](Self::snapshot).
    pub fn last_updated(&self) -> Result<Option<Timestamp>> {
        Ok(self.contents()?.last_updated)
    }
}
