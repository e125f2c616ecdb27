//! The entity keys of the rows of one view.

use arrow::array::ArrayRef;
use larder_core::{EntityKey, EntityKeyEncoder, EntityKeyError, EntityKeyVersion, Field};

/// Makes the entity keys of the rows of one view, with or without entities.
#[derive(Debug)]
pub(crate) enum RowKeys {
    /// A view without entities has one row.
    One(EntityKey),
    /// One key per row.
    Columns(EntityKeyEncoder),
}

impl RowKeys {
    /// Prepares to make keys from columns of `join_keys`; without any, every row has the one hidden key.
    pub(crate) fn try_new(join_keys: &[Field], version: EntityKeyVersion) -> Result<Self, EntityKeyError> {
        if join_keys.is_empty() {
            return Ok(Self::One(EntityKeyEncoder::dummy_key(version)));
        }
        EntityKeyEncoder::try_new(join_keys, version).map(Self::Columns)
    }

    /// The key of every row; `None` where a join key is null.
    pub(crate) fn encode(
        &self,
        columns: &[ArrayRef],
        rows: usize,
    ) -> Result<Vec<Option<EntityKey>>, EntityKeyError> {
        match self {
            Self::One(key) => Ok(vec![Some(key.clone()); rows]),
            Self::Columns(encoder) => encoder.encode(columns, rows),
        }
    }
}
