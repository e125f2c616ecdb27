//! The bytes of components, beside the registry, named by their SHA-256.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use larder_core::ComponentDigest;
use sha2::{Digest, Sha256};

use super::durable;
use super::error::RegistryError;

/// A folder of components. Nothing in it ever changes; what no view names any more stays, since a server
/// may still be using it.
#[derive(Debug)]
pub(super) struct ComponentFolder {
    path: PathBuf,
}

impl ComponentFolder {
    /// The folder `components` beside a registry file.
    pub(super) fn beside(registry: &Path) -> Self {
        Self { path: registry.with_file_name("components") }
    }

    pub(super) fn store(&self, bytes: &[u8]) -> Result<ComponentDigest, RegistryError> {
        let digest = digest(bytes);
        let file = self.file(digest);
        // A file of the right name with wrong bytes is replaced.
        if fs::read(&file).is_ok_and(|stored| stored == bytes) {
            return Ok(digest);
        }
        durable::replace(&file, bytes)?;
        Ok(digest)
    }

    pub(super) fn load(&self, digest: ComponentDigest) -> Result<Arc<[u8]>, RegistryError> {
        let path = self.file(digest);
        let bytes = fs::read(&path).map_err(|source| {
            if source.kind() == std::io::ErrorKind::NotFound {
                RegistryError::ComponentNotFound { digest, folder: self.path.clone() }
            } else {
                RegistryError::Read { path: path.clone(), source }
            }
        })?;
        if self::digest(&bytes) == digest {
            Ok(bytes.into())
        } else {
            Err(RegistryError::ComponentCorrupt { path })
        }
    }

    fn file(&self, digest: ComponentDigest) -> PathBuf {
        self.path.join(format!("{digest}.wasm"))
    }
}

fn digest(bytes: &[u8]) -> ComponentDigest {
    ComponentDigest(Sha256::digest(bytes).into())
}
