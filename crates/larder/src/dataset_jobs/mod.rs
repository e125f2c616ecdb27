//! Saved datasets that clients of the registry have made, and look into: the verbs behind
//! [`DatasetServer`].
//!
//! A client chooses where a dataset is written and from which file entity rows are read, so both must lie where the
//! project's data lie ([`ProjectFiles`]). What others need is not written over: neither the file of a data source nor
//! that of another dataset.

mod entity_rows;
mod queue;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use larder_core::{DataSource, Error, ErrorKind, FileFormat, RequestError, Result, SavedDatasetStorage};
use larder_offline::table::{read_head, read_table};
use larder_registry::RegistrySnapshot;
use larder_serving::{
    DatasetEntities, DatasetJob, DatasetRows, DatasetServer, NewDataset, RegistryServer as _, TableOwner,
};

pub(crate) use self::queue::DatasetJobs;
use crate::project_files::{ProjectFiles, data_sources_of, local, real};
use crate::{FeatureStore, HistoricalRequest, NewSavedDataset, TrainingEntities};

#[async_trait]
impl DatasetServer for FeatureStore {
    async fn owners_of_table(&self, project: &RegistrySnapshot, path: &str) -> Result<Vec<TableOwner>> {
        let files = Files::of(self.repo(), project);
        let path = path.to_owned();
        larder_blocking::run(move || Ok(files.owners_of(&path)?)).await
    }

    async fn start_dataset(self: Arc<Self>, new: NewDataset) -> Result<DatasetJob> {
        if new.storage != "file" {
            let storage = &new.storage;
            return Err(RequestError::other(format!(
                "larder makes saved datasets in files, and none in `{storage}`; use the storage type `file`"
            ))
            .into());
        }
        let snapshot = self.project_snapshot(&new.project).await?;
        let (files, dataset, path) = (Files::of(self.repo(), &snapshot), new.name.clone(), new.path.clone());
        larder_blocking::run(move || Ok(files.check_free(&path, &dataset)?)).await?;
        let (store, clock, making) = (Arc::clone(&self), Arc::clone(self.clock()), new.clone());
        self.dataset_job_queue().submit(&new, clock, async move { store.make_dataset(making).await })
    }

    fn dataset_jobs(&self) -> Vec<DatasetJob> {
        self.dataset_job_queue().all()
    }

    async fn dataset_rows(
        &self,
        project: &RegistrySnapshot,
        name: &str,
        limit: usize,
    ) -> Result<DatasetRows> {
        let dataset = Arc::clone(&project.saved_dataset(name)?.object);
        let SavedDatasetStorage::File { path, .. } = &dataset.storage else {
            return Err(RequestError::other(format!(
                "saved dataset `{name}` is kept in {:?}, which larder does not read; it reads files",
                dataset.storage
            ))
            .into());
        };
        let (files, path) = (Files::of(self.repo(), project), path.clone());
        let _turn = self.dataset_job_queue().look().await;
        larder_blocking::run(move || {
            let known = files.known();
            let file = files.file(&path, &known)?;
            let (rows, total) = read_head(&file, limit)?;
            Ok(DatasetRows { rows, total })
        })
        .await
    }
}

impl FeatureStore {
    async fn make_dataset(&self, new: NewDataset) -> Result<()> {
        let store = self.in_project(&new.project).await?;
        let query = store.historical_query(&new.selection, false, false)?;
        let declared = query.declared_columns();
        let rows = match &new.entities {
            DatasetEntities::Inline { keys, values, start, end } => {
                let span = (start.as_str(), end.as_str());
                entity_rows::entity_rows(keys, values, span, &declared, store.clock().now())?
            }
            DatasetEntities::Table { path } => {
                let file = store.repo().join(local(path));
                larder_blocking::run(move || Ok(read_table(&file)?)).await?
            }
        };
        let rows = entity_rows::with_extra_columns(&rows, &new.extra_columns, &declared)?;
        let file = store.repo().join(local(&new.path));
        larder_blocking::run(move || {
            let folder = file.parent().unwrap_or(Path::new("."));
            std::fs::create_dir_all(folder).map_err(|source| Error::new(ErrorKind::Unavailable, source))
        })
        .await?;
        let request = HistoricalRequest {
            entities: TrainingEntities::Rows(rows),
            selection: new.selection,
            full_feature_names: false,
            filter_by_created_timestamp: false,
        };
        let dataset = NewSavedDataset {
            name: new.name,
            path: local(&new.path).to_owned(),
            allow_overwrite: new.allow_overwrite,
            description: String::new(),
            tags: new.tags,
        };
        store.create_saved_dataset(request, dataset).await?;
        Ok(())
    }
}

/// The files of a project, and what they belong to.
#[derive(Debug)]
struct Files {
    repo: std::path::PathBuf,
    sources: Vec<Arc<DataSource>>,
    /// The names of saved datasets with the paths of their files.
    datasets: Vec<(String, String)>,
}

impl Files {
    fn of(repo: &Path, snapshot: &RegistrySnapshot) -> Self {
        let datasets = snapshot.saved_datasets().iter().filter_map(|dataset| match &dataset.object.storage {
            SavedDatasetStorage::File { path, .. } => Some((dataset.object.name.clone(), path.clone())),
            _ => None,
        });
        Self { repo: repo.to_owned(), sources: data_sources_of(snapshot), datasets: datasets.collect() }
    }

    /// Looks at the disk, as all that follow.
    fn known(&self) -> ProjectFiles {
        ProjectFiles::of(&self.repo, self.sources.clone())
    }

    /// The file of a path, if clients may name it.
    fn file(&self, path: &str, known: &ProjectFiles) -> Result<std::path::PathBuf, RequestError> {
        let refused = |why: &str| RequestError::other(format!("`{path}` cannot be used from outside: {why}"));
        if local(path).contains("://") {
            return Err(refused("it is no file on this machine"));
        }
        if FileFormat::from_path(path).is_none() {
            return Err(refused("it must end in .parquet, .csv or .ndjson"));
        }
        let file = self.repo.join(local(path));
        if !known.hold(&file) {
            return Err(refused(
                "it lies neither in the feature repo nor beside a file of a registered data source",
            ));
        }
        if file.is_dir() {
            return Err(refused("it is a folder; name a file in it"));
        }
        Ok(file)
    }

    fn datasets_in<'s>(&'s self, file: &Path) -> impl Iterator<Item = &'s str> {
        let file = real(file);
        let is_same = move |path: &str| real(&self.repo.join(local(path))) == file;
        self.datasets.iter().filter(move |(_, path)| is_same(path)).map(|(name, _)| name.as_str())
    }

    fn owners_of(&self, path: &str) -> Result<Vec<TableOwner>, RequestError> {
        let known = self.known();
        let file = self.file(path, &known)?;
        let sources = known.readers_of(&file).map(|name| TableOwner::DataSource(name.to_owned()));
        let datasets = self.datasets_in(&file).map(|name| TableOwner::SavedDataset(name.to_owned()));
        Ok(sources.chain(datasets).collect())
    }

    /// Refuses a place for a dataset that belongs to something else.
    fn check_free(&self, path: &str, dataset: &str) -> Result<(), RequestError> {
        let taken = |owner: &str| {
            Err(RequestError::other(format!("`{path}` cannot be written: it is the file of {owner}")))
        };
        for owner in self.owners_of(path)? {
            match owner {
                TableOwner::DataSource(name) => return taken(&format!("data source `{name}`")),
                TableOwner::SavedDataset(name) if name != dataset => {
                    return taken(&format!("saved dataset `{name}`"));
                }
                TableOwner::SavedDataset(_) => {}
            }
        }
        Ok(())
    }
}
