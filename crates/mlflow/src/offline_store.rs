//! An offline store that also reads what lies in MLflow.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use futures::StreamExt as _;
use larder_core::{
    ArtifactFormat, DataSource, DataSourceKind, Field, FileFormat, FileSource, JoinedColumns, LatestStream,
    MlflowSource, MlflowTable, OfflineStore, PointInTimeJoin, PullAll, PullLatest, Result, RowStream,
};
use tempfile::TempDir;
use tracing::instrument;

use crate::dataset::{Dataset, DatasetName};
use crate::flatten::flatten;
use crate::{MlflowError, MlflowServers, artifact};
use larder_blocking::Lane;

/// An offline store before another: a source in MLflow is fetched into a file by every call, and the other reads that.
///
/// Rows of a dataset have the columns of [`flatten()`]; a column that the source names for the time, and that is none of
/// them, holds the time of the last change, and one that it names for the time of writing, that of the making.
#[derive(Clone, Debug)]
pub struct MlflowOfflineStore {
    files: Arc<dyn OfflineStore>,
    servers: MlflowServers,
    requests: Lane,
}

/// Fetches that wait for answers at the same time.
const REQUESTS_AT_A_TIME: usize = 8;

/// A source as a file, which is there as long as this is.
#[derive(Clone, Debug)]
struct Fetched {
    source: Arc<DataSource>,
    folder: Option<Arc<TempDir>>,
}

impl MlflowOfflineStore {
    /// Asks nobody yet.
    pub fn new(files: Arc<dyn OfflineStore>, servers: MlflowServers) -> Self {
        Self { files, servers, requests: Lane::new(REQUESTS_AT_A_TIME) }
    }

    /// The source itself, or the file that holds what it has now. `needed` are the columns of a dataset that has no
    /// records yet, which could tell none.
    async fn fetched(&self, source: &Arc<DataSource>, needed: Vec<String>) -> Result<Fetched> {
        let Some(mlflow) = source.as_mlflow() else {
            return Ok(Fetched { source: Arc::clone(source), folder: None });
        };
        let (servers, table) = (self.servers.clone(), mlflow.clone());
        let (file, folder) = self.requests.run(move || fetch(&servers, &table, &needed)).await?;
        let as_file = DataSource { kind: DataSourceKind::File(file), ..DataSource::clone(source) };
        Ok(Fetched { source: Arc::new(as_file), folder: Some(Arc::new(folder)) })
    }
}

#[async_trait]
impl OfflineStore for MlflowOfflineStore {
    async fn schema(&self, source: &DataSource) -> Result<SchemaRef> {
        let fetched = self.fetched(&Arc::new(source.clone()), Vec::new()).await?;
        self.files.schema(&fetched.source).await
    }

    #[instrument(name = "larder_mlflow.join", skip_all)]
    async fn join(&self, mut join: PointInTimeJoin) -> Result<Vec<JoinedColumns>> {
        // Views of one source see one state of it.
        let mut fetched: Vec<(Arc<DataSource>, Fetched)> = Vec::new();
        let all = join.views.clone();
        for view in &mut join.views {
            let known = fetched.iter().find(|(source, _)| *source == view.source);
            let file = if let Some((_, file)) = known {
                file.clone()
            } else {
                let of_source = all.iter().filter(|other| other.source == view.source);
                let needed = of_source.flat_map(|view| names(&[&view.join_keys, &view.features])).collect();
                let file = self.fetched(&view.source, needed).await?;
                fetched.push((Arc::clone(&view.source), file.clone()));
                file
            };
            view.source = file.source;
        }
        let joined = self.files.join(join).await;
        drop(fetched);
        joined
    }

    async fn pull_latest(&self, pull: PullLatest) -> Result<LatestStream> {
        let needed = names(&[&pull.join_keys, &pull.features]);
        let Fetched { source, folder } = self.fetched(&pull.source, needed).await?;
        let LatestStream { summary, parts } = self.files.pull_latest(PullLatest { source, ..pull }).await?;
        let parts = parts.inspect(move |_| _ = &folder).boxed();
        Ok(LatestStream { summary, parts })
    }

    async fn pull_all(&self, pull: PullAll) -> Result<RowStream> {
        let Fetched { source, folder } = self.fetched(&pull.source, names(&[&pull.columns])).await?;
        let RowStream { schema, parts } = self.files.pull_all(PullAll { source, ..pull }).await?;
        let parts = parts.inspect(move |_| _ = &folder).boxed();
        Ok(RowStream { schema, parts })
    }

    async fn append(&self, source: &DataSource, rows: RecordBatch) -> Result<()> {
        if source.as_mlflow().is_some() {
            return Err(MlflowError::NotWritten { source_name: source.name.clone() }.into());
        }
        self.files.append(source, rows).await
    }
}

fn names(fields: &[&[Field]]) -> Vec<String> {
    fields.iter().copied().flatten().map(|field| field.name.clone()).collect()
}

/// Fetches what a source has now. Blocks.
fn fetch(
    servers: &MlflowServers,
    source: &MlflowSource,
    needed: &[String],
) -> std::result::Result<(FileSource, TempDir), MlflowError> {
    let server = servers.server(source.tracking_uri.as_deref())?;
    let folder = tempfile::Builder::new().prefix("larder-mlflow-").tempdir();
    let folder = folder.map_err(MlflowError::TemporaryFile)?;
    let columns = &source.columns;
    let file = |path: PathBuf, format| FileSource {
        format,
        created_timestamp_column: columns.created_timestamp_column.clone(),
        ..FileSource::new(path.to_string_lossy(), columns.timestamp_field.clone())
    };
    match &source.table {
        MlflowTable::Artifact { run_id, path, format } => {
            if !servers.artifact_formats().iter().any(|known| known == format.name()) {
                return Err(MlflowError::FormatSwitchedOff { format: format.name() });
            }
            let path = artifact::fetch(&server, run_id, path, *format, folder.path())?;
            let format = match format {
                ArtifactFormat::Csv => FileFormat::Csv,
                _ => FileFormat::Parquet,
            };
            let file = FileSource { field_mapping: columns.field_mapping.clone(), ..file(path, format) };
            Ok((file, folder))
        }
        MlflowTable::Dataset { name, id } => {
            let name = match (id, name) {
                (Some(id), _) => DatasetName::Id(id),
                (None, name) => DatasetName::Name(name.as_deref().unwrap_or_default()),
            };
            let records = Dataset::find(&server, name)?.records(&server)?;
            let mut rows = flatten(&records, &columns.field_mapping);
            let times = [
                (Some(&columns.timestamp_field), records.iter().map(|record| record.last_updated).collect()),
                (
                    columns.created_timestamp_column.as_ref(),
                    records.iter().map(|record| record.created).collect::<Vec<_>>(),
                ),
            ];
            for (column, times) in times {
                if let Some(column) = column.filter(|column| rows.column(column).is_none()) {
                    rows.put(column, times.iter().map(|time| time.to_string().into()).collect());
                }
            }
            if rows.is_empty() {
                let path = folder.path().join("no_records.csv");
                let names =
                    needed.iter().chain([&columns.timestamp_field]).chain(&columns.created_timestamp_column);
                let names: BTreeSet<&String> = names.collect();
                let quoted: Vec<String> =
                    names.into_iter().map(|name| format!("\"{}\"", name.replace('"', "\"\""))).collect();
                std::fs::write(&path, quoted.join(",") + "\n").map_err(MlflowError::TemporaryFile)?;
                return Ok((file(path, FileFormat::Csv), folder));
            }
            let path = folder.path().join("records.ndjson");
            let write = || {
                let mut text = BufWriter::new(File::create_new(&path)?);
                for row in 0..rows.len() {
                    writeln!(text, "{}", serde_json::Value::Object(rows.row(row)))?;
                }
                text.flush()
            };
            write().map_err(MlflowError::TemporaryFile)?;
            Ok((file(path.clone(), FileFormat::NdJson), folder))
        }
        // A table of a kind that this file does not know cannot have come from MLflow.
        _ => Err(MlflowError::NoAddress),
    }
}
