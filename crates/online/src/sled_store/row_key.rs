//! The keys of rows in sled.
//!
//! ```text
//! entity key bytes │ view id, 8 bytes        one tree per project
//! ```
//!
//! The entity comes first, so that all views of an entity are neighbours: they share a page, and one
//! short scan reads them all. The view id has a fixed width, so no two pairs share a key, whatever the
//! entity key holds.

use larder_core::EntityKey;

use crate::schema::first_hash_bytes;

/// The identity of a view inside its project: the start of a hash of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ViewId([u8; 8]);

impl ViewId {
    pub(super) fn of(view: &str) -> Self {
        Self(first_hash_bytes(view.as_bytes()))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether the row with this key is one of this view.
    pub(super) fn owns(self, key: &[u8]) -> bool {
        key.ends_with(&self.0)
    }

    /// The entity key and the view id of a row's key.
    pub(super) fn split(key: &[u8]) -> Option<(&[u8], Self)> {
        key.split_last_chunk().map(|(entity, view)| (entity, Self(*view)))
    }
}

/// Puts the key of a row into `buffer` and returns it.
pub(super) fn row_key<'a>(buffer: &'a mut Vec<u8>, entity: &EntityKey, view: ViewId) -> &'a [u8] {
    buffer.clear();
    buffer.extend_from_slice(entity.as_bytes());
    buffer.extend_from_slice(&view.0);
    buffer
}
