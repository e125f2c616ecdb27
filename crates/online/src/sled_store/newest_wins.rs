//! Newest wins, as one atomic step of sled.

use crate::row::RowHeader;

/// Decides which of two rows stays: the incoming one iff it
/// [`replaces`](larder_core::RowVersion::replaces) the stored one.
///
/// This is the merge operator of every tree of rows. Sled calls it with the stored value and installs
/// the result with one compare-and-swap on the page; if another writer was faster it calls again with
/// what that one stored. So no write is decided on a value that is no longer there, and concurrent
/// writers end in the newest row in whatever order they come. It takes one descent of the tree, where a
/// get and a compare-and-swap take two, and no lock, where a transaction stops all readers of all
/// databases of the process.
///
/// A stored row whose header cannot be read stays, and the writer, who gets it back, reports it.
#[expect(clippy::unnecessary_wraps, reason = "sled's signature, where `None` would delete")]
pub(super) fn newest_wins(_key: &[u8], stored: Option<&[u8]>, incoming: &[u8]) -> Option<Vec<u8>> {
    let stays = stored.filter(|stored| match (RowHeader::read(stored), RowHeader::read(incoming)) {
        (Ok(stored), Ok(incoming)) => !incoming.version.replaces(stored.version),
        _ => true,
    });
    Some(stays.unwrap_or(incoming).to_vec())
}
