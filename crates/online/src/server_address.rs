//! Where the process that holds a data folder serves.
//!
//! A folder admits one process. A server that holds it publishes its address there, so that other
//! processes go through it:
//!
//! ```text
//! <folder>/server.json    {"http":"127.0.0.1:6566","pid":4711}
//! ```
//!
//! A server that speaks TLS also publishes its certificate, as `"certificate"`: DER in base64.
//!
//! The file counts only while the folder is locked: a server that was killed leaves it behind, and the
//! next process to open the folder deletes it.

use std::fmt;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::OnlineError;
use crate::sled_store::data_folder::{self, DataFolder};

const FILE: &str = "server.json";

/// The address of a server that holds a data folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerAddress {
    /// Where it answers HTTP. A server that listens on all interfaces publishes a loopback address.
    pub http: SocketAddr,
    /// Its process.
    pub pid: u32,
    /// The certificate that it shows, in DER; `None` if it speaks plain HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "in_base64")]
    pub certificate: Option<Vec<u8>>,
}

mod in_base64 {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD as BASE64;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    #[expect(clippy::ref_option, reason = "serde asks for this form")]
    pub(super) fn serialize<S: Serializer>(
        certificate: &Option<Vec<u8>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        certificate.as_ref().map(|der| BASE64.encode(der)).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<u8>>, D::Error> {
        let text: Option<String> = Option::deserialize(deserializer)?;
        text.map(|text| BASE64.decode(text).map_err(D::Error::custom)).transpose()
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.certificate.is_some() { "https" } else { "http" };
        write!(f, "{scheme}://{} (process {})", self.http, self.pid)
    }
}

impl ServerAddress {
    /// The address of the server that holds `folder`; `None` if nobody does, or if the holder does not
    /// serve. Whether the server still answers is for the caller to find out.
    ///
    /// # Errors
    ///
    /// [`OnlineError::Folder`] if the folder or the file in it cannot be read.
    pub fn read(folder: &Path) -> Result<Option<Self>, OnlineError> {
        if data_folder::is_held(folder)? { Self::published(folder) } else { Ok(None) }
    }

    /// What is published, whether or not somebody holds the folder.
    pub(crate) fn published(folder: &Path) -> Result<Option<Self>, OnlineError> {
        let path = folder.join(FILE);
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| OnlineError::Folder {
                action: "read",
                path,
                source: error.into(),
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(OnlineError::Folder { action: "read", path, source }),
        }
    }
}

/// A published address; dropping it takes the address back.
#[derive(Debug)]
#[must_use = "dropping it takes the address back"]
pub struct PublishedAddress {
    path: PathBuf,
    /// Keeps the folder locked, so that no other process can publish before this address is gone.
    _folder: Arc<DataFolder>,
}

impl PublishedAddress {
    /// Writes the address in one step: readers see none or all of it.
    pub(crate) fn publish(folder: Arc<DataFolder>, address: &ServerAddress) -> Result<Self, OnlineError> {
        let path = folder.path().join(FILE);
        let json = serde_json::to_vec(address).expect("an address has a JSON form");
        data_folder::replace_file(&path, &json)?;
        Ok(Self { path, _folder: folder })
    }
}

impl Drop for PublishedAddress {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "the published address could not be removed");
        }
    }
}

/// Deletes what a dead server left. The caller holds the folder.
pub(crate) fn remove_stale(folder: &Path) -> Result<(), OnlineError> {
    let path = folder.join(FILE);
    match fs::remove_file(&path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(OnlineError::Folder { action: "remove", path, source })
        }
        _ => Ok(()),
    }
}
