//! The runtime of transformations by itself, for whoever has a component and no feature repo.

use std::path::PathBuf;
use std::sync::Arc;

use larder_core::{Result, UdfRuntime};
use larder_udf::{WasmRuntime, WasmRuntimeOptions};

/// The runtime that feature stores use. Compiled components are kept in `cache_dir`, or not at all.
///
/// # Errors
///
/// [`ErrorKind::Unavailable`](larder_core::ErrorKind::Unavailable) if the sandbox's address space cannot be set
/// aside, or the folder cannot be created or belongs to another user.
pub fn udf_runtime(cache_dir: Option<PathBuf>) -> Result<Arc<dyn UdfRuntime>> {
    Ok(wasm_runtime(cache_dir)?)
}

/// The same, which runs jobs too.
pub(crate) fn wasm_runtime(cache_dir: Option<PathBuf>) -> Result<Arc<WasmRuntime>> {
    let options = WasmRuntimeOptions { cache_dir, ..WasmRuntimeOptions::default() };
    Ok(Arc::new(WasmRuntime::try_new(options)?))
}
