//! Writing rows, synchronously.

use larder_core::{EntityKey, OnlineWrite, RowVersion, WriteOutcome};

use super::row_key::row_key;
use super::stored_view::StoredView;
use crate::OnlineError;
use crate::row::{RowBuffer, RowEncoder, RowHeader};

/// Rows encoded at once: enough to make loops over columns worth it, few enough to stay in the cache.
const CHUNK_ROWS: usize = 256;

/// Writes the rows in the order of their keys, so that neighbours go to one page together.
pub(super) fn write(view: &StoredView, write: &OnlineWrite) -> Result<WriteOutcome, OnlineError> {
    let name = &view.view.name;
    let encoder = RowEncoder::try_new(&view.layout, view.schema, &write.features, &write.versions)
        .map_err(|source| OnlineError::Encode { view: name.clone(), source })?;
    let newest = newest_per_key(&write.keys, &write.versions);
    let mut outcome = WriteOutcome { written: 0, older: write.keys.len() - newest.len() };
    let mut buffer = RowBuffer::default();
    let mut key = Vec::new();
    for chunk in newest.chunks(CHUNK_ROWS) {
        encoder
            .encode(chunk, &mut buffer)
            .map_err(|source| OnlineError::Encode { view: name.clone(), source })?;
        for (position, row) in chunk.iter().zip(buffer.rows()) {
            let entity = write.keys.get(*position).expect("positions come from the keys");
            let stored = view.rows.merge(row_key(&mut key, entity, view.id), row);
            match stored.map_err(OnlineError::io(name))? {
                Some(stored) if stored != row => {
                    RowHeader::read(&stored)
                        .map_err(|source| OnlineError::CorruptRow { view: name.clone(), source })?;
                    outcome.older += 1;
                }
                _ => outcome.written += 1,
            }
        }
    }
    Ok(outcome)
}

/// The position of the newest row of every key, the last of equally new ones, in the order of the keys.
fn newest_per_key(keys: &[EntityKey], versions: &[RowVersion]) -> Vec<usize> {
    let mut rows: Vec<(&EntityKey, &RowVersion, usize)> =
        keys.iter().zip(versions).enumerate().map(|(row, (key, version))| (key, version, row)).collect();
    // Rows of one key end with the newest.
    if !rows.is_sorted_by(|a, b| a.0 < b.0) {
        rows.sort_unstable();
    }
    let last_of_key = rows.chunk_by(|a, b| a.0 == b.0).filter_map(<[_]>::last);
    last_of_key.map(|(_, _, row)| *row).collect()
}

#[cfg(test)]
mod tests {
    use larder_core::Timestamp;

    use super::*;

    #[test]
    fn of_rows_with_one_key_the_newest_is_written_and_the_last_of_equals() {
        let key = |name: &str| EntityKey::from_bytes(name.as_bytes());
        let version =
            |micros| RowVersion { event_timestamp: Timestamp::from_micros(micros), created_timestamp: None };
        let keys = [key("b"), key("a"), key("b"), key("a"), key("b"), key("c")];
        let versions = [version(5), version(1), version(9), version(1), version(7), version(0)];
        assert_eq!(newest_per_key(&keys, &versions), [3, 2, 5]);
        assert_eq!(newest_per_key(&[], &[]), [0; 0]);
    }
}
