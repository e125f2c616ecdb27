//! Rows of a request that ask for the same key: read once, answered each.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, UInt64Array};
use arrow::buffer::BooleanBuffer;
use arrow::compute::take;
use larder_core::{EntityKey, Error, ErrorKind, OnlineRows, Result, Timestamp};

/// The keys of a request, each once.
#[derive(Clone, Debug)]
pub(crate) struct DistinctKeys {
    pub(crate) keys: Arc<[Option<EntityKey>]>,
    /// For each row of the request the position of its key; `None` if they are the same.
    pub(crate) rows: Option<Arc<[usize]>>,
}

impl DistinctKeys {
    pub(crate) fn new(keys: Vec<Option<EntityKey>>) -> Self {
        if keys.len() < 2 {
            return Self { keys: keys.into(), rows: None };
        }
        let mut positions = HashMap::with_capacity(keys.len());
        let rows: Vec<usize> = keys
            .iter()
            .map(|key| {
                let next = positions.len();
                *positions.entry(key.as_ref()).or_insert(next)
            })
            .collect();
        if positions.len() == keys.len() {
            return Self { keys: keys.into(), rows: None };
        }
        let mut distinct = Vec::with_capacity(positions.len());
        for (key, row) in keys.iter().zip(&rows) {
            if *row == distinct.len() {
                distinct.push(key.clone());
            }
        }
        Self { keys: distinct.into(), rows: Some(rows.into()) }
    }
}

/// The answer of one view for every row of a request.
#[derive(Clone, Debug)]
pub(crate) struct ViewRows {
    pub(crate) event_timestamps: Arc<[Option<Timestamp>]>,
    pub(crate) columns: Vec<(ArrayRef, BooleanBuffer)>,
    /// The rows that are older than the view's ttl, where that counts.
    pub(crate) expired: Option<BooleanBuffer>,
}

impl ViewRows {
    /// Gives each row of the request the values of its key.
    pub(crate) fn fan_out(answer: OnlineRows, rows: Option<&[usize]>) -> Result<Self> {
        let Some(rows) = rows else {
            return Ok(Self {
                event_timestamps: answer.event_timestamps.into(),
                columns: answer.columns.into_iter().map(|column| (column.values, column.present)).collect(),
                expired: None,
            });
        };
        let indices: UInt64Array = rows.iter().map(|row| *row as u64).collect();
        let event_timestamps =
            rows.iter().map(|row| answer.event_timestamps.get(*row).copied().flatten()).collect();
        let columns = answer
            .columns
            .into_iter()
            .map(|column| {
                let values = take(&column.values, &indices, None)
                    .map_err(|source| Error::new(ErrorKind::Internal, source))?;
                let present: BooleanBuffer = rows.iter().map(|row| column.present.value(*row)).collect();
                Ok((values, present))
            })
            .collect::<Result<_>>()?;
        Ok(Self { event_timestamps, columns, expired: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> EntityKey {
        EntityKey::from_bytes(&[byte])
    }

    #[test]
    fn equal_keys_are_read_once_and_every_row_finds_its_own() {
        let all = vec![Some(key(3)), Some(key(1)), None, Some(key(3)), Some(key(1)), None];
        let distinct = DistinctKeys::new(all.clone());
        assert_eq!(*distinct.keys, [Some(key(3)), Some(key(1)), None]);
        let again: Vec<_> = distinct.rows.unwrap().iter().map(|row| distinct.keys[*row].clone()).collect();
        assert_eq!(again, all);
    }

    #[test]
    fn keys_that_differ_are_passed_on_as_they_are() {
        let distinct = DistinctKeys::new(vec![Some(key(2)), Some(key(1))]);
        assert_eq!((&*distinct.keys, distinct.rows), (&[Some(key(2)), Some(key(1))][..], None));
    }
}
