//! Tables on their way out.

use crate::bindings::larder::job::offline_store as wit;
use crate::{Error, Schema, TableColumns};

pub use wit::Destination;

impl Destination {
    /// The end of the table of a feature view's batch source.
    pub fn feature_view(name: impl Into<String>) -> Self {
        Self::FeatureView(name.into())
    }

    /// A file in the feature repo, Parquet, CSV or NDJSON by its ending, in place of what is there.
    pub fn file(path: impl Into<String>) -> Self {
        Self::File(path.into())
    }
}

/// A table on its way out, batch by batch. Nothing is seen of it before [`finish`](Self::finish), and nothing
/// is left of it without.
#[derive(Debug)]
pub struct Writer(wit::Writer);

impl Writer {
    /// Begins a table.
    ///
    /// # Errors
    ///
    /// If the job may not `offline-write`, or not there.
    #[expect(clippy::needless_pass_by_value, reason = "it is made where it is passed")]
    pub fn open(destination: Destination, schema: &Schema) -> Result<Self, Error> {
        Ok(Self(wit::Writer::open(&destination, schema.fields())?))
    }

    /// Adds rows: a tuple of arrays of the schema's types.
    ///
    /// # Errors
    ///
    /// If the columns are of different lengths, or not those of the schema; if a limit is reached.
    pub fn write<C: TableColumns>(&mut self, columns: C) -> Result<(), Error> {
        Ok(self.0.write(&columns.into_batch()?)?)
    }

    /// Makes all rows durable and visible at once; how many they are.
    ///
    /// # Errors
    ///
    /// If they cannot be written; the destination then is as it was.
    pub fn finish(self) -> Result<u64, Error> {
        Ok(wit::Writer::finish(self.0)?)
    }
}

/// Entity rows on their way in, batch by batch, for tables that need not fit into the job's memory.
#[derive(Debug)]
pub struct EntityRows(pub(crate) wit::EntityRows);

impl EntityRows {
    /// Begins entity rows of these columns.
    pub fn new(schema: &Schema) -> Self {
        Self(wit::EntityRows::new(schema.fields()))
    }

    /// Adds rows; as [`Writer::write`].
    ///
    /// # Errors
    ///
    /// As [`Writer::write`].
    pub fn write<C: TableColumns>(&mut self, columns: C) -> Result<(), Error> {
        Ok(self.0.write(&columns.into_batch()?)?)
    }
}
