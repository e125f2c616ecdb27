//! The offline store over files: feature history in Parquet, CSV and NDJSON, and the point-in-time join
//! over it.
//!
//! [`FileOfflineStore`] implements [`larder_core::OfflineStore`] for file sources: one file, a folder
//! with all its folders, or a glob, with files in the order of their names. [`table`] and
//! [`entity_frame`] read what a caller joins to and write what comes out; [`infer_fields()`] tells `apply`
//! what a source holds.
//!
//! It is not a query engine. It knows one join, described in `point_in_time_join`, and one reduction,
//! the newest row per key, which is the same code. It runs no transformation and knows no registry:
//! [`larder_core::ViewJoin`] brings everything a join needs.
//!
//! How tables are read:
//! - a column is found by the name it has after the source's field mapping, in every file by itself;
//! - event and created times may be any Arrow timestamp or date, RFC 3339 text, or whole seconds; no
//!   zone is UTC; rows without event time are skipped, and a warning counts them;
//! - the types of CSV and NDJSON columns are the narrowest that hold all values of a file, and declared
//!   types go first: a `String` key keeps its leading zeros; `Bytes` are base64, and a list in a CSV
//!   cell is a JSON array; an empty CSV cell is null.

mod append;
pub mod entity_frame;
mod error;
mod file_offline_store;
mod file_table;
mod infer_fields;
mod point_in_time_join;
mod pull_all;
mod pull_latest;
mod replace_file;
mod stream_of_parts;
pub mod table;
mod write_text;

pub use error::OfflineError;
pub use file_offline_store::FileOfflineStore;
pub use file_table::{files_of, is_file_of};
pub use infer_fields::{AmbiguousTimestamp, UnknownColumnType, infer_fields, infer_timestamp_field};
