//! Writing rows, synchronously.

use larder_core::{OnlineWrite, WriteOutcome, WritePolicy};

use super::row_key::row_key;
use super::stored_view::StoredView;
use crate::OnlineError;
use crate::row::{RowBuffer, RowEncoder, RowHeader};
use crate::surviving_rows::surviving_rows;

/// Rows encoded at once: enough to make loops over columns worth it, few enough to stay in the cache.
const CHUNK_ROWS: usize = 256;

/// Writes the rows in the order of their keys, so that neighbours go to one page together.
pub(super) fn write(
    view: &StoredView,
    write: &OnlineWrite,
    policy: WritePolicy,
) -> Result<WriteOutcome, OnlineError> {
    let name = &view.view.name;
    let encoder = RowEncoder::try_new(&view.layout, view.schema, &write.features, &write.versions)
        .map_err(|source| OnlineError::Encode { view: name.clone(), source })?;
    let surviving = surviving_rows(&write.keys, &write.versions, policy);
    let mut outcome = WriteOutcome { written: 0, older: write.keys.len() - surviving.len() };
    let mut buffer = RowBuffer::default();
    let mut key = Vec::new();
    for chunk in surviving.chunks(CHUNK_ROWS) {
        encoder
            .encode(chunk, &mut buffer)
            .map_err(|source| OnlineError::Encode { view: name.clone(), source })?;
        for (position, row) in chunk.iter().zip(buffer.rows()) {
            let entity = write.keys.get(*position).expect("positions come from the keys");
            let place = row_key(&mut key, entity, view.id);
            let stored = match policy {
                WritePolicy::NewestWins => view.rows.merge(place, row),
                // What was there is gone, whatever it was.
                WritePolicy::LastWriteWins => view.rows.insert(place, row).map(|_| None),
            };
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
