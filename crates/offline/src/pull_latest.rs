//! The newest row of every key in a span of time: the join with one gap per key.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{Field as ArrowField, Schema, SchemaRef};
use larder_core::{
    EntityKeyEncoder, EntityKeyVersion, Field, LatestRows, PullLatest, PullSummary, Timestamp,
};

use crate::error::OfflineError;
use crate::file_table::{FileTable, Selection};
use crate::point_in_time_join::{
    Candidate, Gathered, KeyIndex, KeyTimes, NO_GROUP, NO_TIME, Position, ScanCounts, chunks_in_range,
    on_all_chunks,
};

/// How many rows a part holds at most.
const PART_ROWS: usize = 8_192;
/// How many bytes of feature values are held at a time, by the estimate of the source's footers. Where
/// the newest rows of all keys are larger, their files are read once for every such amount.
const WINDOW_BYTES: u64 = 256 << 20;

/// The newest rows, found and not yet fetched.
#[derive(Debug)]
pub(crate) struct Latest {
    table: FileTable,
    features: Selection,
    feature_fields: Vec<Field>,
    key_fields: Vec<Field>,
    /// The key columns, in the order of the encoded keys.
    keys: Vec<ArrayRef>,
    /// The newest row of each key, in the same order.
    newest: Vec<Candidate>,
    summary: PullSummary,
}

/// Scans key and time columns for the newest row of every key. Memory grows with the number of keys.
pub(crate) fn find_latest(table: FileTable, pull: &PullLatest) -> Result<Latest, OfflineError> {
    let features = table.select_fields(&pull.features)?;
    let key_times = KeyTimes::select(&table, &pull.join_keys)?;
    let (start, end) = (pull.start.micros(), pull.end.micros());
    let chunks = chunks_in_range(&table, start, end);
    let workers = on_all_chunks(
        &chunks,
        usize::MAX,
        || Worker::new(&pull.join_keys),
        |worker, chunk| {
            key_times.scan(&table, chunk, &mut |batch| {
                worker.counts.rows += batch.rows as u64;
                worker.counts.null_times += batch.null_events.len() as u64;
                worker.in_span.clear();
                worker.in_span.extend(batch.events.iter().map(|event| *event >= start && *event <= end));
                for row in batch.null_events {
                    if let Some(in_span) = worker.in_span.get_mut(*row) {
                        *in_span = false;
                    }
                }
                let keep = |row: usize| worker.in_span.get(row) == Some(&true);
                worker.keys.number(batch.keys, batch.rows, keep, &mut worker.groups)?;
                worker.newest.resize(worker.keys.len(), Candidate::NONE);
                let rows = worker.groups.iter().zip(&worker.in_span);
                let rows = rows.zip(batch.events).zip(batch.created).zip(batch.positions());
                for ((((group, in_span), event), created), position) in rows {
                    if !in_span {
                        continue;
                    }
                    match worker.newest.get_mut(*group as usize) {
                        Some(newest) => {
                            let candidate =
                                Candidate { event: *event, created: *created, position: Some(position) };
                            *newest = candidate.max(*newest);
                        }
                        None => worker.counts.null_keys += 1,
                    }
                }
                Ok(())
            })
        },
    )?;
    let Worker { keys, newest, counts, .. } = merged(workers, &pull.join_keys)?;
    counts.report(&pull.view);

    let columns = keys.into_columns(&pull.join_keys)?;
    let order = order_of_keys(&pull.join_keys, &columns, &newest);
    let take_keys = |column: &ArrayRef| take(column, &order, None);
    let keys = columns.iter().map(take_keys).collect::<Result<Vec<_>, _>>();
    let keys = keys.map_err(OfflineError::arrow("put the keys in order"))?;
    let newest: Vec<Candidate> =
        order.values().iter().filter_map(|group| newest.get(*group as usize).copied()).collect();
    let summary =
        PullSummary { rows_scanned: counts.rows, null_keys: counts.null_keys, keys: newest.len() as u64 };
    Ok(Latest {
        table,
        features,
        feature_fields: pull.features.clone(),
        key_fields: pull.join_keys.clone(),
        keys,
        newest,
        summary,
    })
}

struct Worker {
    keys: KeyIndex,
    newest: Vec<Candidate>,
    counts: ScanCounts,
    groups: Vec<u32>,
    in_span: Vec<bool>,
}

impl Worker {
    fn new(join_keys: &[Field]) -> Result<Self, OfflineError> {
        Ok(Self {
            keys: KeyIndex::new(join_keys)?,
            newest: Vec::new(),
            counts: ScanCounts::default(),
            groups: Vec::new(),
            in_span: Vec::new(),
        })
    }

    fn absorb(&mut self, other: Self) -> Result<(), OfflineError> {
        self.counts += other.counts;
        let here = self.keys.absorb(other.keys)?;
        self.newest.resize(self.keys.len(), Candidate::NONE);
        for (group, candidate) in here.into_iter().zip(other.newest) {
            if let Some(newest) = self.newest.get_mut(group as usize) {
                *newest = candidate.max(*newest);
            }
        }
        Ok(())
    }
}

fn merged(workers: Vec<Worker>, join_keys: &[Field]) -> Result<Worker, OfflineError> {
    let mut workers = workers.into_iter();
    let Some(mut all) = workers.next() else { return Worker::new(join_keys) };
    workers.try_for_each(|worker| all.absorb(worker))?;
    Ok(all)
}

/// The keys that have a row, in the order of their encoded bytes, so that a store that sorts by key
/// takes them in one sweep. Keys that cannot be encoded keep the order in which they were found.
fn order_of_keys(join_keys: &[Field], columns: &[ArrayRef], newest: &[Candidate]) -> UInt32Array {
    let found =
        || (0..NO_GROUP).zip(newest).filter(|(_, newest)| newest.position.is_some()).map(|(group, _)| group);
    let encoded = EntityKeyEncoder::try_new(join_keys, EntityKeyVersion::V3)
        .and_then(|encoder| encoder.encode(columns, newest.len()));
    match encoded {
        Ok(encoded) if !columns.is_empty() => {
            let mut keyed: Vec<_> =
                found().filter_map(|group| Some((encoded.get(group as usize)?.as_ref()?, group))).collect();
            keyed.sort_unstable();
            keyed.into_iter().map(|(_, group)| group).collect()
        }
        _ => found().collect(),
    }
}

impl Latest {
    /// What the scan saw.
    pub(crate) fn summary(&self) -> PullSummary {
        self.summary
    }

    /// Fetches the rows and hands them out part by part, until there are no more or `give` wants no
    /// more and says false.
    pub(crate) fn give_parts(&self, mut give: impl FnMut(LatestRows) -> bool) -> Result<(), OfflineError> {
        let key_schema = schema_of(&self.key_fields);
        let feature_schema = schema_of(&self.feature_fields);
        let row_bytes = self.table.bytes_per_row(&self.features);
        let window_rows = usize::try_from(WINDOW_BYTES / row_bytes).unwrap_or(usize::MAX).max(PART_ROWS);
        for (window, newest) in self.newest.chunks(window_rows).enumerate() {
            let positions: Vec<Option<Position>> = newest.iter().map(|newest| newest.position).collect();
            let gathered = Gathered::fetch(&self.table, &self.features, &positions)?;
            for (part, newest) in newest.chunks(PART_ROWS).enumerate() {
                let start = part * PART_ROWS;
                let features = gathered.span(&self.feature_fields, start..start + newest.len())?;
                let first = window * window_rows + start;
                let keys = self.keys.iter().map(|column| column.slice(first, newest.len())).collect();
                let created = |newest: &Candidate| {
                    (newest.created != NO_TIME).then(|| Timestamp::from_micros(newest.created))
                };
                let rows = LatestRows {
                    keys: batch(&key_schema, keys, newest.len())?,
                    features: batch(&feature_schema, features, newest.len())?,
                    event_timestamps: newest
                        .iter()
                        .map(|newest| Timestamp::from_micros(newest.event))
                        .collect(),
                    created_timestamps: newest.iter().map(created).collect(),
                };
                if !give(rows) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

fn schema_of(fields: &[Field]) -> SchemaRef {
    let fields = fields.iter().map(|field| ArrowField::new(&field.name, field.value_type.data_type(), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn batch(schema: &SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch, OfflineError> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
        .map_err(OfflineError::arrow("put a part together"))
}
