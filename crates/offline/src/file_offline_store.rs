//! The offline store over files.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use larder_core::{
    DataSource, EntityFrame, Field, JoinedColumns, LatestStream, OfflineStore, PointInTimeJoin, PullLatest,
    RequestError, Result, column,
};
use tracing::instrument;

use crate::append::Appender;
use crate::blocking::{Blocking, stream};
use crate::error::OfflineError;
use crate::file_table::FileTable;
use crate::point_in_time_join::{EntityIndex, join_view};
use crate::pull_latest::find_latest;

/// The offline store over tables in Parquet, CSV and NDJSON files.
///
/// Every call opens its files anew and reads them as they were at that moment: an append that happens
/// meanwhile is seen by the next call, whole.
///
/// Clones share one store.
#[derive(Clone, Debug)]
pub struct FileOfflineStore {
    repo_dir: Arc<PathBuf>,
    /// Reads wait for each other, and appends for each other, but neither for the other.
    reads: Blocking,
    appends: Blocking,
    appender: Arc<Appender>,
}

impl FileOfflineStore {
    /// A store whose relative paths start at `repo_dir`. Touches no file.
    pub fn new(repo_dir: PathBuf) -> Self {
        Self {
            repo_dir: Arc::new(repo_dir),
            reads: Blocking::new(),
            appends: Blocking::new(),
            appender: Arc::default(),
        }
    }
}

#[async_trait]
impl OfflineStore for FileOfflineStore {
    #[instrument(name = "larder_offline.schema", skip_all, fields(source = %source.name))]
    async fn schema(&self, source: &DataSource) -> Result<SchemaRef> {
        let repo_dir = Arc::clone(&self.repo_dir);
        let source = source.clone();
        let work = move || FileTable::open(&repo_dir, &source)?.schema().map(Arc::new);
        Ok(self.reads.run(work).await?)
    }

    #[instrument(name = "larder_offline.join", skip_all,
        fields(rows = join.frame.rows.num_rows(), views = join.views.len()))]
    async fn join(&self, join: PointInTimeJoin) -> Result<Vec<JoinedColumns>> {
        let repo_dir = Arc::clone(&self.repo_dir);
        let work = move || {
            check_frame_columns(&join)?;
            let mut indexes = EntityIndexes::default();
            join.views
                .iter()
                .map(|view| {
                    let index = indexes.get(&join.frame, &view.join_keys, &view.frame_columns)?;
                    let table = FileTable::open(&repo_dir, &view.source)?;
                    join_view(&table, view, &index, join.filter_by_created_timestamp)
                })
                .collect()
        };
        Ok(self.reads.run(work).await?)
    }

    #[instrument(name = "larder_offline.pull_latest", skip_all, fields(view = %pull.view))]
    async fn pull_latest(&self, pull: PullLatest) -> Result<LatestStream> {
        let repo_dir = Arc::clone(&self.repo_dir);
        let work = move || find_latest(FileTable::open(&repo_dir, &pull.source)?, &pull);
        let latest = self.reads.run(work).await?;
        let summary = latest.summary();
        let parts = stream(move |give| latest.give_parts(give));
        Ok(LatestStream { summary, parts })
    }

    #[instrument(name = "larder_offline.append", skip_all, fields(source = %source.name, rows = rows.num_rows()))]
    async fn append(&self, source: &DataSource, rows: RecordBatch) -> Result<()> {
        let repo_dir = Arc::clone(&self.repo_dir);
        let appender = Arc::clone(&self.appender);
        let source = source.clone();
        let work = move || appender.append(&repo_dir, &source, &rows);
        Ok(self.appends.run(work).await?)
    }
}

/// Entity rows grouped by key, once for all views that share their keys.
#[derive(Default)]
struct EntityIndexes {
    by_keys: HashMap<Vec<(String, larder_core::ValueType)>, Arc<EntityIndex>>,
}

impl EntityIndexes {
    fn get(
        &mut self,
        frame: &EntityFrame,
        join_keys: &[Field],
        frame_columns: &[String],
    ) -> Result<Arc<EntityIndex>, OfflineError> {
        let types = join_keys.iter().map(|key| key.value_type.clone());
        let name: Vec<_> = frame_columns.iter().cloned().zip(types).collect();
        if let Some(index) = self.by_keys.get(&name) {
            return Ok(Arc::clone(index));
        }
        let columns = name
            .iter()
            .map(|(column, value_type)| {
                let missing = || RequestError::EntityDfMissingColumns {
                    expected: frame_columns.to_vec(),
                    missing: vec![column.clone()],
                };
                let array = frame.rows.column_by_name(column).ok_or_else(missing)?;
                column::cast_column(column, array, value_type)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let index = Arc::new(EntityIndex::try_new(join_keys, &columns, &frame.event_timestamps)?);
        self.by_keys.insert(name, Arc::clone(&index));
        Ok(index)
    }
}

/// All join key columns that the frame lacks, in one error.
fn check_frame_columns(join: &PointInTimeJoin) -> Result<(), RequestError> {
    let expected: BTreeSet<&String> = join.views.iter().flat_map(|view| &view.frame_columns).collect();
    let is_missing = |column: &&String| join.frame.rows.column_by_name(column).is_none();
    let missing: Vec<String> = expected.iter().copied().filter(is_missing).cloned().collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(RequestError::EntityDfMissingColumns { expected: expected.into_iter().cloned().collect(), missing })
}
