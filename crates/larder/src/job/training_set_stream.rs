//! A training set in parts: entity rows are joined some at a time, so that what is held of the answer does not
//! grow with it.

use std::collections::VecDeque;
use std::str::FromStr as _;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::{Schema, SchemaRef};
use futures::StreamExt as _;
use larder_core::{
    Error, ErrorKind, Field, JobEntities, JobHistoricalRequest, RequestError, Result, TableStream, ValueType,
};

use crate::get_historical_features::HistoricalQuery;
use crate::{EntitySpan, FeatureStore, VALUE_TYPE_METADATA};

/// Entity rows of the first join; how large its answer is says how many more fit.
const FIRST_ROWS: usize = 1 << 18;
/// Bytes of one join: its entity rows, what it keeps of each while the source goes by, and its answer. Each join reads
/// the keys of the source anew, so not few; rows so wide that fewer than `FIRST_ROWS` fit are joined all the same.
const JOIN_BYTES: usize = 256 << 20;
/// What a join keeps of a row for each view: its key, its time, the best rows found.
const INDEX_BYTES: usize = 128;

/// Joins the first rows, which also says what columns there are; the others when they are asked for. All by one
/// state of the registry, and by the files as each join finds them.
pub(crate) async fn open(store: Arc<FeatureStore>, request: JobHistoricalRequest) -> Result<TableStream> {
    let JobHistoricalRequest { selection, entities, full_feature_names, filter_by_created_timestamp } =
        request;
    let query = store.historical_query(&selection, full_feature_names, filter_by_created_timestamp)?;
    let (declared, mut left) = match entities {
        JobEntities::Rows { columns, parts } => {
            let schema = Schema::new(columns.iter().map(Field::to_arrow).collect::<Vec<_>>());
            (columns, Portions { schema: Arc::new(schema), parts: parts.into() })
        }
        JobEntities::All { start, end } => {
            let span = EntitySpan { start_date: start, end_date: Some(end) };
            let rows = store.all_entities(&query, span).await?;
            (Vec::new(), Portions { schema: rows.schema(), parts: VecDeque::from([rows]) })
        }
    };
    let first = store.join(&query, left.take(FIRST_ROWS)?, false).await?.rows;
    let columns = fields_of(&first, &declared)?;
    let rows_per_join = rows_that_fit(&first, query.view_count());
    let rest = Rest { store, query, left, rows_per_join };
    let others = futures::stream::unfold(rest, async |mut rest| {
        if rest.left.parts.is_empty() {
            return None;
        }
        let joined = async {
            let rows = rest.left.take(rest.rows_per_join)?;
            Ok(rest.store.join(&rest.query, rows, false).await?.rows)
        };
        Some((joined.await, rest))
    });
    Ok(TableStream { columns, parts: futures::stream::iter([Ok(first)]).chain(others).boxed() })
}

struct Rest {
    store: Arc<FeatureStore>,
    query: HistoricalQuery,
    left: Portions,
    rows_per_join: usize,
}

/// How many rows as wide as those of an answer fit into a join of so many views.
fn rows_that_fit(answer: &RecordBatch, views: usize) -> usize {
    let of_row = answer.get_array_memory_size().div_ceil(answer.num_rows().max(1));
    let bytes = of_row.saturating_add(views.saturating_mul(INDEX_BYTES));
    (JOIN_BYTES / bytes.max(1)).max(FIRST_ROWS)
}

/// Entity rows that are not yet joined.
struct Portions {
    schema: SchemaRef,
    parts: VecDeque<RecordBatch>,
}

impl Portions {
    /// The next `wanted` rows, or as many as are left.
    fn take(&mut self, wanted: usize) -> Result<RecordBatch> {
        let (mut taken, mut rows) = (Vec::new(), 0);
        while let Some(part) = self.parts.pop_front() {
            let missing = wanted - rows;
            if part.num_rows() > missing {
                self.parts.push_front(part.slice(missing, part.num_rows() - missing));
                taken.push(part.slice(0, missing));
                break;
            }
            rows += part.num_rows();
            taken.push(part);
        }
        match taken.as_slice() {
            [all] => Ok(all.clone()),
            _ => {
                concat_batches(&self.schema, &taken).map_err(|source| Error::new(ErrorKind::Internal, source))
            }
        }
    }
}

/// The columns of a table: `declared` where it is of that type still, else as the table itself says.
pub(crate) fn fields_of(rows: &RecordBatch, declared: &[Field]) -> Result<Vec<Field>> {
    let field = |arrow: &Arc<arrow::datatypes::Field>| {
        let same = |field: &&Field| {
            field.name == *arrow.name() && field.value_type.data_type() == *arrow.data_type()
        };
        if let Some(field) = declared.iter().find(same) {
            return Ok(field.clone());
        }
        let named = arrow.metadata().get(VALUE_TYPE_METADATA).and_then(|name| ValueType::from_str(name).ok());
        let value_type = named.or_else(|| ValueType::infer(arrow.data_type())).ok_or_else(|| {
            RequestError::other(format!(
                "column `{}` is {}, which Feast has no type for; leave it out",
                arrow.name(),
                arrow.data_type()
            ))
        })?;
        Ok(Field::new(arrow.name(), value_type))
    };
    rows.schema_ref().fields().iter().map(field).collect()
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int64Array, TimestampMicrosecondArray};
    use larder_core::{Selection, Timestamp, timestamp_data_type};

    use super::*;
    use crate::{HistoricalRequest, TrainingEntities};

    fn numbered(numbers: impl IntoIterator<Item = i64>) -> RecordBatch {
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(numbers));
        RecordBatch::try_from_iter([("id", ids)]).unwrap()
    }

    #[test]
    fn rows_are_taken_in_order_and_none_is_lost() {
        for counts in [vec![], vec![0], vec![1], vec![5, 1], vec![4, 1, 1], vec![0, 11, 0], vec![3; 9]] {
            let mut next = 0..;
            let parts = counts.iter().map(|count| numbered(next.by_ref().take(*count))).collect();
            let mut left = Portions { schema: numbered([]).schema(), parts };
            let mut taken = vec![left.take(5).unwrap()];
            while !left.parts.is_empty() {
                assert_eq!(taken.last().unwrap().num_rows(), 5, "{counts:?}");
                taken.push(left.take(5).unwrap());
            }
            let all = concat_batches(&left.schema, &taken).unwrap();
            assert_eq!(all, numbered(0..next.start), "{counts:?}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn several_joins_give_what_one_gives() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("feature_store.yaml", "project: p\nregistry: registry.db\nonline_store: null\n");
        write(
            "features.yaml",
            "entities: [{name: id, value_type: Int64}]\n\
             data_sources: [{name: rates, type: file, path: rates.csv, timestamp_field: at}]\n\
             feature_views:\n  - {name: stats, entities: [id], source: rates, schema: [{name: rate, dtype: Int64}]}\n",
        );
        write("rates.csv", "id,at,rate\n0,2024-01-01T00:00:00Z,10\n1,2024-01-01T00:00:00Z,11\n");
        let store = Arc::new(FeatureStore::open(folder.path()).await.unwrap());
        store.apply().await.unwrap();
        let count = FIRST_ROWS + 7;
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values((0..3).cycle().take(count)));
        let noon = Timestamp::parse("2024-01-01T12:00:00Z").unwrap().micros();
        let times = TimestampMicrosecondArray::from(vec![noon; count]).with_data_type(timestamp_data_type());
        let rows =
            RecordBatch::try_from_iter([("id", ids), ("event_timestamp", Arc::new(times) as _)]).unwrap();
        let selection = Selection::References(vec!["stats:rate".to_owned()]);
        let whole = HistoricalRequest {
            entities: TrainingEntities::Rows(rows.clone()),
            selection: selection.clone(),
            full_feature_names: false,
            filter_by_created_timestamp: false,
        };
        let whole = store.get_historical_features(whole).await.unwrap().rows;
        let columns = [("id", ValueType::INT64), ("event_timestamp", ValueType::UNIX_TIMESTAMP)];
        let entities = JobEntities::Rows {
            columns: columns.map(|(name, value_type)| Field::new(name, value_type)).into(),
            parts: vec![rows.slice(0, 100), rows.slice(100, count - 100)],
        };
        let request = JobHistoricalRequest {
            selection,
            entities,
            full_feature_names: false,
            filter_by_created_timestamp: false,
        };
        let stream = open(Arc::clone(&store), request).await.unwrap();
        let parts: Vec<RecordBatch> = stream.parts.map(Result::unwrap).collect().await;
        assert_eq!(parts.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [FIRST_ROWS, 7]);
        assert_eq!(concat_batches(&whole.schema(), &parts).unwrap(), whole);
    }

    #[test]
    fn narrow_rows_are_joined_many_at_a_time_and_wide_ones_not_fewer_than_at_first() {
        let narrow = numbered(0..1_000);
        let fit = rows_that_fit(&narrow, 1);
        assert!(fit > 6 * FIRST_ROWS && fit * (8 + INDEX_BYTES) <= JOIN_BYTES, "{fit}");
        assert!(rows_that_fit(&narrow, 3) < fit);
        let text: ArrayRef = Arc::new(arrow::array::StringArray::from(vec!["x".repeat(1 << 16); 10]));
        let wide = RecordBatch::try_from_iter([("text", text)]).unwrap();
        assert_eq!(rows_that_fit(&wide, 1), FIRST_ROWS);
        assert!(rows_that_fit(&numbered([]), 0) >= FIRST_ROWS);
    }
}
