//! Writing rows, synchronously.

use larder_core::{OnlineWrite, WriteOutcome};

use super::row_key::row_key;
use super::stored_view::StoredView;
use crate::OnlineError;
use crate::newest_rows::newest_per_key;
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
