//! A training set in parts: entity rows are joined some at a time, so that what is held of the answer does not
//! grow with it.

use std::collections::VecDeque;
use std::str::FromStr as _;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::Schema;
use futures::StreamExt as _;
use larder_core::{
    Error, ErrorKind, Field, JobEntities, JobHistoricalRequest, RequestError, Result, TableStream, ValueType,
};

use crate::get_historical_features::HistoricalQuery;
use crate::{EntitySpan, FeatureStore, VALUE_TYPE_METADATA};

/// Entity rows that are joined at once. Each join reads the keys of the source anew, so not few.
const ROWS_PER_JOIN: usize = 1 << 18;

/// Joins the first rows, which also says what columns there are; the others when they are asked for. All by one
/// state of the registry, and by the files as each join finds them.
pub(crate) async fn open(store: Arc<FeatureStore>, request: JobHistoricalRequest) -> Result<TableStream> {
    let JobHistoricalRequest { selection, entities, full_feature_names, filter_by_created_timestamp } =
        request;
    let query = store.historical_query(&selection, full_feature_names, filter_by_created_timestamp)?;
    let (declared, mut parts) = match entities {
        JobEntities::Rows { columns, parts } => {
            let parts = regrouped(&columns, parts)?;
            (columns, parts)
        }
        JobEntities::All { start, end } => {
            let span = EntitySpan { start_date: start, end_date: Some(end) };
            let rows = store.all_entities(&query, span).await?;
            (Vec::new(), cut(&rows))
        }
    };
    let Some(first) = parts.pop_front() else {
        return Err(Error::new(ErrorKind::Internal, "entity rows without a first part"));
    };
    let first = store.join(&query, first, false).await?.rows;
    let columns = fields_of(&first, &declared)?;
    let rest = Rest { store, query, parts };
    let others = futures::stream::unfold(rest, async |mut rest| {
        let part = rest.parts.pop_front()?;
        let joined = rest.store.join(&rest.query, part, false).await;
        Some((joined.map(|set| set.rows), rest))
    });
    Ok(TableStream { columns, parts: futures::stream::iter([Ok(first)]).chain(others).boxed() })
}

struct Rest {
    store: Arc<FeatureStore>,
    query: HistoricalQuery,
    parts: VecDeque<RecordBatch>,
}

/// The rows in parts for a join each, at least one.
fn regrouped(columns: &[Field], parts: Vec<RecordBatch>) -> Result<VecDeque<RecordBatch>> {
    let schema = Arc::new(Schema::new(columns.iter().map(Field::to_arrow).collect::<Vec<_>>()));
    let (mut groups, mut group, mut rows) = (VecDeque::new(), Vec::new(), 0);
    let together = |group: &[RecordBatch]| {
        concat_batches(&schema, group).map_err(|source| Error::new(ErrorKind::Internal, source))
    };
    for part in parts {
        rows += part.num_rows();
        group.push(part);
        if rows >= ROWS_PER_JOIN {
            groups.push_back(together(&std::mem::take(&mut group))?);
            rows = 0;
        }
    }
    if !group.is_empty() || groups.is_empty() {
        groups.push_back(together(&group)?);
    }
    Ok(groups)
}

fn cut(rows: &RecordBatch) -> VecDeque<RecordBatch> {
    let starts = (0..rows.num_rows().max(1)).step_by(ROWS_PER_JOIN);
    starts.map(|start| rows.slice(start, ROWS_PER_JOIN.min(rows.num_rows() - start))).collect()
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
    use arrow::array::{ArrayRef, Int64Array};

    use super::*;

    fn rows(count: usize) -> RecordBatch {
        let ids: ArrayRef = Arc::new(Int64Array::from(vec![7; count]));
        RecordBatch::try_from_iter([("id", ids)]).unwrap()
    }

    #[test]
    fn there_is_always_a_first_part_and_none_is_lost() {
        let id = [Field::new("id", ValueType::INT64)];
        for counts in
            [vec![], vec![0], vec![1], vec![ROWS_PER_JOIN, 1], vec![ROWS_PER_JOIN - 1, 1, 1], vec![9; 9]]
        {
            let total: usize = counts.iter().sum();
            for parts in [
                regrouped(&id, counts.iter().map(|count| rows(*count)).collect()).unwrap(),
                cut(&rows(total)),
            ] {
                assert!(!parts.is_empty(), "{counts:?}");
                assert_eq!(parts.iter().map(RecordBatch::num_rows).sum::<usize>(), total, "{counts:?}");
            }
        }
    }
}
