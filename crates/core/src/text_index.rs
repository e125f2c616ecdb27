//! Finding texts by their words, as a trait: an index is built, asked once, and thrown away.

use std::fmt::Debug;

use crate::Result;

/// Makes indexes.
pub trait TextIndexes: Debug + Send + Sync + 'static {
    /// An empty index of rows with so many texts each, which have these names in a query.
    ///
    /// # Errors
    ///
    /// If it cannot be made.
    fn begin(&self, names: &[String]) -> Result<Box<dyn TextIndex>>;
}

/// Rows of texts, in the making until they are searched. Its methods block.
pub trait TextIndex: Debug + Send {
    /// Adds a row under a number of its own.
    ///
    /// # Errors
    ///
    /// If the index cannot grow.
    fn add(&mut self, row: usize, texts: &[Option<&str>]) -> Result<()>;

    /// The rows in which a query is found with their ranks by BM25, the best first: the smaller a rank, the better.
    /// Rows of one rank are in the order of their numbers.
    ///
    /// The words of a query must all be found, in any form that has their stem, in any of the texts. `OR`, `NOT`,
    /// phrases in quotes, `wor*` and `name : word` are as in `SQLite`'s FTS5; what is no such query is taken as words.
    ///
    /// # Errors
    ///
    /// [`RequestError`](crate::RequestError) for a query without words.
    fn search(&self, query: &str) -> Result<Vec<(usize, f64)>>;
}
