//! Which entity rows Feast's file store would have kept.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array, BooleanArray};
use arrow::compute::filter_record_batch;
use arrow::row::{OwnedRow, RowConverter, SortField};
use larder_core::{
    EntityFrame, Error, ErrorKind, Field, OfflineStore, PointInTimeJoin, Result, Timestamp, ValueType,
    ViewJoin,
};

/// The entity rows that Feast's file store keeps, in order. View by view it loses
///
/// - a row whose key the source has, though no row of it lies in the window;
/// - of rows that are equal in all join keys so far and in time, all but the last.
pub(crate) async fn kept_by_dask(
    offline: &dyn OfflineStore,
    views: &[ViewJoin],
    frame: &EntityFrame,
) -> Result<EntityFrame> {
    let probes: Vec<ViewJoin> = views.iter().map(probe).collect();
    let in_window = probe_rows(offline, &probes, frame.clone()).await?;
    let ever = {
        let views = probes.into_iter().map(|probe| ViewJoin { ttl: std::time::Duration::ZERO, ..probe });
        let event_timestamps = vec![Some(Timestamp::MAX); frame.rows.num_rows()].into();
        let frame = EntityFrame { rows: frame.rows.clone(), event_timestamps };
        probe_rows(offline, &views.collect::<Vec<_>>(), frame).await?
    };
    let mut kept: Vec<usize> = (0..frame.rows.num_rows()).collect();
    let mut join_keys: Vec<&String> = Vec::new();
    for ((view, in_window), ever) in views.iter().zip(&in_window).zip(&ever) {
        kept.retain(|row| in_window.value(*row) || !ever.value(*row));
        for column in &view.frame_columns {
            if !join_keys.contains(&column) {
                join_keys.push(column);
            }
        }
        keep_last(frame, &join_keys, &mut kept)?;
    }
    let mask: BooleanArray = {
        let kept: HashSet<usize> = kept.into_iter().collect();
        (0..frame.rows.num_rows()).map(|row| Some(kept.contains(&row))).collect()
    };
    let event_timestamps = frame.event_timestamps.iter().zip(mask.values());
    Ok(EntityFrame {
        rows: filter_record_batch(&frame.rows, &mask).map_err(internal)?,
        event_timestamps: event_timestamps.filter(|(_, kept)| *kept).map(|(time, _)| *time).collect(),
    })
}

/// A join of one column that no matching row has null: the first join key, or the time. No column of a
/// source that is no file, which fails when it is read.
fn probe(view: &ViewJoin) -> ViewJoin {
    let time = || {
        view.source.as_file().map(|file| {
            let column = &file.timestamp_field;
            let name = file.field_mapping.get(column).unwrap_or(column);
            Field::new(name, ValueType::UNIX_TIMESTAMP)
        })
    };
    let column = view.join_keys.first().cloned().or_else(time);
    ViewJoin { features: column.into_iter().collect(), ..view.clone() }
}

/// For each view and entity row, whether any row of the source matches.
async fn probe_rows(
    offline: &dyn OfflineStore,
    probes: &[ViewJoin],
    frame: EntityFrame,
) -> Result<Vec<BooleanArray>> {
    let join = PointInTimeJoin { frame, views: probes.to_vec(), filter_by_created_timestamp: false };
    let joined = offline.join(join).await?;
    Ok(joined
        .into_iter()
        .map(|columns| {
            let column = columns.first().expect("each probe asks for a column");
            (0..column.len()).map(|row| Some(column.is_valid(row))).collect()
        })
        .collect())
}

/// Of the kept rows equal in `join_keys` and time, only the last stays.
fn keep_last(frame: &EntityFrame, join_keys: &[&String], kept: &mut Vec<usize>) -> Result<()> {
    let columns: Vec<_> = join_keys
        .iter()
        .map(|name| Arc::clone(frame.rows.column_by_name(name).expect("the join has seen the column")))
        .collect();
    let fields = columns.iter().map(|column| SortField::new(column.data_type().clone())).collect();
    let keys = RowConverter::new(fields).and_then(|converter| converter.convert_columns(&columns));
    let keys = keys.map_err(internal)?;
    let mut last: HashMap<(Option<OwnedRow>, Option<Timestamp>), usize> = HashMap::new();
    let identity = |row: usize| {
        let key = (!join_keys.is_empty()).then(|| keys.row(row).owned());
        (key, frame.event_timestamps.get(row).copied().flatten())
    };
    for row in &*kept {
        last.insert(identity(*row), *row);
    }
    kept.retain(|row| last.get(&identity(*row)) == Some(row));
    Ok(())
}

fn internal(error: arrow::error::ArrowError) -> Error {
    Error::new(ErrorKind::Internal, error)
}
