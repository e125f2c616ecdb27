//! Where a job writes tables: the end of a view's source, or a file in the repo.

use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use larder_core::{
    DataSource, DataSourceKind, Error, ErrorKind, Field, FileFormat, OfflineStore, RequestError, Result,
    TableDestination, TableWriter,
};
use larder_offline::is_file_of;
use larder_offline::table::NewTable;

use crate::FeatureStore;

/// Begins to write a table.
pub(crate) async fn open(
    store: &FeatureStore,
    destination: TableDestination,
    columns: &[Field],
) -> Result<Box<dyn TableWriter>> {
    let schema = Arc::new(Schema::new(columns.iter().map(Field::to_arrow).collect::<Vec<_>>()));
    match destination {
        TableDestination::FeatureView(view) => {
            let source = batch_source(store, &view)?;
            let offline = Arc::clone(store.offline());
            Ok(Box::new(Appended { offline, source, schema, rows: Vec::new() }))
        }
        TableDestination::File(path) => {
            let sources: Vec<Arc<DataSource>> = store
                .catalog()
                .snapshot()
                .data_sources()
                .iter()
                .map(|source| Arc::clone(&source.object))
                .collect();
            let repo = store.repo().to_owned();
            let table = larder_blocking::run(move || {
                let file = file_in_repo(&repo, &path, &sources)?;
                Ok(NewTable::begin(&file, schema)?)
            });
            Ok(Box::new(WrittenFile { table: Some(table.await?) }))
        }
    }
}

fn batch_source(store: &FeatureStore, view: &str) -> Result<Arc<DataSource>> {
    let catalog = store.catalog();
    let snapshot = catalog.snapshot();
    let definition = &snapshot.feature_view(view)?.object;
    let source = definition.batch_source.as_ref().ok_or_else(|| {
        RequestError::other(format!("feature view `{view}` has no batch source to write to"))
    })?;
    Ok(Arc::clone(&snapshot.data_source(source)?.object))
}

/// The file of a path that a job gives: within the repo, no definition, and no data source's.
fn file_in_repo(repo: &Path, path: &str, sources: &[Arc<DataSource>]) -> Result<PathBuf> {
    let refused = |reason: &str| RequestError::other(format!("a job cannot write `{path}`: {reason}"));
    if FileFormat::from_path(path).is_none() {
        return Err(refused("the ending names no format; use .parquet, .csv or .ndjson").into());
    }
    let is_plain = |part: Component<'_>| match part {
        Component::Normal(name) => !name.to_string_lossy().starts_with('.'),
        _ => false,
    };
    if !Path::new(path).components().all(is_plain) {
        return Err(
            refused("give a path that starts at the feature repo, without `..` and hidden names").into()
        );
    }
    let file = repo.join(path);
    let folder = file.parent().unwrap_or(repo);
    let io = |source| Error::new(ErrorKind::Unavailable, source);
    fs::create_dir_all(folder).map_err(io)?;
    // A link must not lead out either.
    let (root, folder) = (fs::canonicalize(repo).map_err(io)?, fs::canonicalize(folder).map_err(io)?);
    let file = folder.join(file.file_name().unwrap_or_default());
    let file = fs::canonicalize(&file).unwrap_or(file);
    if !file.starts_with(&root) {
        return Err(refused("it leads out of the feature repo").into());
    }
    let reads = |source: &&Arc<DataSource>| match &source.kind {
        DataSourceKind::File(source) => is_file_of(repo, source, &file),
        _ => false,
    };
    match sources.iter().find(reads) {
        Some(source) => {
            let reason = format!("data source `{}` reads it; write to its feature view instead", source.name);
            Err(refused(&reason).into())
        }
        None => Ok(file),
    }
}

/// Rows that are added to a source at once.
#[derive(Debug)]
struct Appended {
    offline: Arc<dyn OfflineStore>,
    source: Arc<DataSource>,
    schema: SchemaRef,
    rows: Vec<RecordBatch>,
}

#[async_trait]
impl TableWriter for Appended {
    async fn write(&mut self, rows: RecordBatch) -> Result<()> {
        self.rows.push(rows);
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<()> {
        let (schema, rows) = (self.schema, self.rows);
        let whole = larder_blocking::run(move || {
            concat_batches(&schema, &rows).map_err(|source| Error::new(ErrorKind::Invalid, source))
        });
        self.offline.append(&self.source, whole.await?).await
    }
}

/// A file in the making.
#[derive(Debug)]
struct WrittenFile {
    /// `None` after a failed write.
    table: Option<NewTable>,
}

impl WrittenFile {
    fn take(&mut self) -> Result<NewTable> {
        self.table.take().ok_or_else(|| Error::new(ErrorKind::Internal, "a writer that failed is used again"))
    }
}

#[async_trait]
impl TableWriter for WrittenFile {
    async fn write(&mut self, rows: RecordBatch) -> Result<()> {
        let mut table = self.take()?;
        let write = move || {
            table.write(&rows)?;
            Ok(table)
        };
        self.table = Some(larder_blocking::run(write).await?);
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<()> {
        let table = self.take()?;
        larder_blocking::run(move || Ok(table.finish()?)).await
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use larder_core::FileSource;

    use super::*;

    fn source(path: &str) -> Arc<DataSource> {
        Arc::new(DataSource {
            name: path.to_owned(),
            kind: DataSourceKind::File(FileSource::new(path, "event_timestamp")),
            description: String::new(),
            tags: BTreeMap::new(),
            owner: String::new(),
        })
    }

    #[test]
    fn a_job_writes_new_tables_in_the_repo_and_nothing_else() {
        let (repo, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let repo = repo.path();
        fs::create_dir_all(repo.join("data/history")).unwrap();
        fs::write(repo.join("data/stats.parquet"), "").unwrap();
        fs::write(elsewhere.path().join("there.csv"), "").unwrap();
        let sources = ["data/stats.parquet", "data/history", "daily/*/stats.parquet"].map(source);
        let ask = |path: &str| file_in_repo(repo, path, &sources).map_err(|error| error.to_string());
        assert!(ask("new/folder/set.parquet").unwrap().ends_with("new/folder/set.parquet"));
        assert!(ask("data/statistics.parquet").is_ok());
        for (path, reason) in [
            ("features.yaml", "names no format"),
            ("../out.csv", "without `..`"),
            ("/tmp/out.csv", "without `..`"),
            ("data/.hidden.csv", "without `..`"),
            ("", "names no format"),
            ("data/stats.parquet", "data source `data/stats.parquet` reads it"),
            ("data/history/2024/new.parquet", "data source `data/history` reads it"),
            ("daily/monday/stats.parquet", "data source `daily/*/stats.parquet` reads it"),
        ] {
            let error = ask(path).unwrap_err();
            assert!(
                error.starts_with(&format!("a job cannot write `{path}`: ")) && error.contains(reason),
                "{error}"
            );
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(elsewhere.path(), repo.join("link")).unwrap();
            std::os::unix::fs::symlink(elsewhere.path().join("there.csv"), repo.join("link.csv")).unwrap();
            assert!(ask("link/out.csv").unwrap_err().contains("leads out"));
            assert!(ask("link.csv").unwrap_err().contains("leads out"));
        }
    }
}
