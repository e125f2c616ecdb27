//! Writing a file so that readers and crashes find the old one or the new one, never a part.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::OfflineError;

/// Writes the whole content of `path`: to a hidden file beside it, synced, then renamed into place, and
/// the rename synced too. Permissions of a file that is replaced are kept. When this returns the
/// content survives a crash; when it fails, what was there before still is.
pub(crate) fn replace_file(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<(), OfflineError>,
) -> Result<(), OfflineError> {
    let (replacement, mut writer) = Replacement::begin(path)?;
    write(&mut writer)?;
    replacement.commit(writer)
}

/// The new content of a file in the making. Dropped before it is committed, it leaves nothing.
#[derive(Debug)]
pub(crate) struct Replacement {
    path: PathBuf,
    temporary: PathBuf,
}

impl Replacement {
    /// Begins, and gives the writer of the content.
    pub(crate) fn begin(path: &Path) -> Result<(Self, BufWriter<File>), OfflineError> {
        // The target of a link is replaced, not the link.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let temporary = temporary_name(&path);
        let io = |path: &Path| OfflineError::io("write", path);
        let file = File::create(&temporary).map_err(io(&temporary))?;
        let replacement = Self { path, temporary };
        if let Ok(replaced) = fs::metadata(&replacement.path) {
            let temporary = &replacement.temporary;
            fs::set_permissions(temporary, replaced.permissions()).map_err(io(temporary))?;
        }
        Ok((replacement, BufWriter::with_capacity(1 << 18, file)))
    }

    /// Puts the content into place, durable.
    pub(crate) fn commit(self, mut writer: BufWriter<File>) -> Result<(), OfflineError> {
        let written = writer.flush().and_then(|()| writer.get_ref().sync_all());
        written.map_err(OfflineError::io("write", &self.temporary))?;
        drop(writer);
        fs::rename(&self.temporary, &self.path).map_err(OfflineError::io("write", &self.path))?;
        sync_folder(&self.path)
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        // There is none after the rename; one that stays behind is hidden from readers.
        let _ = fs::remove_file(&self.temporary);
    }
}

/// A hidden name in the same folder, so that a rename stays on one disk, and one that no other writer
/// uses.
fn temporary_name(path: &Path) -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    path.with_file_name(format!(".{name}.{}-{number}.tmp", std::process::id()))
}

#[cfg(unix)]
fn sync_folder(path: &Path) -> Result<(), OfflineError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(OfflineError::io("sync", folder))
}

#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> Result<(), OfflineError> {
    // Only Unix opens folders; elsewhere the rename is as durable as the file system makes it.
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_failed_write_leaves_the_old_content_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.csv");
        fs::write(&path, "old").unwrap();
        let result = replace_file(&path, |writer| {
            writer.write_all(b"half of the n").unwrap();
            Err(OfflineError::Closed)
        });
        assert!(matches!(result, Err(OfflineError::Closed)));
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(names(folder.path()), ["table.csv"]);
    }

    #[test]
    fn the_old_content_is_there_until_the_new_one_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.csv");
        fs::write(&path, "old").unwrap();
        replace_file(&path, |writer| {
            writer.write_all(b"new").unwrap();
            writer.flush().unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), "old");
            Ok(())
        })
        .unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(names(folder.path()), ["table.csv"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link_and_permissions_stay() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("table.csv"), folder.path().join("link.csv"));
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        replace_file(&link, |writer| {
            writer.write_all(b"new").unwrap();
            Ok(())
        })
        .unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    }
}
