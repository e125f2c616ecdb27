//! From the path of a source to its files.

use std::fs;
use std::path::{Path, PathBuf};

use larder_core::{FileFormat, FileSource};

use crate::error::OfflineError;

/// The files of a source, found.
#[derive(Clone, Debug)]
pub(crate) struct Located {
    /// What the path names.
    pub(crate) place: Place,
    /// The files, in source order: by name, folder by folder.
    pub(crate) files: Vec<PathBuf>,
}

/// What the path of a source names.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// One file.
    File,
    /// All files of the format in a folder and the folders in it.
    Folder(PathBuf),
    /// Whatever matches a pattern; folders that match count with all their files.
    Glob(String),
}

/// Finds the files of a source. A relative path starts at `repo_dir`; names that start with `.` or `_`
/// are left out, as they are of files in the making and of marks such as `_SUCCESS`.
pub(crate) fn locate(
    repo_dir: &Path,
    data_source: &str,
    source: &FileSource,
) -> Result<Located, OfflineError> {
    let path = source.path.strip_prefix("file://").unwrap_or(&source.path);
    let full = repo_dir.join(path);
    let not_found = |path: PathBuf| OfflineError::FileNotFound { data_source: data_source.to_owned(), path };
    let metadata = match fs::metadata(&full) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return if path.contains(['*', '?', '[']) {
                locate_glob(repo_dir, path, data_source, source.format)
            } else {
                Err(not_found(full))
            };
        }
        Err(error) => return Err(OfflineError::io("read", &full)(error)),
    };
    if !metadata.is_dir() {
        return Ok(Located { place: Place::File, files: vec![full] });
    }
    let mut files = Vec::new();
    collect(&full, source.format, &mut files)?;
    if files.is_empty() {
        return Err(no_files(data_source, full, source.format));
    }
    files.sort();
    Ok(Located { place: Place::Folder(full), files })
}

/// The files that a source reads, in source order.
///
/// # Errors
///
/// [`OfflineError`] if there are none, or they cannot be found.
pub fn files_of(
    repo_dir: &Path,
    data_source: &str,
    source: &FileSource,
) -> Result<Vec<PathBuf>, OfflineError> {
    Ok(locate(repo_dir, data_source, source)?.files)
}

/// Whether `file`, which need not be there, is or would be a file of the source.
pub fn is_file_of(repo_dir: &Path, source: &FileSource, file: &Path) -> bool {
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let path = source.path.strip_prefix("file://").unwrap_or(&source.path);
    let (full, file) = (real(&repo_dir.join(path)), real(file));
    if file == full || (full.is_dir() && file.starts_with(&full)) {
        return true;
    }
    let pattern = format!("{}/{path}", glob::Pattern::escape(&real(repo_dir).to_string_lossy()));
    let matches = |path: &Path| glob::Pattern::new(&pattern).is_ok_and(|pattern| pattern.matches_path(path));
    path.contains(['*', '?', '[']) && file.ancestors().any(matches)
}

fn locate_glob(
    repo_dir: &Path,
    path: &str,
    data_source: &str,
    format: FileFormat,
) -> Result<Located, OfflineError> {
    let pattern = if Path::new(path).is_absolute() {
        path.to_owned()
    } else {
        format!("{}/{path}", glob::Pattern::escape(&repo_dir.to_string_lossy()))
    };
    let matches = glob::glob(&pattern).map_err(|source| OfflineError::InvalidGlob {
        data_source: data_source.to_owned(),
        pattern: path.to_owned(),
        source,
    })?;
    let mut files = Vec::new();
    for found in matches {
        let found = found.map_err(|error| {
            let path = error.path().to_owned();
            OfflineError::io("read", &path)(error.into())
        })?;
        if found.is_dir() {
            collect(&found, format, &mut files)?;
        } else if !is_hidden(&found) {
            files.push(found);
        }
    }
    if files.is_empty() {
        return Err(no_files(data_source, repo_dir.join(path), format));
    }
    files.sort();
    files.dedup();
    Ok(Located { place: Place::Glob(pattern), files })
}

fn no_files(data_source: &str, path: PathBuf, format: FileFormat) -> OfflineError {
    OfflineError::NoFiles { data_source: data_source.to_owned(), path, format: format.name() }
}

fn collect(folder: &Path, format: FileFormat, files: &mut Vec<PathBuf>) -> Result<(), OfflineError> {
    for entry in fs::read_dir(folder).map_err(OfflineError::io("read", folder))? {
        let path = entry.map_err(OfflineError::io("read", folder))?.path();
        if is_hidden(&path) {
            continue;
        }
        if fs::metadata(&path).map_err(OfflineError::io("read", &path))?.is_dir() {
            collect(&path, format, files)?;
        } else if FileFormat::from_path(&path.to_string_lossy()) == Some(format) {
            files.push(path);
        }
    }
    Ok(())
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(['.', '_']))
}
