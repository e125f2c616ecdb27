//! Tables on their way in.

use crate::bindings::larder::job::tables;
use crate::{Error, Schema, Table};

/// A table that comes batch by batch, as an iterator of tables of at least one row. After an error there is
/// no further batch.
#[derive(Debug)]
pub struct Reader {
    parts: tables::Reader,
    schema: Schema,
    is_done: bool,
}

impl Reader {
    pub(crate) fn new(reader: tables::Reader) -> Self {
        let schema = Schema::from_fields(reader.columns());
        Self { parts: reader, schema, is_done: false }
    }

    /// The columns of every batch.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }
}

impl Iterator for Reader {
    type Item = Result<Table, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let next = self.parts.next().map_err(Error::from).transpose();
        self.is_done = !matches!(next, Some(Ok(_)));
        Some(next?.map(|batch| Table::from_batch(self.schema.clone(), batch)))
    }
}
