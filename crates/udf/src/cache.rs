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
//! The folder has a bound. What was loaded longest ago goes first, whoever stored it: entries of engines
//! that are no more in use go that way too. Several processes may use a folder at the same time: entries
//! and the key appear whole or not at all, and what another has removed is compiled again.
//!
//! A folder that others could write to is closed, and its key is made anew, which makes what lies
//! in it worthless. Once open, the cache is never needed: what cannot be read is compiled again, what
//! cannot be written is logged.

use std::fs::{self, File, FileTimes, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use hmac::{Hmac, Mac};
use larder_core::ComponentDigest;
use sha2::{Digest, Sha256};
use tracing::warn;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::{SandboxLimits, UdfError};

/// The rights of all users but the owner.
#[cfg(unix)]
const OTHERS: u32 = 0o077;
const MAGIC: &[u8] = b"larder-cwasm-1\0";
const MAC_BYTES: usize = 32;
const KEY_BYTES: usize = 32;
/// The ending of entries.
const ENTRY: &str = "cwasm";
/// The ending of files that are not finished.
const UNFINISHED: &str = "new";
/// After that time nobody finishes a file any more: its writer was killed.
const ABANDONED: Duration = Duration::from_secs(3_600);

/// The folder of compiled components.
pub(crate) struct CompiledCache {
    folder: PathBuf,
    key: [u8; KEY_BYTES],
    /// Names the engine: code of one is of no use to another.
    engine: [u8; 32],
    /// The most bytes that all entries together have.
    bound_bytes: u64,
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
        let bound_bytes = SandboxLimits::default().cache_bytes;
        Ok(Self { folder, key, engine: hasher.0.finalize().into(), bound_bytes })
    }

    /// With another bound.
    pub(crate) fn with_bound(self, bound_bytes: u64) -> Self {
        Self { bound_bytes, ..self }
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
        let component = component
            .inspect_err(|error| warn!(path = %path.display(), %error, "compiled component does not load"))
            .ok()?;
        // Only the order of removal depends on it.
        drop(touch(&path));
        Some(component)
    }

    /// Keeps a compiled component. Readers see all of it or nothing. What is beyond the bound goes.
    pub(crate) fn store(&self, digest: ComponentDigest, component: &Component) {
        let path = self.path(digest);
        let stored = component.serialize().map_err(io::Error::other).and_then(|code| {
            let mac = self.mac(digest, &code).finalize().into_bytes();
            write_new(&path, &[MAGIC, &mac, &code])
        });
        if let Err(error) = stored {
            warn!(path = %path.display(), %error, "compiled component cannot be kept");
        }
        if let Err(error) = self.evict(&path) {
            warn!(path = %self.folder.display(), %error, "compiled components cannot be cleared up");
        }
    }

    /// Removes what was loaded longest ago until the rest is within the bound, and what killed processes
    /// left behind. The entry `newest` stays.
    fn evict(&self, newest: &Path) -> io::Result<()> {
        let now = now();
        let mut entries = Vec::new();
        for file in fs::read_dir(&self.folder)? {
            let path = file?.path();
            // Another process may have removed it since.
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            let modified = metadata.modified()?;
            let ending = path.extension().unwrap_or_default();
            if ending == ENTRY && path != newest {
                entries.push((modified, metadata.len(), path));
            } else if ending == UNFINISHED && now.duration_since(modified).is_ok_and(|age| age > ABANDONED) {
                remove(&path)?;
            }
        }
        entries.sort();
        let mut kept_bytes = fs::metadata(newest).map_or(0, |metadata| metadata.len());
        kept_bytes += entries.iter().map(|(_, bytes, _)| bytes).sum::<u64>();
        for (_, bytes, path) in entries {
            if kept_bytes <= self.bound_bytes {
                break;
            }
            remove(&path)?;
            kept_bytes -= bytes;
        }
        Ok(())
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
        self.folder.join(format!("{digest}-{}.{ENTRY}", engine.get(..16).unwrap_or(&engine)))
    }
}

/// Creates or checks the folder, and returns its key.
fn open_folder(folder: &Path) -> io::Result<[u8; KEY_BYTES]> {
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent)?;
    }
    create_closed(folder)?;
    let was_open = close_to_others(folder)?;
    let path = folder.join("key");
    if was_open {
        remove(&path)?;
    }
    match read_key(&path) {
        Ok(key) => return Ok(key),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => {
            warn!(path = %path.display(), %error, "key of the compiled components is made anew");
            remove(&path)?;
        }
    }
    let mut key = [0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    // Of several processes that do this now the first wins, and all read its key.
    let temporary = path.with_extension(unique(UNFINISHED));
    let written = write_all(&temporary, &[&key]).and_then(|()| match fs::hard_link(&temporary, &path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        // A file system without links: the last wins, and the others compile again what it stores.
        Err(_) => fs::copy(&temporary, &path).map(|_| ()),
        Ok(()) => Ok(()),
    });
    drop(fs::remove_file(&temporary));
    written?;
    read_key(&path)
}

/// Removes a file, if another process has not.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Marks an entry as used now.
fn touch(path: &Path) -> io::Result<()> {
    File::open(path)?.set_times(FileTimes::new().set_modified(now()))
}

#[expect(clippy::disallowed_methods, reason = "the times of files are real times, not domain times")]
fn now() -> SystemTime {
    SystemTime::now()
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
    let temporary = path.with_extension(unique(UNFINISHED));
    let written = write_all(&temporary, parts).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // Best effort: the error that matters is the first one.
        drop(fs::remove_file(&temporary));
    }
    written
}

fn write_all(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    drop(fs::remove_file(path));
    let mut file = create_private(path)?;
    parts.iter().try_for_each(|part| file.write_all(part))?;
    file.sync_all()
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

/// Creates a folder that is closed from the start, unless it is there.
#[cfg(unix)]
fn create_closed(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn create_closed(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
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
    use larder_core::TransformationLimits;

    use super::*;
    use crate::SandboxLimits;
    use crate::engine::EngineKind;

    /// The smallest component: nothing.
    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";
    const DIGEST: ComponentDigest = ComponentDigest([7; 32]);

    fn engine() -> Engine {
        let small =
            SandboxLimits { concurrent_calls: 1, concurrent_compilations: 1, ..SandboxLimits::default() };
        crate::engine::build(EngineKind::of(&TransformationLimits::default()), &small).unwrap()
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

    fn digest(number: u8) -> ComponentDigest {
        ComponentDigest([number; 32])
    }

    /// Gives an entry an age, so that no test waits for a clock to tick.
    fn age(cache: &CompiledCache, number: u8, hours: u64) {
        let then = now() - Duration::from_secs(hours * 3_600);
        let file = File::open(cache.path(digest(number))).unwrap();
        file.set_times(FileTimes::new().set_modified(then)).unwrap();
    }

    #[test]
    fn beyond_the_bound_what_was_loaded_longest_ago_goes() {
        let (folder, engine) = (tempfile::tempdir().unwrap(), engine());
        let component = Component::from_binary(&engine, EMPTY).unwrap();
        let cache = CompiledCache::open(folder.path(), &engine).unwrap();
        cache.store(digest(1), &component);
        let entry_bytes = fs::metadata(cache.path(digest(1))).unwrap().len();
        let cache = cache.with_bound(3 * entry_bytes);
        for number in [2, 3] {
            cache.store(digest(number), &component);
        }
        for number in [1, 2, 3] {
            age(&cache, number, 10 - u64::from(number));
        }
        assert!(cache.load(&engine, digest(1)).is_some(), "the oldest is used again");
        cache.store(digest(4), &component);
        let held = [1, 2, 3, 4].map(|number| cache.path(digest(number)).exists());
        assert_eq!(held, [true, false, true, true]);
        let tiny = CompiledCache::open(folder.path(), &engine).unwrap().with_bound(0);
        tiny.store(digest(5), &component);
        let held = [1, 3, 4, 5].map(|number| cache.path(digest(number)).exists());
        assert_eq!(held, [false, false, false, true], "what was just stored stays");
        assert!(cache.load(&engine, digest(4)).is_none(), "and what another removed is not there");
    }

    #[test]
    fn what_a_killed_process_left_is_cleared_up_and_what_another_writes_is_not() {
        let (folder, engine) = (tempfile::tempdir().unwrap(), engine());
        let cache = CompiledCache::open(folder.path(), &engine).unwrap();
        let (left, fresh) = (cache.folder.join("a.1-0.new"), cache.folder.join("b.2-0.new"));
        for path in [&left, &fresh] {
            fs::write(path, "half").unwrap();
        }
        let then = now() - 2 * ABANDONED;
        File::open(&left).unwrap().set_times(FileTimes::new().set_modified(then)).unwrap();
        cache.store(DIGEST, &Component::from_binary(&engine, EMPTY).unwrap());
        assert_eq!([left.exists(), fresh.exists()], [false, true]);
    }

    #[test]
    fn whoever_opens_a_folder_first_all_have_its_key() {
        let engine = engine();
        for _ in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let keys: Vec<_> = std::thread::scope(|scope| {
                let openers: Vec<_> = (0..4)
                    .map(|_| scope.spawn(|| CompiledCache::open(folder.path(), &engine).unwrap().key))
                    .collect();
                openers.into_iter().map(|opener| opener.join().unwrap()).collect()
            });
            assert!(keys.iter().all(|key| *key == keys[0]));
        }
    }

    #[test]
    fn many_may_store_load_and_remove_at_the_same_time() {
        let (folder, engine) = (tempfile::tempdir().unwrap(), engine());
        let component = Component::from_binary(&engine, EMPTY).unwrap();
        let entry_bytes = {
            let cache = filled(folder.path(), &engine);
            fs::metadata(cache.path(DIGEST)).unwrap().len()
        };
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (engine, component, folder) = (&engine, &component, folder.path());
                scope.spawn(move || {
                    let cache = CompiledCache::open(folder, engine).unwrap().with_bound(2 * entry_bytes);
                    for round in 0..30 {
                        cache.store(digest(round % 5), component);
                        drop(cache.load(engine, digest((round + thread) % 5)));
                    }
                });
            }
        });
        let cache = CompiledCache::open(folder.path(), &engine).unwrap().with_bound(2 * entry_bytes);
        cache.store(digest(9), &component);
        assert!(cache.load(&engine, digest(9)).is_some());
        let left = fs::read_dir(&cache.folder).unwrap().count();
        assert!(left <= 3, "two entries and the key, but {left} files");
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
