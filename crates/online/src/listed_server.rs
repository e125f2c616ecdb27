//! Where processes serve that share a store which admits many.
//!
//! ```text
//! <folder>/<process>.json    {"http":"127.0.0.1:6566","pid":4711}, locked by that process
//! ```
//!
//! A file counts only while it is locked: a server that was killed leaves its file behind, and the next
//! process to look deletes it.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::{OnlineError, ServerAddress};

/// The address of a server in the list; dropping it takes the address off.
#[derive(Debug)]
#[must_use = "dropping it takes the address off the list"]
pub struct ListedServer {
    path: PathBuf,
    /// Says, by its lock, that the process lives.
    _file: File,
}

impl ListedServer {
    /// Puts `address` on the list in `folder`, which is created if it is missing. Readers see none or all of
    /// it.
    ///
    /// # Errors
    ///
    /// [`OnlineError::Folder`] if the file cannot be written or locked.
    pub fn publish(folder: &Path, address: &ServerAddress) -> Result<Self, OnlineError> {
        let path = folder.join(format!("{}.json", address.pid));
        let json = serde_json::to_vec(address).expect("an address has a JSON form");
        let write = || {
            fs::create_dir_all(folder)?;
            let temporary = path.with_extension("new");
            let mut file = File::create(&temporary)?;
            file.write_all(&json)?;
            // Before the file has its name, else a reader could take it for one that was left behind.
            file.lock()?;
            fs::rename(&temporary, &path)?;
            Ok(file)
        };
        match write() {
            Ok(file) => Ok(Self { path, _file: file }),
            Err(source) => Err(OnlineError::Folder { action: "write", path, source }),
        }
    }

    /// The servers on the list in `folder`, by their processes; none if there is no such folder. What
    /// cannot be read is a server that is just coming or going, and is left out.
    ///
    /// # Errors
    ///
    /// [`OnlineError::Folder`] if the folder cannot be read.
    pub fn read_all(folder: &Path) -> Result<Vec<ServerAddress>, OnlineError> {
        let files = match fs::read_dir(folder) {
            Ok(files) => files,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => {
                return Err(OnlineError::Folder { action: "read", path: folder.to_owned(), source });
            }
        };
        let paths = files.filter_map(Result::ok).map(|file| file.path());
        let listed = paths.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
        let mut servers: Vec<ServerAddress> = listed.filter_map(|path| living(&path)).collect();
        servers.sort_by_key(|server| server.pid);
        Ok(servers)
    }
}

fn living(path: &Path) -> Option<ServerAddress> {
    let file = File::open(path).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => serde_json::from_slice(&fs::read(path).ok()?).ok(),
        Ok(()) => {
            drop(fs::remove_file(path));
            None
        }
        Err(TryLockError::Error(_)) => None,
    }
}

impl Drop for ListedServer {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "the published address could not be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(pid: u32) -> ServerAddress {
        ServerAddress { http: ([127, 0, 0, 1], 6566).into(), pid, certificate: None }
    }

    #[test]
    fn servers_are_listed_as_long_as_they_live() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("servers");
        assert_eq!(ListedServer::read_all(&folder).unwrap(), []);
        let first = ListedServer::publish(&folder, &address(1)).unwrap();
        let second = ListedServer::publish(&folder, &address(2)).unwrap();
        assert_eq!(ListedServer::read_all(&folder).unwrap(), [address(1), address(2)]);
        drop(first);
        assert_eq!(ListedServer::read_all(&folder).unwrap(), [address(2)]);
        drop(second);
        assert_eq!(ListedServer::read_all(&folder).unwrap(), []);
    }

    #[test]
    fn what_a_dead_server_left_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let left = folder.path().join("7.json");
        fs::write(&left, serde_json::to_vec(&address(7)).unwrap()).unwrap();
        assert_eq!(ListedServer::read_all(folder.path()).unwrap(), []);
        assert!(!left.exists());
    }
}
