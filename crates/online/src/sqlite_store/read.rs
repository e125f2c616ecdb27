//! Reading rows, synchronously.

use std::collections::HashMap;

use larder_core::{EntityKey, OnlineColumn, OnlineRead, OnlineRows, Timestamp};
use rusqlite::{CachedStatement, Transaction, ffi};

use super::cell::{self, CellFault};
use super::connections::TransactionError;
use super::table::Table;
use crate::OnlineError;
use larder_feast_value::ValueDecoder;

/// Answers all reads.
pub(super) fn read(
    snapshot: &Transaction<'_>,
    reads: &[OnlineRead],
) -> Result<Vec<OnlineRows>, TransactionError> {
    reads.iter().map(|read| read_view(snapshot, read)).collect()
}

/// One statement a view, stepped once a key: inside one process a step costs no more than a term of an
/// `IN`, and its rows come with their key known.
fn read_view(snapshot: &Transaction<'_>, read: &OnlineRead) -> Result<OnlineRows, TransactionError> {
    let table = Table::of(&read.view.project, &read.view.name);
    let mut answer = Answer::new(read)?;
    let sql = format!("SELECT feature_name, value, event_ts FROM {} WHERE entity_key = ?1", table.rows);
    let fetched = snapshot.prepare_cached(&sql).map_err(TransactionError::from).and_then(|mut statement| {
        read.keys.iter().try_for_each(|key| answer.fetch(&table, &mut statement, key.as_ref()))
    });
    match fetched {
        Ok(()) => Ok(answer.finish()),
        // A table that nobody has made yet, or not again after it was removed, holds nothing.
        Err(TransactionError::Sqlite(error)) if may_be_missing(&error) && !table.exists(snapshot)? => {
            let mut nothing = Answer::new(read)?;
            read.keys.iter().for_each(|_| nothing.push_missing());
            Ok(nothing.finish())
        }
        Err(error) => Err(error),
    }
}

/// The keys of all rows of a view.
pub(super) fn keys(snapshot: &Transaction<'_>, table: &Table) -> Result<Vec<EntityKey>, TransactionError> {
    if !table.exists(snapshot)? {
        return Ok(Vec::new());
    }
    let sql = format!("SELECT DISTINCT entity_key FROM {}", table.rows);
    let mut statement = snapshot.prepare_cached(&sql)?;
    let mut rows = statement.query([])?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next()? {
        // What is no blob is no entity key, and nobody can ask for it.
        if let Ok(bytes) = row.get_ref(0)?.as_blob() {
            keys.push(EntityKey::from_bytes(bytes));
        }
    }
    Ok(keys)
}

/// SQLite has no error of its own for a table that is not there.
fn may_be_missing(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_ERROR)
}

/// The answer to one read, growing key by key.
struct Answer<'a> {
    /// The place of each feature that is asked for among the decoders.
    places: HashMap<&'a str, usize>,
    decoders: Vec<ValueDecoder>,
    /// For each feature that is asked for, in order, its place; one may be asked for twice.
    asked: Vec<usize>,
    event_timestamps: Vec<Option<Timestamp>>,
    /// Whether the present key has had the feature of each place.
    seen: Vec<bool>,
}

impl<'a> Answer<'a> {
    fn new(read: &'a OnlineRead) -> Result<Self, OnlineError> {
        let features = &read.view.features;
        let (mut places, mut decoders, mut asked) = (HashMap::new(), Vec::new(), Vec::new());
        for position in read.features.iter() {
            let feature = features.get(*position).ok_or_else(|| OnlineError::NoSuchFeature {
                view: read.view.name.clone(),
                position: *position,
                features: features.len(),
            })?;
            let place = *places.entry(feature.name.as_str()).or_insert_with(|| {
                decoders.push(ValueDecoder::new(&feature.value_type, read.keys.len()));
                decoders.len() - 1
            });
            asked.push(place);
        }
        let seen = vec![false; decoders.len()];
        let event_timestamps = Vec::with_capacity(read.keys.len());
        Ok(Self { places, decoders, asked, event_timestamps, seen })
    }

    /// Adds what is stored of one entity. Its time is that of its newest feature: all have one, unless
    /// Feast wrote some before the view lost them.
    fn fetch(
        &mut self,
        table: &Table,
        statement: &mut CachedStatement<'_>,
        key: Option<&EntityKey>,
    ) -> Result<(), TransactionError> {
        let Some(key) = key else {
            self.push_missing();
            return Ok(());
        };
        let mut newest = None;
        let mut rows = statement.query([key.as_bytes()])?;
        while let Some(row) = rows.next()? {
            let name = row.get_ref(0)?;
            let corrupt = |fault| corrupt_cell(table, key, name.as_str().unwrap_or("?"), fault);
            newest = newest.max(Some(cell::event_time(row.get_ref(2)?).map_err(corrupt)?));
            let place = name.as_str().ok().and_then(|name| self.places.get(name).copied());
            let decoder =
                place.and_then(|place| Some((self.decoders.get_mut(place)?, self.seen.get_mut(place)?)));
            // The primary key has a feature once; if it were twice, columns must still be even.
            if let Some((decoder, seen)) = decoder.filter(|(_, seen)| !**seen) {
                let value = cell::value(row.get_ref(1)?).map_err(corrupt)?;
                decoder.append(value).map_err(|fault| corrupt(fault.into()))?;
                *seen = true;
            }
        }
        self.close(newest);
        Ok(())
    }

    fn push_missing(&mut self) {
        self.close(None);
    }

    /// Ends a key: what it has not had is absent.
    fn close(&mut self, event_timestamp: Option<Timestamp>) {
        self.event_timestamps.push(event_timestamp);
        for (decoder, seen) in self.decoders.iter_mut().zip(&mut self.seen) {
            if !std::mem::take(seen) {
                decoder.append_absent();
            }
        }
    }

    fn finish(self) -> OnlineRows {
        let columns: Vec<OnlineColumn> = self.decoders.into_iter().map(ValueDecoder::finish).collect();
        let asked = self.asked.iter().filter_map(|place| columns.get(*place).cloned());
        OnlineRows { columns: asked.collect(), event_timestamps: self.event_timestamps }
    }
}

pub(super) fn corrupt_cell(
    table: &Table,
    key: &EntityKey,
    feature: &str,
    fault: CellFault,
) -> TransactionError {
    TransactionError::Online(OnlineError::corrupt_cell(&table.name, key, feature, fault))
}
