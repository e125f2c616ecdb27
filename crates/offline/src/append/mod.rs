//! Adding rows to a source: all of them or none, durable, last in source order.

mod new_file;
mod parquet_rows;
mod text_rows;
mod to_source_types;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use larder_core::{DataSource, FileFormat, FileSource};

use self::new_file::name_of_new_file;
use self::parquet_rows::{append_to_parquet, write_parquet};
use self::text_rows::append_to_text;
use self::to_source_types::to_source_types;
use crate::error::OfflineError;
use crate::file_table::{FileTable, Place, file_source, locate};
use crate::replace_file::replace_file;
use crate::write_text::write_text;

/// Adds rows to sources, one append at a time per source.
///
/// A single file is written anew beside the old one and renamed into place; a folder or glob gets one
/// more file, whose name sorts last. Other processes are not locked out: of two that append to one file
/// at the same moment, the later rename wins.
#[derive(Debug, Default)]
pub(crate) struct Appender {
    locks: Mutex<HashMap<PathBuf, Arc<Mutex<()>>>>,
}

impl Appender {
    /// Adds rows that have exactly the columns of the source's files, in any order.
    pub(crate) fn append(
        &self,
        repo_dir: &Path,
        data_source: &DataSource,
        rows: &RecordBatch,
    ) -> Result<(), OfflineError> {
        // Pushed rows have the columns of the files, as they are before the field mapping.
        let unmapped = FileSource {
            field_mapping: std::collections::BTreeMap::new(),
            ..file_source(data_source)?.clone()
        };
        let lock = self.lock_of(repo_dir, &unmapped);
        let _only_one = lock.lock().unwrap_or_else(PoisonError::into_inner);

        let located = locate(repo_dir, &data_source.name, &unmapped)?;
        let table = FileTable::open_files(&data_source.name, &unmapped, &located)?;
        let rows = to_source_types(&unmapped, &table.schema()?, rows)?;
        drop(table);
        if rows.num_rows() == 0 {
            return Ok(());
        }
        let Some(last) = located.files.last() else { return Ok(()) };
        match (&located.place, unmapped.format) {
            (Place::File, FileFormat::Parquet) => append_to_parquet(last, &rows),
            (Place::File, text) => append_to_text(last, &rows, text),
            (place, format) => {
                let path = name_of_new_file(&data_source.name, place, last, format)?;
                replace_file(&path, |writer| match format {
                    FileFormat::Parquet => write_parquet(&path, writer, &rows),
                    text => write_text(writer, &rows, text, true),
                })
            }
        }
    }

    /// The lock of whatever the path names, by whichever spelling.
    fn lock_of(&self, repo_dir: &Path, source: &FileSource) -> Arc<Mutex<()>> {
        let path = repo_dir.join(source.path.strip_prefix("file://").unwrap_or(&source.path));
        let path = fs::canonicalize(&path).unwrap_or(path);
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(locks.entry(path).or_default())
    }
}
