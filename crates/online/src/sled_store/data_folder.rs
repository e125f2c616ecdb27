//! The folder of a store: its lock, its format, and where sled's files are.
//!
//! ```text
//! <folder>/lock          locked by the process that has the store open
//!          format        one line: the format of everything below
//!          server.json   where that process serves, if it does
//!          sled/         sled's own files
//! ```

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::OnlineError;
use crate::server_address::{self, ServerAddress};

/// What the format file says. Changed whenever keys, rows or trees change their meaning.
const FORMAT: &str = "larder online store 1";
const LOCK_FILE: &str = "lock";
const FORMAT_FILE: &str = "format";
const SLED_FOLDER: &str = "sled";

/// Another process asks who holds the folder by locking it for an instant, so one refusal proves
/// nothing.
const LOCK_ATTEMPTS: usize = 5;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// A data folder that this process holds until the value is dropped.
#[derive(Debug)]
pub(crate) struct DataFolder {
    path: PathBuf,
    _lock: File,
}

impl DataFolder {
    /// Creates the folder if it is missing, locks it and checks its format.
    pub(crate) fn open(path: &Path) -> Result<Self, OnlineError> {
        fs::create_dir_all(path).map_err(failed("create", path))?;
        let lock = lock(path)?;
        server_address::remove_stale(path)?;
        let folder = Self { path: path.to_owned(), _lock: lock };
        folder.check_format()?;
        Ok(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn sled(&self) -> PathBuf {
        self.path.join(SLED_FOLDER)
    }

    fn check_format(&self) -> Result<(), OnlineError> {
        let path = self.path.join(FORMAT_FILE);
        let unknown = |found: &str| OnlineError::UnknownFormat {
            path: self.path.clone(),
            found: found.to_owned(),
            expected: FORMAT,
        };
        match fs::read(&path) {
            Ok(bytes) if bytes.trim_ascii() == FORMAT.as_bytes() => Ok(()),
            Ok(bytes) => {
                Err(unknown(String::from_utf8_lossy(bytes.trim_ascii()).lines().next().unwrap_or("")))
            }
            // The format is written before sled's first file, so these files are not larder's.
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.sled().exists() => {
                Err(unknown("none"))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                replace_file(&path, format!("{FORMAT}\n").as_bytes())
            }
            Err(source) => Err(OnlineError::Folder { action: "read", path, source }),
        }
    }
}

/// Whether some process holds the folder.
pub(crate) fn is_held(folder: &Path) -> Result<bool, OnlineError> {
    let path = folder.join(LOCK_FILE);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(source) => return Err(OnlineError::Folder { action: "open", path, source }),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(source)) => Err(OnlineError::Folder { action: "lock", path, source }),
    }
}

/// Writes a file whole or not at all, also if the machine stops.
pub(crate) fn replace_file(path: &Path, bytes: &[u8]) -> Result<(), OnlineError> {
    let temporary = path.with_extension("new");
    let write = || {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        sync_parent(path)
    };
    write().map_err(failed("write", path))
}

/// Makes the names in the folder of `path` durable.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        #[cfg(unix)]
        Some(parent) => File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}

fn lock(folder: &Path) -> Result<File, OnlineError> {
    let path = folder.join(LOCK_FILE);
    let mut options = OpenOptions::new();
    let file = options.create(true).truncate(false).write(true).open(&path).map_err(failed("open", &path))?;
    for attempt in 1.. {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if attempt < LOCK_ATTEMPTS => std::thread::sleep(LOCK_PAUSE),
            Err(TryLockError::WouldBlock) => {
                let holder = ServerAddress::published(folder).unwrap_or_else(|error| {
                    tracing::warn!(error = %larder_core::Error::from(error).chain(), "the holder's address cannot be read");
                    None
                });
                return Err(OnlineError::Locked { path: folder.to_owned(), holder });
            }
            Err(TryLockError::Error(source)) => {
                return Err(OnlineError::Folder { action: "lock", path, source });
            }
        }
    }
    Ok(file)
}

pub(crate) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> OnlineError {
    let path = path.to_owned();
    move |source| OnlineError::Folder { action, path, source }
}
