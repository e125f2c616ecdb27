//! The offline store over files.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::kernels::cmp::not_distinct;
use arrow::compute::{cast, not, nullif};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use async_trait::async_trait;
use larder_blocking::Lane;
use larder_core::{
    DataSource, EntityFrame, Field, JoinedColumns, LatestStream, OfflineStore, PointInTimeJoin, PullAll,
    PullLatest, RequestError, Result, RowStream, ValueType, column,
};
use tracing::instrument;

use crate::append::Appender;
use crate::error::OfflineError;
use crate::file_table::FileTable;
use crate::point_in_time_join::{EntityIndex, join_view};
use crate::pull_all;
use crate::pull_latest::find_latest;
use crate::stream_of_parts::stream_of_parts;

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
    reads: Lane,
    appends: Lane,
    appender: Arc<Appender>,
}

/// Calls that work at the same time. Each spreads over all cores by itself; a few let short ones pass long ones.
const CALLS_AT_A_TIME: usize = 4;

impl FileOfflineStore {
    /// A store whose relative paths start at `repo_dir`. Touches no file.
    pub fn new(repo_dir: PathBuf) -> Self {
        Self {
            repo_dir: Arc::new(repo_dir),
            reads: Lane::new(CALLS_AT_A_TIME),
            appends: Lane::new(CALLS_AT_A_TIME),
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
        let parts = stream_of_parts(move |give| latest.give_parts(give));
        Ok(LatestStream { summary, parts })
    }

    #[instrument(name = "larder_offline.pull_all", skip_all, fields(source = %pull.source.name))]
    async fn pull_all(&self, pull: PullAll) -> Result<RowStream> {
        let repo_dir = Arc::clone(&self.repo_dir);
        let work = move || pull_all::prepare(FileTable::open(&repo_dir, &pull.source)?, &pull);
        let rows = self.reads.run(work).await?;
        let schema = SchemaRef::clone(rows.schema());
        Ok(RowStream { schema, parts: stream_of_parts(move |give| rows.give_parts(give)) })
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
    by_keys: HashMap<Vec<(String, ValueType)>, Arc<EntityIndex>>,
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
                key_column(column, array, value_type)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let index = Arc::new(EntityIndex::try_new(join_keys, &columns, &frame.event_timestamps)?);
        self.by_keys.insert(name, Arc::clone(&index));
        Ok(index)
    }
}

/// Entity values as join keys. A number that no value of the type equals matches no row, so it is null here: a
/// cast would cut 1.5 to 1, the key of another entity.
fn key_column(column: &str, array: &ArrayRef, value_type: &ValueType) -> Result<ArrayRef, RequestError> {
    let (given, wanted) = (array.data_type(), value_type.data_type());
    if !given.is_numeric() || !wanted.is_integer() || *given == wanted {
        return column::cast_column(column, array, value_type);
    }
    equal_numbers(array, &wanted).or_else(|_| column::cast_column(column, array, value_type))
}

fn equal_numbers(array: &ArrayRef, wanted: &DataType) -> Result<ArrayRef, ArrowError> {
    // What does not fit a safe cast becomes null; what it cut does not come back the same.
    let numbers = cast(array, wanted)?;
    let same = not_distinct(&cast(&numbers, array.data_type())?, array)?;
    nullif(&numbers, &not(&same)?)
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

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray, Float64Array, Int64Array, StringArray};
    use arrow::datatypes::Int32Type;

    use super::*;

    #[test]
    fn a_number_that_no_key_equals_is_no_key() {
        let floats: ArrayRef =
            Arc::new(Float64Array::from(vec![Some(1.0), Some(1.5), None, Some(f64::NAN), Some(1e300)]));
        let integers: ArrayRef = Arc::new(Int64Array::from(vec![Some(-7), Some(1 << 31), None]));
        let keys = |array| key_column("zone_id", array, &ValueType::INT32).unwrap();
        let numbers = |keys: ArrayRef| keys.as_primitive::<Int32Type>().iter().collect::<Vec<_>>();
        assert_eq!(numbers(keys(&floats)), [Some(1), None, None, None, None]);
        assert_eq!(numbers(keys(&integers)), [Some(-7), None, None]);
    }

    #[test]
    fn a_text_that_is_no_number_is_still_a_mistake() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["1", "x"]));
        let error = key_column("zone_id", &texts, &ValueType::INT32).unwrap_err();
        assert!(error.to_string().starts_with("column `zone_id`, row 1: x is not a valid Int32"), "{error}");
    }
}
