//! Rows that are read into a file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::TryStreamExt as _;
use larder_core::{Error, ErrorKind, FileFormat, RequestError, Result, SavedDatasetStorage};
use larder_grpc::{OfflineRead, OfflineServer as _, PersistTarget};
use larder_offline::table::NewTable;
use larder_registry::RegistrySnapshot;

use crate::FeatureStore;

/// Reads rows into the file of a data source, in place of what may be there. It appears when it is complete.
pub(crate) async fn persist(
    store: Arc<FeatureStore>,
    read: OfflineRead,
    target: PersistTarget,
) -> Result<()> {
    let path = path_of(store.catalog().snapshot(), &target.data_source)?;
    let file = file_of(store.repo(), &target.data_source, &path)?;
    let taken = move |file: &Path| -> Result<()> {
        if file.is_dir() {
            return Err(refused(&target.data_source, "it is a folder; name a file in it").into());
        }
        if !target.allow_overwrite && file.exists() {
            return Err(RequestError::SavedDatasetLocationAlreadyExists { location: path.clone() }.into());
        }
        Ok(())
    };
    let (at_first, of_check) = (taken.clone(), file.clone());
    larder_blocking::run(move || at_first(&of_check)).await?;
    let mut rows = store.read(read).await?;
    let mut table = larder_blocking::run(move || {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).map_err(|source| Error::new(ErrorKind::Unavailable, source))?;
        }
        Ok((NewTable::begin(&file, rows.schema)?, file))
    })
    .await?;
    while let Some(part) = rows.parts.try_next().await? {
        table = larder_blocking::run(move || {
            table.0.write(&part)?;
            Ok(table)
        })
        .await?;
    }
    larder_blocking::run(move || {
        let (table, file) = table;
        // Somebody may have been faster.
        taken(&file)?;
        Ok(table.finish()?)
    })
    .await
}

/// The path of a data source of files, or of a saved dataset, which Feast's client names by it.
fn path_of(snapshot: &RegistrySnapshot, data_source: &str) -> Result<String> {
    let unknown = match snapshot.data_source(data_source) {
        Ok(source) => {
            let file = source.object.as_file();
            let file = file.ok_or_else(|| refused(data_source, "it is no file"))?;
            return Ok(file.path.clone());
        }
        Err(unknown) => unknown,
    };
    match snapshot.saved_dataset_at(data_source).map(|dataset| &dataset.object.storage) {
        Some(SavedDatasetStorage::File { path, .. }) => Ok(path.clone()),
        _ => Err(unknown.into()),
    }
}

fn file_of(repo: &Path, data_source: &str, path: &str) -> Result<PathBuf, RequestError> {
    let local = path.strip_prefix("file://").unwrap_or(path);
    if local.contains("://") {
        return Err(refused(data_source, "it is no file on this machine"));
    }
    if FileFormat::from_path(local).is_none() {
        return Err(refused(data_source, "its path must end in .parquet, .csv or .ndjson"));
    }
    Ok(repo.join(local))
}

fn refused(data_source: &str, why: &str) -> RequestError {
    RequestError::other(format!("nothing can be persisted in data source `{data_source}`: {why}"))
}
