//! Compiled components on disk, so that a component is compiled once and not at every start.
//!
//! Machine code from a file is run as it is, so a file is only used if this machine wrote it: every
//! entry carries a keyed hash of its content, and the key never leaves the folder.
//!
//! ```text
//! <cache_dir>/components/             mode 0700
//!     key                             32 random bytes, mode 0600
//!     <component>-<engine>.cwasm      mode 0600
//!
//! "larder-cwasm-1\0" │ 32 bytes HMAC-SHA256(key, component │ engine │ code) │ code
//! component: SHA-256 of the component's bytes
//! engine:    SHA-256 of wasmtime's compatibility hash: version, target, settings
//! ```
//!
//! A folder that others could write to is closed, and its key is made anew, which makes what lies
//! in it worthless. Once open, the cache is never needed: what cannot be read is compiled again, what
//! cannot be written is logged.

use std::fs::{self, File, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use hmac::{Hmac, Mac};
use larder_core::ComponentDigest;
use sha2::{Digest, Sha256};
use tracing::warn;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::UdfError;

/// The rights of all users but the owner.
#[cfg(unix)]
const OTHERS: u32 = 0o077;
const MAGIC: &[u8] = b"larder-cwasm-1\0";
const MAC_BYTES: usize = 32;
const KEY_BYTES: usize = 32;

/// The folder of compiled components.
pub(crate) struct CompiledCache {
    folder: PathBuf,
    key: [u8; KEY_BYTES],
    /// Names the engine: code of one is of no use to another.
    engine: [u8; 32],
}

impl std::fmt::Debug for CompiledCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CompiledCache").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl CompiledCache {
    /// Opens the cache below `cache_dir`, which is created where it does not exist.
    pub(crate) fn open(cache_dir: &Path, engine: &Engine) -> Result<Self, UdfError> {
        let folder = cache_dir.join("components");
        let key = open_folder(&folder).map_err(|source| UdfError::Cache { path: folder.clone(), source })?;
        let mut hasher = Sha256Hasher(Sha256::new());
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Ok(Self { folder, key, engine: hasher.0.finalize().into() })
    }

    /// The compiled component, if this cache holds it for this engine.
    pub(crate) fn load(&self, engine: &Engine, digest: ComponentDigest) -> Option<Component> {
        let path = self.path(digest);
        let content = match fs::read(&path) {
            Ok(content) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                warn!(path = %path.display(), %error, "compiled component cannot be read; compiling again");
                return None;
            }
        };
        let Some(code) = self.verified(digest, &content) else {
            warn!(path = %path.display(), "compiled component was not written by this cache; compiling again");
            return None;
        };
        // SAFETY: `deserialize` asks that the bytes are an unmodified result of `Component::serialize`
        // of an engine like this one. They carry an HMAC, under a key that only this user can read, which
        // `store` made over exactly such a result together with the engine's compatibility hash; and they
        // were verified in memory, so a change of the file in between does not matter.
        #[expect(unsafe_code, reason = "the one place where machine code is loaded; see SAFETY")]
        let component = unsafe { Component::deserialize(engine, code) };
        component
            .inspect_err(|error| warn!(path = %path.display(), %error, "compiled component does not load"))
            .ok()
    }

    /// Keeps a compiled component. Readers see all of it or nothing.
    pub(crate) fn store(&self, digest: ComponentDigest, component: &Component) {
        let path = self.path(digest);
        let stored = component.serialize().map_err(io::Error::other).and_then(|code| {
            let mac = self.mac(digest, &code).finalize().into_bytes();
            write_new(&path, &[MAGIC, &mac, &code])
        });
        if let Err(error) = stored {
            warn!(path = %path.display(), %error, "compiled component cannot be kept");
        }
    }

    /// The code of an entry whose hash is right.
    fn verified<'a>(&self, digest: ComponentDigest, content: &'a [u8]) -> Option<&'a [u8]> {
        let rest = content.strip_prefix(MAGIC)?;
        let (mac, code) = rest.split_at_checked(MAC_BYTES)?;
        self.mac(digest, code).verify_slice(mac).ok()?;
        Some(code)
    }

    fn mac(&self, digest: ComponentDigest, code: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        mac.update(&digest.0);
        mac.update(&self.engine);
        mac.update(code);
        mac
    }

    fn path(&self, digest: ComponentDigest) -> PathBuf {
        let engine = ComponentDigest(self.engine).to_string();
        self.folder.join(format!("{digest}-{}.cwasm", engine.get(..16).unwrap_or(&engine)))
    }
}

/// Creates or checks the folder, and returns its key.
fn open_folder(folder: &Path) -> io::Result<[u8; KEY_BYTES]> {
    fs::create_dir_all(folder)?;
    let was_open = close_to_others(folder)?;
    let path = folder.join("key");
    if !was_open {
        match read_key(&path) {
            Ok(key) => return Ok(key),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                warn!(path = %path.display(), %error, "key of the compiled components is made anew");
            }
        }
    }
    let mut key = [0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    write_new(&path, &[&key])?;
    // Should another process do the same now, each compiles again what the other has stored.
    read_key(&path)
}

fn read_key(path: &Path) -> io::Result<[u8; KEY_BYTES]> {
    let mut file = File::open(path)?;
    if !is_private(&file.metadata()?) {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "others can read or write it"));
    }
    let mut key = [0; KEY_BYTES];
    file.read_exact(&mut key)?;
    if file.read(&mut [0])? != 0 {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "longer than a key"));
    }
    Ok(key)
}

/// Writes a file of mode 0600 under a name of its own and then moves it to `path`.
fn write_new(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let temporary = path.with_extension(unique("new"));
    drop(fs::remove_file(&temporary));
    let written = create_private(&temporary).and_then(|mut file| {
        parts.iter().try_for_each(|part| file.write_all(part))?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    });
    if written.is_err() {
        // Best effort: the error that matters is the first one.
        drop(fs::remove_file(&temporary));
    }
    written
}

/// A file ending that nobody else uses now; a process of the same id may have, before it was killed.
fn unique(purpose: &str) -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    format!("{}-{}.{purpose}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed))
}

#[cfg(unix)]
fn create_private(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// Gives the folder mode 0700 and tells whether it had another one. Fails where another user owns it.
#[cfg(unix)]
fn close_to_others(folder: &Path) -> io::Result<bool> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
    let metadata = fs::symlink_metadata(folder)?;
    if !metadata.is_dir() {
        return Err(io::Error::new(io::ErrorKind::NotADirectory, "not a folder, or a link to one"));
    }
    // The owner of what this process creates is this process's user.
    let probe = folder.with_extension(unique("probe"));
    drop(fs::remove_dir(&probe));
    fs::DirBuilder::new().mode(0o700).create(&probe)?;
    let user = fs::symlink_metadata(&probe).map(|probe| probe.uid());
    fs::remove_dir(&probe)?;
    if metadata.uid() != user? {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "another user owns the folder"));
    }
    let was_open = metadata.permissions().mode() & OTHERS != 0;
    if was_open {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    }
    Ok(was_open)
}

/// Elsewhere the folder has the rights of the user's profile.
#[cfg(not(unix))]
fn close_to_others(_folder: &Path) -> io::Result<bool> {
    Ok(false)
}

#[cfg(unix)]
fn is_private(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.is_file() && metadata.permissions().mode() & OTHERS == 0
}

#[cfg(not(unix))]
fn is_private(metadata: &fs::Metadata) -> bool {
    metadata.is_file()
}

/// Makes a SHA-256 of what is `Hash`.
struct Sha256Hasher(Sha256);

impl Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest: [u8; 32] = self.0.clone().finalize().into();
        digest.iter().take(8).fold(0, |value, byte| value << 8 | u64::from(*byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SandboxLimits;

    /// The smallest component: nothing.
    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";
    const DIGEST: ComponentDigest = ComponentDigest([7; 32]);

    fn engine() -> Engine {
        let small =
            SandboxLimits { concurrent_calls: 1, concurrent_compilations: 1, ..SandboxLimits::default() };
        crate::engine::build(&small).unwrap()
    }

    fn filled(folder: &Path, engine: &Engine) -> CompiledCache {
        let cache = CompiledCache::open(folder, engine).unwrap();
        cache.store(DIGEST, &Component::from_binary(engine, EMPTY).unwrap());
        cache
    }

    #[test]
    fn what_was_stored_is_there_after_opening_again() {
        let (folder, engine) = (tempfile::tempdir().unwrap(), engine());
        filled(folder.path(), &engine);
        let cache = CompiledCache::open(folder.path(), &engine).unwrap();
        assert!(cache.load(&engine, DIGEST).is_some());
        assert!(cache.load(&engine, ComponentDigest([8; 32])).is_none());
    }

    #[test]
    fn no_changed_byte_is_believed() {
        let (folder, engine) = (tempfile::tempdir().unwrap(), engine());
        let cache = filled(folder.path(), &engine);
        let content = fs::read(cache.path(DIGEST)).unwrap();
        let places = (0..MAGIC.len() + MAC_BYTES).chain([content.len() / 2, content.len() - 1]);
        for place in places {
            let mut changed = content.clone();
            changed[place] ^= 1;
            fs::write(cache.path(DIGEST), &changed).unwrap();
            assert!(cache.load(&engine, DIGEST).is_none(), "byte {place}");
        }
        for length in [0, MAGIC.len() + 3, content.len() - 1] {
            fs::write(cache.path(DIGEST), &content[..length]).unwrap();
            assert!(cache.load(&engine, DIGEST).is_none(), "cut to {length}");
        }
    }

    #[test]
    fn an_entry_is_only_believed_under_its_own_name_and_in_its_own_folder() {
        let (folder, other, engine) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), engine());
        let (cache, other) = (filled(folder.path(), &engine), filled(other.path(), &engine));
        let renamed = ComponentDigest([8; 32]);
        fs::copy(cache.path(DIGEST), cache.path(renamed)).unwrap();
        assert!(cache.load(&engine, renamed).is_none());
        fs::copy(cache.path(DIGEST), other.path(DIGEST)).unwrap();
        assert!(other.load(&engine, DIGEST).is_none());
    }

    #[cfg(unix)]
    #[test]
    fn files_are_private_and_a_folder_found_open_is_worthless() {
        use std::os::unix::fs::PermissionsExt;
        let (folder, engine) = (tempfile::tempdir().unwrap(), engine());
        let cache = filled(folder.path(), &engine);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&cache.folder), 0o700);
        assert_eq!(mode(&cache.folder.join("key")), 0o600);
        assert_eq!(mode(&cache.path(DIGEST)), 0o600);
        fs::set_permissions(&cache.folder, fs::Permissions::from_mode(0o777)).unwrap();
        let cache = CompiledCache::open(folder.path(), &engine).unwrap();
        assert_eq!(mode(&cache.folder), 0o700);
        assert!(cache.load(&engine, DIGEST).is_none());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_the_place_of_the_folder_is_refused() {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("components")).unwrap();
        assert!(matches!(CompiledCache::open(folder.path(), &engine()), Err(UdfError::Cache { .. })));
    }
}
