//! Training sets without entity rows: every entity that the sources know, as of one time.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{
    Array, ArrayRef, RecordBatch, RecordBatchOptions, TimestampMicrosecondArray, UInt32Array, new_null_array,
};
use arrow::compute::{concat, take};
use arrow::datatypes::{Field as ArrowField, Schema};
use arrow::row::{RowConverter, SortField};
use futures::TryStreamExt as _;
use larder_core::{
    DUMMY_JOIN_KEY, Error, ErrorKind, Field, OfflineStore, PullLatest, RequestError, Result, Timestamp,
    ViewJoin, timestamp_data_type,
};

/// The column of the time as of which the entities are described.
const EVENT_TIMESTAMP: &str = "event_timestamp";
/// How far back entities are looked for if no view has a ttl.
const DEFAULT_SPAN: Duration = Duration::from_secs(30 * 24 * 3600);

/// Which entities a training set without entity rows is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EntitySpan {
    /// Entities with a row from this time on; without it, as far before `end_date` as the greatest ttl of
    /// the views reaches, or 30 days if none has one.
    pub start_date: Option<Timestamp>,
    /// Entities with a row up to this time, which is also the time as of which they are described; now,
    /// without it.
    pub end_date: Option<Timestamp>,
}

/// One row for every entity that has a row in the span in any of the views' sources: `event_timestamp`,
/// then the join keys. Views with other join keys give rows of their own, with nulls for the keys they
/// lack. Rows are in the order of the views, and within one view in that of its entity keys.
pub(crate) async fn all_entities(
    store: &dyn OfflineStore,
    views: &[ViewJoin],
    span: EntitySpan,
    now: Timestamp,
) -> Result<RecordBatch> {
    let end = span.end_date.unwrap_or(now);
    let start = span.start_date.unwrap_or_else(|| {
        let ttl = views.iter().map(|view| view.ttl).max().unwrap_or_default();
        end.saturating_sub(if ttl.is_zero() { DEFAULT_SPAN } else { ttl })
    });
    if start > end {
        return Err(RequestError::other(format!(
            "start_date ({start}) must not be after end_date ({end}); give an earlier start or a later end"
        ))
        .into());
    }
    let columns = key_columns(views)?;
    let mut parts: Vec<Vec<ArrayRef>> = Vec::new();
    for view in views.iter().filter(|view| is_keyed(view)) {
        let pull = PullLatest {
            view: view.view.clone(),
            source: Arc::clone(&view.source),
            join_keys: view.join_keys.clone(),
            features: Vec::new(),
            start,
            end,
        };
        let mut keys = store.pull_latest(pull).await?.parts;
        while let Some(part) = keys.try_next().await? {
            let rows = part.event_timestamps.len();
            let column = |column: &Field| {
                let place = view.frame_columns.iter().position(|name| *name == column.name);
                match place {
                    Some(place) => Arc::clone(part.keys.column(place)),
                    None => new_null_array(&column.value_type.data_type(), rows),
                }
            };
            parts.push(columns.iter().map(column).collect());
        }
    }
    let keys = distinct(&columns, &parts).map_err(|source| Error::new(ErrorKind::Internal, source))?;
    // Views without entities have one answer, which needs one row.
    let rows = match keys.first() {
        Some(column) => column.len(),
        None => 1,
    };
    let times =
        TimestampMicrosecondArray::from_value(end.micros(), rows).with_data_type(timestamp_data_type());
    let mut fields = vec![ArrowField::new(EVENT_TIMESTAMP, timestamp_data_type(), true)];
    fields.extend(columns.iter().map(Field::to_arrow));
    let arrays = std::iter::once(Arc::new(times) as ArrayRef).chain(keys).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
        .map_err(|source| Error::new(ErrorKind::Internal, source))
}

fn is_keyed(view: &ViewJoin) -> bool {
    !view.frame_columns.is_empty() && view.frame_columns.iter().all(|column| column != DUMMY_JOIN_KEY)
}

/// The join key columns of all views, each once, in first-seen order.
fn key_columns(views: &[ViewJoin]) -> Result<Vec<Field>, RequestError> {
    let mut columns: Vec<Field> = Vec::new();
    for view in views.iter().filter(|view| is_keyed(view)) {
        for (key, name) in view.join_keys.iter().zip(&view.frame_columns) {
            match columns.iter().find(|column| column.name == *name) {
                None => columns.push(Field::new(name, key.value_type.clone())),
                Some(known) if known.value_type == key.value_type => {}
                Some(known) => {
                    return Err(RequestError::other(format!(
                        "join key `{name}` is {} in view `{}` and {} in another; without entity rows all \
                         views must agree, so ask for them one by one",
                        key.value_type, view.view, known.value_type
                    )));
                }
            }
        }
    }
    Ok(columns)
}

/// The rows of all parts, each once, where it was first seen.
fn distinct(columns: &[Field], parts: &[Vec<ArrayRef>]) -> Result<Vec<ArrayRef>, arrow::error::ArrowError> {
    let mut whole = Vec::with_capacity(columns.len());
    for (place, column) in columns.iter().enumerate() {
        let arrays: Vec<&dyn Array> =
            parts.iter().filter_map(|part| part.get(place)).map(AsRef::as_ref).collect();
        whole.push(match arrays.as_slice() {
            [] => new_null_array(&column.value_type.data_type(), 0),
            arrays => concat(arrays)?,
        });
    }
    if whole.is_empty() {
        return Ok(whole);
    }
    let fields = columns.iter().map(|column| SortField::new(column.value_type.data_type())).collect();
    let rows = RowConverter::new(fields)?.convert_columns(&whole)?;
    let mut seen = HashSet::with_capacity(rows.num_rows());
    let kept = rows.iter().zip(0_u32..).filter(|(row, _)| seen.insert(*row)).map(|(_, at)| at);
    let kept = UInt32Array::from_iter_values(kept);
    whole.iter().map(|column| take(column, &kept, None)).collect()
}
