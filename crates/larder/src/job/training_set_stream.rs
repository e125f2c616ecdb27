//! The training set of a job, in parts.

use std::str::FromStr as _;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use futures::StreamExt as _;
use larder_core::{Field, JobEntities, JobHistoricalRequest, RequestError, Result, TableStream, ValueType};

use crate::joined_in_parts::joined_in_parts;
use crate::{EntitySpan, FeatureStore, VALUE_TYPE_METADATA};

/// Joins the first rows, which also says what columns there are; the others when they are asked for. All by one
/// state of the registry, and by the files as each join finds them.
pub(crate) async fn open(store: Arc<FeatureStore>, request: JobHistoricalRequest) -> Result<TableStream> {
    let JobHistoricalRequest { selection, entities, full_feature_names, filter_by_created_timestamp } =
        request;
    let query = store.historical_query(&selection, full_feature_names, filter_by_created_timestamp)?;
    let (declared, schema, parts) = match entities {
        JobEntities::Rows { columns, parts } => {
            let schema = Schema::new(columns.iter().map(Field::to_arrow).collect::<Vec<_>>());
            (columns, Arc::new(schema), parts)
        }
        JobEntities::All { start, end } => {
            let span = EntitySpan { start_date: start, end_date: Some(end) };
            let rows = store.all_entities(&query, span).await?;
            (Vec::new(), rows.schema(), vec![rows])
        }
    };
    let (first, others) = joined_in_parts(store, query, schema, parts).await?;
    let columns = fields_of(&first, &declared)?;
    Ok(TableStream { columns, parts: futures::stream::iter([Ok(first)]).chain(others).boxed() })
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
    use arrow::compute::concat_batches;
    use larder_core::{Selection, Timestamp, timestamp_data_type};

    use super::*;
    use crate::joined_in_parts::FIRST_ROWS;
    use crate::{HistoricalRequest, TrainingEntities};

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
}
