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

mod bindings;
mod change;
mod component_folder;
mod contents;
mod delete_object;
mod durable;
mod error;
mod job_file;
mod listed;
mod property;
mod reading;
mod versioning;

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use larder_core::{
    Clock, ComponentDigest, ErrorKind, FeatureViewState, Job, MaterializationInterval, Project, RequestError,
    Result, SavedDataset, Timestamp, TransformationReference,
};

use self::bindings::Bindings;
pub use self::change::ApplyOptions;
use self::change::Applying;
use self::component_folder::ComponentFolder;
pub(crate) use self::contents::{Contents, Object, SCHEMA_VERSION, Stored, number};
use self::durable::{FileStamp, WriteLock};
pub(crate) use self::error::ContentsError;
pub use self::error::{DamagedContents, RegistryError};
use self::job_file::JobFile;
pub(crate) use self::listed::Listed;
pub(crate) use self::reading::of_project;
use self::versioning::Versioning;
use crate::describe::{self, Description, PermissionCheck, PermittedObjects, RegistryObjects};
use crate::proto::descriptor::INFRA;
use crate::proto::soundness;
use crate::registry_messages::{ObjectMessage, RegistryMessages};
use crate::repo_config::is_project_name;
use crate::{
    Definitions, ListFilter, Listing, ObjectKind, RegistryDiff, RegistrySnapshot, SentObject, SnapshotObjects,
};

/// A registry on the local disk.
///
/// All methods block for the time of a small file's read or write; [`snapshot`](Self::snapshot) costs no
/// more than a look at the file's metadata while the file stays the same.
#[derive(Debug)]
pub struct RegistryFile {
    path: PathBuf,
    components: ComponentFolder,
    bindings: Bindings,
    jobs: JobFile,
    online_versioning: bool,
    clock: Arc<dyn Clock>,
    cache: Mutex<Cache>,
}

/// What was read last.
#[derive(Debug, Default)]
struct Cache {
    stamp: Option<FileStamp>,
    contents: Option<Arc<Contents>>,
    snapshots: HashMap<String, Arc<RegistrySnapshot>>,
    objects: Option<Arc<RegistryObjects>>,
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
        let (bindings, jobs) = (Bindings::beside(&path), JobFile::beside(&path));
        Ok(Self {
            path,
            components,
            bindings,
            jobs,
            online_versioning: false,
            clock,
            cache: Mutex::default(),
        })
    }

    /// The same registry, where every version of a view has online rows of its own, and references may name
    /// a version.
    pub fn with_online_versioning(self, enabled: bool) -> Self {
        Self { online_versioning: enabled, ..self }
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

    /// As [`snapshot`](Self::snapshot); a project that is not there, or whose registry is not, has no objects.
    ///
    /// # Errors
    ///
    /// As [`snapshot`](Self::snapshot).
    pub fn snapshot_or_nothing(&self, project: &str) -> Result<Arc<RegistrySnapshot>> {
        match self.snapshot(project) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let (nothing, project) = (SnapshotObjects::default(), Project::new(project));
                Ok(Arc::new(RegistrySnapshot::new(String::new(), project, Timestamp::EPOCH, nothing)))
            }
            snapshot => snapshot,
        }
    }

    fn cached_snapshot(&self, project: &str) -> Result<Arc<RegistrySnapshot>, RegistryError> {
        // A poisoned cache is refilled by its stamp like any other.
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let contents = self.refresh(&mut cache)?;
        if let Some(snapshot) = cache.snapshots.get(project) {
            return Ok(Arc::clone(snapshot));
        }
        let bindings = self.bindings.of_project(project);
        let snapshot = reading::snapshot(&contents, project, &bindings).ok_or_else(|| {
            RegistryError::ProjectNotFound { project: project.to_owned(), path: self.path.clone() }
        })?;
        let snapshot = Arc::new(snapshot.with_online_versioning(self.online_versioning));
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
        *cache = Cache { stamp: Some(stamp), contents: Some(Arc::clone(&contents)), ..Cache::default() };
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
        let options = ApplyOptions::default();
        Ok(change::apply(&mut contents, definitions, self.applying(options))?.diff)
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
    /// As [`plan`](Self::plan); [`RequestError::FeatureViewPinConflict`] if a definition pins a version and
    /// changes the view as well; [`RegistryError::Write`] if the file cannot be replaced, which leaves it as
    /// it was.
    pub fn apply(&self, definitions: &Definitions) -> Result<RegistryDiff> {
        self.apply_with(definitions, ApplyOptions::default())
    }

    /// As [`apply`](Self::apply), in the way that `options` say.
    ///
    /// # Errors
    ///
    /// As [`apply`](Self::apply).
    pub fn apply_with(&self, definitions: &Definitions, options: ApplyOptions) -> Result<RegistryDiff> {
        for bytes in definitions.components.values() {
            self.components.store(bytes)?;
        }
        let applying = self.applying(options);
        Ok(self.update(|contents| {
            let applied = change::apply(contents, definitions, applying)?;
            let project = &definitions.project.name;
            // Under the same lock, so that of two who apply both files are the later one's.
            if self.jobs.of_project(project)? != definitions.jobs {
                self.jobs.put(project, &definitions.jobs)?;
            }
            Ok((applied.changed, applied.diff))
        })?)
    }

    /// The jobs of a project, by name. Feast's registry has no place for them: they lie in a file beside it.
    ///
    /// # Errors
    ///
    /// [`RegistryError::CorruptJobs`] and [`RegistryError::Read`].
    pub fn jobs(&self, project: &str) -> Result<Vec<Job>> {
        Ok(self.jobs.of_project(project)?)
    }

    /// Adds a span of event time to the record of what is online of a feature view. Call it only after
    /// the online store is durable.
    ///
    /// # Errors
    ///
    /// As [`snapshot`](Self::snapshot); [`RegistryError::Request`] if there is no such view.
    pub fn record_materialization(
        &self,
        project: &str,
        view: &str,
        interval: MaterializationInterval,
    ) -> Result<()> {
        let now = self.clock.now();
        self.change_view(project, view, |contents| {
            change::record_materialization(contents, project, view, interval, now)
        })
    }

    /// As [`record_materialization`](Self::record_materialization), for a version of the view that is not in
    /// use and has online rows of its own.
    ///
    /// # Errors
    ///
    /// As [`snapshot`](Self::snapshot); [`RegistryError::Request`] if there is no such version.
    pub fn record_materialization_of_version(
        &self,
        project: &str,
        view: &str,
        version: u32,
        interval: MaterializationInterval,
    ) -> Result<()> {
        Ok(self.update(|contents| {
            change::record_materialization_of_version(contents, project, view, version, interval)
                .map_err(|error| error.at(&self.path))?
                .ok_or_else(|| {
                    let (view, project) = (view.to_owned(), project.to_owned());
                    RegistryError::from(RequestError::FeatureViewVersionNotFound { view, version, project })
                })?;
            Ok((true, ()))
        })?)
    }

    /// Says how far the values of a view have come. Nothing keeps a view from going to any state.
    ///
    /// # Errors
    ///
    /// As [`record_materialization`](Self::record_materialization).
    pub fn set_state(&self, project: &str, view: &str, state: FeatureViewState) -> Result<()> {
        self.change_view(project, view, |contents| change::set_state(contents, project, view, state))
    }

    /// Switches a view on or off, until its next apply says otherwise.
    ///
    /// # Errors
    ///
    /// As [`record_materialization`](Self::record_materialization).
    pub fn set_enabled(&self, project: &str, view: &str, enabled: bool) -> Result<()> {
        let now = self.clock.now();
        self.change_view(project, view, |contents| change::set_enabled(contents, project, view, enabled, now))
    }

    /// Makes a component compute an on-demand view. The binding stands in the view's tags and beside the
    /// components, so that it also outlives a `feast apply` that changes the view.
    ///
    /// # Errors
    ///
    /// As [`snapshot`](Self::snapshot); [`RequestError::OnDemandFeatureViewNotFound`] if there is no such
    /// view.
    pub fn bind_component(
        &self,
        project: &str,
        view: &str,
        transformation: &TransformationReference,
    ) -> Result<()> {
        let tags = crate::proto::component_tags(transformation);
        Ok(self.update(|contents| {
            change::bind_component(contents, self.versioning(project), view, &tags)?.ok_or_else(|| {
                let (view, project) = (view.to_owned(), project.to_owned());
                RegistryError::from(RequestError::OnDemandFeatureViewNotFound { view, project })
            })?;
            // Under the lock, so that two bindings lose nothing.
            self.bindings.put(project, view, transformation)?;
            Ok((true, ()))
        })?)
    }

    /// Puts an on-demand view back to one of its versions, whole: its component with the schema and the
    /// sources that go with it. It stays so until an apply says otherwise.
    ///
    /// # Errors
    ///
    /// As [`snapshot`](Self::snapshot); [`RequestError::FeatureViewVersionNotFound`] if there is no such view
    /// or version.
    pub fn restore_version(
        &self,
        project: &str,
        view: &str,
        version: u32,
        transformation: &TransformationReference,
    ) -> Result<()> {
        Ok(self.update(|contents| {
            change::restore_version(contents, self.versioning(project), view, version)?.ok_or_else(|| {
                let (view, project) = (view.to_owned(), project.to_owned());
                RegistryError::from(RequestError::FeatureViewVersionNotFound { view, version, project })
            })?;
            // Else a `feast apply` would bring the newer component back.
            if self.bindings.of_project(project).contains_key(view) {
                self.bindings.put(project, view, transformation)?;
            }
            Ok((true, ()))
        })?)
    }

    fn versioning<'a>(&'a self, project: &'a str) -> Versioning<'a> {
        Versioning { project, applying: self.applying(ApplyOptions::default()) }
    }

    /// Registers a saved dataset, in place of the one of its name.
    ///
    /// # Errors
    ///
    /// As [`snapshot`](Self::snapshot) and [`RegistryError::Write`].
    pub fn put_saved_dataset(&self, project: &str, dataset: &SavedDataset) -> Result<()> {
        let now = self.clock.now();
        Ok(self.update(|contents| {
            change::put_saved_dataset(contents, project, dataset, now)
                .map_err(|error| error.at(&self.path))?;
            Ok((true, ()))
        })?)
    }

    /// Forgets a saved dataset; its rows stay where they are.
    ///
    /// # Errors
    ///
    /// As [`put_saved_dataset`](Self::put_saved_dataset); [`RequestError::SavedDatasetNotFound`].
    pub fn delete_saved_dataset(&self, project: &str, name: &str) -> Result<()> {
        Ok(self.update(|contents| {
            let before = contents.saved_datasets.len();
            contents.saved_datasets.retain(|dataset| dataset.message().key() != (project, name));
            if contents.saved_datasets.len() == before {
                let (dataset, project) = (name.to_owned(), project.to_owned());
                return Err(RequestError::SavedDatasetNotFound { dataset, project }.into());
            }
            Ok((true, ()))
        })?)
    }

    /// Keeps what was measured of the dataset of a validation reference, so that it need not be measured again.
    /// A reference that is gone, or is now of another dataset, keeps nothing.
    ///
    /// # Errors
    ///
    /// As [`put_saved_dataset`](Self::put_saved_dataset).
    pub fn keep_dataset_profile(
        &self,
        project: &str,
        reference: &str,
        dataset: &str,
        profile: &str,
    ) -> Result<()> {
        Ok(self.update(|contents| {
            let kept = change::keep_dataset_profile(contents, project, (reference, dataset), profile)
                .map_err(|error| error.at(&self.path))?;
            Ok((kept.is_some(), ()))
        })?)
    }

    fn applying(&self, options: ApplyOptions) -> Applying<'_> {
        Applying {
            options,
            now: self.clock.now(),
            path: &self.path,
            versions_have_rows: self.online_versioning,
        }
    }

    /// Changes one view, which must be there.
    fn change_view(
        &self,
        project: &str,
        view: &str,
        change: impl FnOnce(&mut Contents) -> Result<Option<()>, ContentsError>,
    ) -> Result<()> {
        Ok(self.update(|contents| {
            change(contents).map_err(|error| error.at(&self.path))?.ok_or_else(|| {
                let (view, project) = (view.to_owned(), project.to_owned());
                RegistryError::from(RequestError::FeatureViewNotFound { view, project })
            })?;
            Ok((true, ()))
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
            self.bindings.remove_project(project)?;
            if !self.jobs.of_project(project)?.is_empty() {
                self.jobs.put(project, &[])?;
            }
            Ok((removed, removed))
        })?)
    }

    /// The kind of the object of a name, of several in the order of Feast's `delete`: entity, feature view,
    /// feature service, data source, saved dataset, validation reference, then the other views. `None` if
    /// nothing is called so.
    ///
    /// # Errors
    ///
    /// As [`snapshot`](Self::snapshot).
    pub fn find_object(&self, project: &str, name: &str) -> Result<Option<ObjectKind>> {
        Ok(delete_object::find_object(self.contents()?.as_ref(), project, name))
    }

    /// Removes one object, whatever else refers to it; whether it was there. An apply whose definitions have
    /// it brings it back.
    ///
    /// # Errors
    ///
    /// As [`snapshot`](Self::snapshot) and [`RegistryError::Write`].
    pub fn delete_object(&self, project: &str, kind: ObjectKind, name: &str) -> Result<bool> {
        Ok(self.update(|contents| {
            let removed = delete_object::delete_object(contents, project, kind, name);
            Ok((removed, removed))
        })?)
    }

    /// All objects of all projects as the messages that lie in the file; none, if there is no file.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Corrupt`] and [`RegistryError::Foreign`] if it cannot be understood,
    /// [`RegistryError::Read`].
    pub fn messages(&self) -> Result<RegistryMessages> {
        match self.contents() {
            Err(RegistryError::NotFound { .. }) => Ok(RegistryMessages::new(Arc::default())),
            contents => Ok(RegistryMessages::new(contents?)),
        }
    }

    /// Registers an object as a client sends it, in the place of the one of its kind and name, and makes its
    /// project if it is not there. An object that is the same already stays as it is.
    ///
    /// `allow` is asked first, with the object that is there; nobody else changes the registry meanwhile. As with
    /// [`apply`](Self::apply), a changed view gets a version where its schema or function has changed, and keeps its
    /// record of materialization unless its source, its join keys or the type of a feature has. The state of a view
    /// changes if the client says one.
    ///
    /// # Errors
    ///
    /// As `allow`; [`RequestError::ConflictingFeatureViewNames`] if a view has the name of another one, also in
    /// other letters; [`RequestError::FeatureViewPinConflict`];
    /// [`RegistryError::Unregistrable`] if the project cannot be one; else as [`apply`](Self::apply).
    pub fn put_object(
        &self,
        project: &str,
        object: &SentObject,
        allow: impl FnOnce(Option<ObjectMessage<'_>>) -> Result<(), RequestError>,
    ) -> Result<()> {
        check_project(project)?;
        let allow = |messages: &RegistryMessages| {
            Ok(allow(messages.object(project, object.kind(), object.name()).ok())?)
        };
        Ok(self.change_if(allow, |contents, ()| {
            change::put_object(contents, object, self.versioning(project))
        })?)
    }

    /// Removes an object, whatever else refers to it; a view of any kind where `kind` is that of a view. The
    /// versions of a view go with it.
    ///
    /// `allow` is asked first, with the object; nobody else changes the registry meanwhile.
    ///
    /// # Errors
    ///
    /// The [`RequestError`] of its kind if it is not there; as `allow`; else as [`apply`](Self::apply).
    pub fn take_object(
        &self,
        project: &str,
        kind: ObjectKind,
        name: &str,
        allow: impl FnOnce(ObjectMessage<'_>) -> Result<(), RequestError>,
    ) -> Result<()> {
        let allow = |messages: &RegistryMessages| {
            let object = if kind.is_view() {
                messages.view(project, name)?
            } else {
                messages.object(project, kind, name)?
            };
            allow(object)?;
            Ok(object.kind)
        };
        Ok(self.change_if(allow, |contents, kind| {
            let removed = delete_object::delete_object(contents, project, kind, name);
            if kind.is_view() {
                contents.forget_versions(project, name);
            }
            Ok(removed)
        })?)
    }

    /// Keeps what a client of Feast's has made for its online store, a `feast.core.Infra`. There is one for all
    /// projects, as in Feast; `project` is made if it is not there.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Unregistrable`] if the project cannot be one, or the message is none; else as
    /// [`apply`](Self::apply).
    pub fn put_infra(&self, project: &str, message: &[u8]) -> Result<()> {
        check_project(project)?;
        soundness::check(message, &INFRA).map_err(|error| RegistryError::Unregistrable {
            object: "infra".to_owned(),
            reason: error.to_string(),
        })?;
        Ok(self.update(|contents| {
            let changed =
                change::put_project(contents, self.versioning(project)) || contents.infra() != message;
            contents.set_infra(message);
            Ok((changed, ()))
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

    /// The names of all projects, sorted.
    ///
    /// # Errors
    ///
    /// As [`snapshot`](Self::snapshot).
    pub fn projects(&self) -> Result<Vec<String>> {
        let contents = self.contents()?;
        let listed = contents.projects.iter().map(|project| project.message().key().1);
        // Registries of older versions of Feast have objects of projects that they do not list.
        let views = contents.feature_views.iter().map(|view| view.message().key().0);
        let entities = contents.entities.iter().map(|entity| entity.message().key().0);
        let names: BTreeSet<&str> =
            listed.chain(views).chain(entities).filter(|name| !name.is_empty()).collect();
        Ok(names.into_iter().map(str::to_owned).collect())
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

    /// The objects of all projects in protobuf's JSON form; none, if there is no file. The same are given out until the
    /// file changes.
    ///
    /// # Errors
    ///
    /// As [`messages`](Self::messages).
    pub fn objects(&self) -> Result<Arc<RegistryObjects>> {
        match self.cached_objects() {
            Err(RegistryError::NotFound { .. }) => Ok(Arc::default()),
            objects => Ok(objects?),
        }
    }

    fn cached_objects(&self) -> Result<Arc<RegistryObjects>, RegistryError> {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let contents = self.refresh(&mut cache)?;
        if let Some(objects) = &cache.objects {
            return Ok(Arc::clone(objects));
        }
        let objects = Arc::new(RegistryObjects::of(&contents).map_err(|error| error.at(&self.path))?);
        cache.objects = Some(Arc::clone(&objects));
        Ok(objects)
    }

    /// All objects of a project as Feast's `registry-dump` prints them.
    ///
    /// # Errors
    ///
    /// As [`snapshot`](Self::snapshot).
    pub fn dump(&self, project: &str) -> Result<serde_json::Value> {
        let contents = self.contents()?;
        Ok(describe::dump(&contents, project).map_err(|error| error.at(&self.path))?)
    }

    /// The table that Feast's `list` prints for a kind of objects: rows in the order of the registry, of the
    /// objects that `filter` lets through.
    ///
    /// # Errors
    ///
    /// As [`snapshot`](Self::snapshot).
    pub fn list(&self, project: &str, kind: ObjectKind, filter: &ListFilter) -> Result<Listing> {
        let contents = self.contents()?;
        let bound = self.bindings.of_project(project).into_keys().collect();
        Ok(describe::list(&contents, project, kind, filter, &bound))
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

    /// What the permissions of a project leave open.
    ///
    /// # Errors
    ///
    /// As [`snapshot`](Self::snapshot); [`InvalidPattern`](crate::InvalidPattern).
    pub fn check_permissions(&self, project: &str) -> Result<PermissionCheck> {
        Ok(describe::check(&*self.contents()?, project)?)
    }

    /// The objects that each permission of a project is about, in the order of the registry.
    ///
    /// # Errors
    ///
    /// As [`check_permissions`](Self::check_permissions).
    pub fn permitted_objects(&self, project: &str, filter: &ListFilter) -> Result<Vec<PermittedObjects>> {
        Ok(describe::permitted_objects(&*self.contents()?, project, filter)?)
    }

    /// The table of the roles that permissions name; or of what each role may do with each object, were it
    /// the only role of a user.
    ///
    /// # Errors
    ///
    /// As [`check_permissions`](Self::check_permissions).
    pub fn list_roles(&self, project: &str, with_actions: bool) -> Result<Listing> {
        let contents = self.contents()?;
        if with_actions {
            Ok(describe::roles_with_actions(&contents, project)?)
        } else {
            Ok(describe::roles(&contents, project))
        }
    }

    fn read_or_empty(&self) -> Result<Contents, RegistryError> {
        match self.read() {
            Err(RegistryError::NotFound { .. }) => Ok(Contents::default()),
            other => other,
        }
    }

    /// Changes the file under the lock, if `allow` lets it; `change` is handed what that answers.
    fn change_if<T>(
        &self,
        allow: impl FnOnce(&RegistryMessages) -> Result<T, RegistryError>,
        change: impl FnOnce(&mut Contents, T) -> Result<bool, RegistryError>,
    ) -> Result<(), RegistryError> {
        self.update(|contents| {
            let messages = RegistryMessages::new(Arc::new(std::mem::take(contents)));
            let allowed = allow(&messages)?;
            *contents = messages.into_contents();
            Ok((change(contents, allowed)?, ()))
        })
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

/// Refuses what cannot be the name of a project, before it is made.
fn check_project(name: &str) -> Result<(), RegistryError> {
    if !name.is_empty() && is_project_name(name) {
        return Ok(());
    }
    Err(RegistryError::Unregistrable {
        object: format!("project `{}`", name.escape_debug()),
        reason: "a name holds letters, digits, `_` and `-`, and starts with a letter or a digit".to_owned(),
    })
}
