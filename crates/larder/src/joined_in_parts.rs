//! A training set in parts: entity rows are joined some at a time, so that what is held of the answer does not
//! grow with it.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use larder_core::{Error, ErrorKind, Result};

use crate::FeatureStore;
use crate::get_historical_features::HistoricalQuery;

/// Entity rows of the first join; how large its answer is says how many more fit.
pub(crate) const FIRST_ROWS: usize = 1 << 18;
/// Bytes of one join: its entity rows, what it keeps of each while the source goes by, and its answer. Each join reads
/// the keys of the source anew, so not few; rows so wide that fewer than `FIRST_ROWS` fit are joined all the same.
const JOIN_BYTES: usize = 256 << 20;
/// What a join keeps of a row for each view: its key, its time, the best rows found.
const INDEX_BYTES: usize = 128;

/// The answer to the first entity rows, and those to the others when they are asked for.
pub(crate) async fn joined_in_parts(
    store: Arc<FeatureStore>,
    query: HistoricalQuery,
    schema: SchemaRef,
    parts: Vec<RecordBatch>,
) -> Result<(RecordBatch, BoxStream<'static, Result<RecordBatch>>)> {
    let mut left = Portions { schema, parts: parts.into() };
    let first = store.join(&query, left.take(FIRST_ROWS)?, false).await?.rows;
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
    Ok((first, others.boxed()))
}

struct Rest {
    store: Arc<FeatureStore>,
    query: HistoricalQuery,
    left: Portions,
    rows_per_join: usize,
}

/// How many rows as wide as those of an answer fit into a join of so many views.
fn rows_that_fit(answer: &RecordBatch, views: usize) -> usize {
    // Of the rows themselves, which may be some of a larger table.
    let of_column = |column: &ArrayRef| {
        column.to_data().get_slice_memory_size().unwrap_or_else(|_| column.get_array_memory_size())
    };
    let of_rows = answer.columns().iter().map(of_column).fold(0, usize::saturating_add);
    let of_row = of_rows.div_ceil(answer.num_rows().max(1));
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

#[cfg(test)]
mod tests {
    use arrow::array::Int64Array;

    use super::*;

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

    #[test]
    fn narrow_rows_are_joined_many_at_a_time_and_wide_ones_not_fewer_than_at_first() {
        let narrow = numbered(0..1_000);
        let fit = rows_that_fit(&narrow, 1);
        assert!(fit > 6 * FIRST_ROWS && fit * (8 + INDEX_BYTES) <= JOIN_BYTES, "{fit}");
        assert!(rows_that_fit(&narrow, 3) < fit);
        assert_eq!(rows_that_fit(&numbered(0..100_000).slice(0, 1_000), 1), fit);
        let text: ArrayRef = Arc::new(arrow::array::StringArray::from(vec!["x".repeat(1 << 16); 10]));
        let wide = RecordBatch::try_from_iter([("text", text)]).unwrap();
        assert_eq!(rows_that_fit(&wide, 1), FIRST_ROWS);
        assert!(rows_that_fit(&numbered([]), 0) >= FIRST_ROWS);
    }
}
