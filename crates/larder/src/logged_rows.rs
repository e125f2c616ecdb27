//! The logged answers of a feature service between two times.

use std::fs;
use std::io::ErrorKind as IoErrorKind;
use std::path::{Path, PathBuf};

use arrow::array::{Array as _, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use larder_core::column::to_timestamps;
use larder_core::{Error, ErrorKind, RequestError, Result, Timestamp};
use larder_offline::table::visit_table;

use crate::feature_log::LOG_TIMESTAMP;

/// The logged answers of a feature service between two times, both included.
#[derive(Debug)]
pub(crate) struct LoggedRows {
    /// The folder of the log, which may hold folders.
    pub(crate) folder: PathBuf,
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
}

impl LoggedRows {
    /// Calls `visit` with the rows, file by file and batch by batch. A folder that is not there holds
    /// nothing.
    pub(crate) fn visit(&self, visit: &mut dyn FnMut(&RecordBatch) -> Result<()>) -> Result<()> {
        let mut files = Vec::new();
        collect(&self.folder, &mut files)?;
        files.sort();
        for file in files {
            visit_table(&file, &mut |rows| {
                let rows = self.between(rows, &file)?;
                if rows.num_rows() > 0 { visit(&rows) } else { Ok(()) }
            })?;
        }
        Ok(())
    }

    fn between(&self, rows: &RecordBatch, file: &Path) -> Result<RecordBatch> {
        let Some(times) = rows.column_by_name(LOG_TIMESTAMP) else {
            return Err(RequestError::other(format!(
                "`{}` is no file of a feature log: it has no column `{LOG_TIMESTAMP}`",
                file.display()
            ))
            .into());
        };
        let times = to_timestamps(LOG_TIMESTAMP, times)?;
        let span = self.start.micros()..=self.end.micros();
        let wanted: BooleanArray = (0..times.len())
            .map(|row| Some(times.is_valid(row) && span.contains(&times.value(row))))
            .collect();
        filter_record_batch(rows, &wanted).map_err(|source| Error::new(ErrorKind::Internal, source))
    }
}

/// The Parquet files of a folder and the folders in it, without those in the making, which begin with `.` or
/// `_`.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let failed = |source| Error::new(ErrorKind::Unavailable, source);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == IoErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with(['.', '_']) {
            continue;
        }
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|ending| ending == "parquet") {
            files.push(path);
        }
    }
    Ok(())
}
