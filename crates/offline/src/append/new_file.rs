//! Names for files that are to sort last.

use std::path::{Path, PathBuf};

use larder_core::FileFormat;

use crate::error::OfflineError;
use crate::file_table::Place;

const PUSHED: &str = "pushed-";

/// The path of a new file of a folder or glob that sorts after `last` and belongs to it as well.
///
/// Pushed files count up: `pushed-00000000000000000001.parquet`, `…02.parquet`. Where the last file's
/// name sorts after those, or a glob does not match them, its name is put in front.
pub(crate) fn name_of_new_file(
    data_source: &str,
    place: &Place,
    last: &Path,
    format: FileFormat,
) -> Result<PathBuf, OfflineError> {
    let last_name = last.file_name().unwrap_or_default().to_string_lossy();
    let ending = match format {
        FileFormat::Parquet => "parquet",
        FileFormat::Csv => "csv",
        _ => "ndjson",
    };
    let name = |prefix: &str, number: u64| format!("{prefix}{PUSHED}{number:020}.{ending}");
    let counted_on = last_name.rfind(PUSHED).and_then(|place| {
        let (prefix, rest) = (last_name.get(..place)?, last_name.get(place + PUSHED.len()..)?);
        let number: u64 = rest.split('.').next()?.parse().ok()?;
        Some(name(prefix, number.checked_add(1)?))
    });
    let candidates = [counted_on, Some(name("", 1)), Some(name(&format!("{last_name}."), 1))];
    let pattern = match place {
        Place::Glob(pattern) => glob::Pattern::new(pattern).ok(),
        Place::File | Place::Folder(_) => None,
    };
    // A folder that the pattern matches takes all its files, whatever they are called.
    let inside_match = pattern
        .as_ref()
        .is_some_and(|pattern| last.parent().is_some_and(|folder| pattern.matches_path(folder)));
    let belongs =
        |path: &Path| inside_match || pattern.as_ref().is_none_or(|pattern| pattern.matches_path(path));
    candidates
        .into_iter()
        .flatten()
        .map(|name| last.with_file_name(name))
        .find(|path| path.as_path() > last && belongs(path))
        .ok_or_else(|| OfflineError::NoNameForAppend {
            data_source: data_source.to_owned(),
            pattern: match place {
                Place::Glob(pattern) => pattern.clone(),
                Place::Folder(folder) => folder.display().to_string(),
                Place::File => last.display().to_string(),
            },
            last: last.to_owned(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(place: &Place, last: &str) -> Result<String, OfflineError> {
        let path = name_of_new_file("s", place, Path::new(last), FileFormat::Parquet)?;
        assert!(path.as_path() > Path::new(last), "{path:?} sorts after {last}");
        Ok(path.to_string_lossy().into_owned())
    }

    #[test]
    fn new_files_sort_last_whatever_the_others_are_called() {
        let folder = Place::Folder("/d".into());
        assert_eq!(after(&folder, "/d/part-7.parquet").unwrap(), "/d/pushed-00000000000000000001.parquet");
        assert_eq!(
            after(&folder, "/d/pushed-00000000000000000009.parquet").unwrap(),
            "/d/pushed-00000000000000000010.parquet"
        );
        assert_eq!(
            after(&folder, "/d/z.parquet").unwrap(),
            "/d/z.parquet.pushed-00000000000000000001.parquet"
        );
        assert_eq!(
            after(&folder, "/d/z.parquet.pushed-00000000000000000001.parquet").unwrap(),
            "/d/z.parquet.pushed-00000000000000000002.parquet"
        );
    }

    #[test]
    fn new_files_match_the_glob_or_are_refused() {
        let glob = Place::Glob("/d/part-*.parquet".to_owned());
        assert_eq!(
            after(&glob, "/d/part-7.parquet").unwrap(),
            "/d/part-7.parquet.pushed-00000000000000000001.parquet"
        );
        let exact = Place::Glob("/d/part-?.parquet".to_owned());
        let error = after(&exact, "/d/part-7.parquet").unwrap_err();
        assert!(matches!(error, OfflineError::NoNameForAppend { .. }));
        let folders = Place::Glob("/d/day=*".to_owned());
        assert_eq!(
            after(&folders, "/d/day=3/part.parquet").unwrap(),
            "/d/day=3/pushed-00000000000000000001.parquet"
        );
    }
}
