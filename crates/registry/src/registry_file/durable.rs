//! Replacing a file so that a crash leaves the old one or the new one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::error::RegistryError;

/// The exclusive right to replace a file, held until dropped. Also given up when the process dies.
#[derive(Debug)]
pub(super) struct WriteLock {
    _file: File,
}

impl WriteLock {
    /// Waits until no other writer, of this or any other process, holds the lock.
    pub(super) fn acquire(path: &Path) -> Result<Self, RegistryError> {
        create_folder_of(path)?;
        let lock_path = with_suffix(path, ".lock");
        let failed = |source| RegistryError::Write { path: lock_path.clone(), source };
        let file =
            OpenOptions::new().create(true).truncate(false).write(true).open(&lock_path).map_err(failed)?;
        file.lock().map_err(failed)?;
        remove_leftovers(path);
        Ok(Self { _file: file })
    }
}

/// Tells one state of a file from another, without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileStamp {
    modified: Option<std::time::SystemTime>,
    length: u64,
    /// A replaced file is another file, even within one tick of the file system's clock.
    #[cfg(unix)]
    inode: u64,
}

impl FileStamp {
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        Ok(Self {
            modified: metadata.modified().ok(),
            length: metadata.len(),
            #[cfg(unix)]
            inode: std::os::unix::fs::MetadataExt::ino(&metadata),
        })
    }
}

/// Replaces the file at `path`, or makes it. Durable when this returns.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), RegistryError> {
    create_folder_of(path)?;
    Replacement::prepare(path, bytes)?.commit()
}

/// The new content of a file, complete and durable under another name.
#[derive(Debug)]
pub(super) struct Replacement<'a> {
    path: &'a Path,
    temporary: PathBuf,
}

impl<'a> Replacement<'a> {
    pub(super) fn prepare(path: &'a Path, bytes: &[u8]) -> Result<Self, RegistryError> {
        let temporary = with_suffix(path, &format!(".{}{TEMPORARY}", random_hex(path)?));
        let failed = |source| RegistryError::Write { path: temporary.clone(), source };
        let mut file = OpenOptions::new().create_new(true).write(true).open(&temporary).map_err(failed)?;
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        written.inspect_err(|_| _ = fs::remove_file(&temporary)).map_err(failed)?;
        Ok(Self { path, temporary })
    }

    pub(super) fn commit(self) -> Result<(), RegistryError> {
        let failed = |source| RegistryError::Write { path: self.path.to_owned(), source };
        fs::rename(&self.temporary, self.path).map_err(failed)?;
        sync_folder(folder_of(self.path)).map_err(failed)
    }
}

const TEMPORARY: &str = ".tmp";

/// Removes what writers that died have left. Only for the holder of the lock: there is no other writer.
fn remove_leftovers(path: &Path) {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return };
    let Ok(entries) = fs::read_dir(folder_of(path)) else { return };
    for entry in entries.flatten() {
        let file_name = entry.file_name();
        let rest = file_name.to_str().and_then(|file| file.strip_prefix(name)?.strip_prefix('.'));
        if rest.and_then(|rest| rest.strip_suffix(TEMPORARY)).is_some_and(is_random_hex) {
            // One that stays does no harm.
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn create_folder_of(path: &Path) -> Result<(), RegistryError> {
    let folder = folder_of(path);
    fs::create_dir_all(folder).map_err(|source| RegistryError::Write { path: folder.to_owned(), source })
}

/// Makes a rename durable.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn random_bytes<const N: usize>(path: &Path) -> Result<[u8; N], RegistryError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| RegistryError::Write {
        path: path.to_owned(),
        source: io::Error::other(format!("the operating system gives no random bytes: {error}")),
    })?;
    Ok(bytes)
}

fn random_hex(path: &Path) -> Result<String, RegistryError> {
    Ok(format!("{:016x}", u64::from_le_bytes(random_bytes(path)?)))
}

fn is_random_hex(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A random UUID of version 4, as Feast puts into `version_id`.
pub(super) fn random_uuid(path: &Path) -> Result<String, RegistryError> {
    let random = u128::from_le_bytes(random_bytes(path)?);
    // Version 4 in the 13th digit, variant 1 in the 17th.
    let uuid = (random & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{uuid:032x}");
    let parts = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)]
        .map(|(from, to)| hex.get(from..to).unwrap_or_default());
    Ok(parts.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_that_dies_before_the_rename_leaves_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("registry.db");
        replace(&path, b"old").unwrap();
        let prepared = Replacement::prepare(&path, b"new").unwrap();
        assert!(prepared.temporary.exists());
        drop(prepared);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        drop(WriteLock::acquire(&path).unwrap());
        let names: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names.len(), 2, "the leftover is removed, file and lock stay: {names:?}");
    }

    #[test]
    fn a_replaced_file_has_another_stamp() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("registry.db");
        replace(&path, b"one").unwrap();
        let first = FileStamp::of(&path).unwrap();
        assert_eq!(FileStamp::of(&path).unwrap(), first);
        replace(&path, b"two").unwrap();
        assert_ne!(FileStamp::of(&path).unwrap(), first);
    }

    #[test]
    fn a_uuid_has_its_version_and_variant() {
        for _ in 0..64 {
            let uuid = random_uuid(Path::new("x")).unwrap();
            let lengths: Vec<usize> = uuid.split('-').map(str::len).collect();
            assert_eq!(lengths, [8, 4, 4, 4, 12]);
            assert_eq!(uuid.as_bytes()[14], b'4', "{uuid}");
            assert!(b"89ab".contains(&uuid.as_bytes()[19]), "{uuid}");
        }
    }
}
