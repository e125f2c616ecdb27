//! An engine, its clock, its cache, and the components that were loaded into it.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use larder_core::ComponentDigest;
use tokio::sync::OnceCell;
use wasmtime::Engine;

use crate::cache::CompiledCache;
use crate::compiled::{CompiledComponent, digest_of};
use crate::job::CompiledJob;
use crate::ticker::EpochTicker;
use crate::{SandboxLimits, UdfError};
use larder_blocking::Lane;

/// An engine with all that belongs to it. Code of one engine does not run in another.
#[derive(Debug)]
pub(crate) struct Machine {
    engine: Engine,
    cache: Option<Arc<CompiledCache>>,
    components: Mutex<HashMap<ComponentDigest, Arc<OnceCell<Arc<CompiledComponent>>>>>,
    ticker: Arc<EpochTicker>,
}

impl Machine {
    pub(crate) fn start(
        engine: Engine,
        cache_dir: Option<&Path>,
        sandbox: &SandboxLimits,
    ) -> Result<Self, UdfError> {
        let ticker = EpochTicker::start(&engine).map_err(|source| UdfError::Ticker { source })?;
        let cache = cache_dir.map(|folder| CompiledCache::open(folder, &engine)).transpose()?;
        Ok(Self {
            engine,
            cache: cache.map(|cache| Arc::new(cache.with_bound(sandbox.cache_bytes))),
            components: Mutex::default(),
            ticker: Arc::new(ticker),
        })
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn cache(&self) -> Option<&CompiledCache> {
        self.cache.as_deref()
    }

    /// Without it no time limit holds: whoever calls a component keeps it.
    pub(crate) fn ticker(&self) -> Arc<EpochTicker> {
        Arc::clone(&self.ticker)
    }

    /// The compiled component of `bytes`; compiled by the first who asks, the others wait for it.
    pub(crate) async fn component(
        &self,
        bytes: Arc<[u8]>,
        compilations: &Lane,
        sandbox: SandboxLimits,
    ) -> Result<Arc<CompiledComponent>, UdfError> {
        let digest = digest_of(&bytes);
        let cell = self.cell(digest);
        let compiled = cell.get_or_try_init(|| async {
            let (engine, cache) = (self.engine.clone(), self.cache.clone());
            let load = move || CompiledComponent::load(bytes, &engine, cache.as_deref(), &sandbox);
            compilations.run(load).await.map(Arc::new)
        });
        let compiled = Arc::clone(compiled.await?);
        if compiled.digest != digest {
            // A core module was given. The component it became is found under its own name too.
            drop(self.cell(compiled.digest).set(Arc::clone(&compiled)));
        }
        Ok(compiled)
    }

    /// The compiled job of `bytes`. Not remembered: a job runs long, and the cache on disk has its code.
    pub(crate) async fn job(
        &self,
        bytes: Arc<[u8]>,
        compilations: &Lane,
        sandbox: SandboxLimits,
    ) -> Result<CompiledJob, UdfError> {
        let (engine, cache) = (self.engine.clone(), self.cache.clone());
        compilations.run(move || CompiledJob::load(bytes, &engine, cache.as_deref(), &sandbox)).await
    }

    fn cell(&self, digest: ComponentDigest) -> Arc<OnceCell<Arc<CompiledComponent>>> {
        /// Components that are kept though no transformation uses them.
        const KEPT: usize = 64;
        // A panic cannot leave a map of finished cells half-changed.
        let mut components = self.components.lock().unwrap_or_else(PoisonError::into_inner);
        if components.len() >= KEPT && !components.contains_key(&digest) {
            components.retain(|_, cell| {
                Arc::strong_count(cell) > 1 || cell.get().is_some_and(|used| Arc::strong_count(used) > 1)
            });
        }
        Arc::clone(components.entry(digest).or_default())
    }
}
