//! The runtime: one engine, its pool of instances, and the components that were loaded.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use larder_core::{
    ComponentDigest, InspectedComponent, InspectedJob, JobHost, JobRun, JobRuntime, Result, Transformation,
    TransformationLimits, UdfRuntime,
};
use tokio::runtime::Handle;
use tokio::sync::{OnceCell, watch};
use tracing::instrument;
use wasmtime::Engine;

use crate::blocking::BlockingSlots;
use crate::cache::CompiledCache;
use crate::compiled::{CompiledComponent, digest_of};
use crate::job::{self, CompiledJob, JobCallError, JobError};
use crate::ticker::EpochTicker;
use crate::wasm_transformation::WasmTransformation;
use crate::{SandboxLimits, UdfError, engine};

/// How a [`WasmRuntime`] is set up.
#[derive(Clone, Debug, Default)]
pub struct WasmRuntimeOptions {
    /// The folder in which compiled components are kept between runs; it is created where it does not
    /// exist. `None`: they are compiled in every run.
    pub cache_dir: Option<PathBuf>,
    /// What the sandbox grants to all components.
    pub sandbox: SandboxLimits,
}

/// Runs transformations and jobs that are Wasm components.
///
/// Must be used from within a tokio runtime: compiling and calling happen on its blocking pool.
#[derive(Debug)]
pub struct WasmRuntime {
    engine: Engine,
    sandbox: SandboxLimits,
    cache: Option<Arc<CompiledCache>>,
    compilations: BlockingSlots,
    calls: Arc<BlockingSlots>,
    jobs: BlockingSlots,
    components: Mutex<HashMap<ComponentDigest, Arc<OnceCell<Arc<CompiledComponent>>>>>,
    /// Kept by every transformation too, for without it no time limit holds.
    ticker: Arc<EpochTicker>,
}

impl WasmRuntime {
    /// Starts the engine and opens the cache.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`](larder_core::ErrorKind::Unavailable) if the pool's address space cannot be set aside, or the
    /// cache folder cannot be created or belongs to another user.
    pub fn try_new(options: WasmRuntimeOptions) -> Result<Self> {
        let WasmRuntimeOptions { cache_dir, sandbox } = options;
        let engine = engine::build(&sandbox)?;
        let ticker = EpochTicker::start(&engine).map_err(|source| UdfError::Ticker { source })?;
        let cache = match cache_dir {
            Some(cache_dir) => Some(Arc::new(CompiledCache::open(&cache_dir, &engine)?)),
            None => None,
        };
        Ok(Self {
            engine,
            cache,
            compilations: BlockingSlots::new(sandbox.concurrent_compilations),
            calls: Arc::new(BlockingSlots::new(sandbox.concurrent_calls)),
            jobs: BlockingSlots::new(sandbox.concurrent_jobs),
            components: Mutex::default(),
            ticker: Arc::new(ticker),
            sandbox,
        })
    }

    /// The compiled component of `bytes`; compiled by the first who asks, the others wait for it.
    async fn component(&self, bytes: Arc<[u8]>) -> Result<Arc<CompiledComponent>, UdfError> {
        let digest = digest_of(&bytes);
        let cell = self.cell(digest);
        let compiled = cell.get_or_try_init(|| async {
            let (engine, sandbox, cache) = (self.engine.clone(), self.sandbox, self.cache.clone());
            let load = move || CompiledComponent::load(bytes, &engine, cache.as_deref(), &sandbox);
            self.compilations.run(load).await?.map(Arc::new)
        });
        let compiled = Arc::clone(compiled.await?);
        if compiled.digest != digest {
            // A core module was given. The component it became is found under its own name too.
            drop(self.cell(compiled.digest).set(Arc::clone(&compiled)));
        }
        Ok(compiled)
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

#[async_trait]
impl UdfRuntime for WasmRuntime {
    async fn inspect(&self, bytes: Arc<[u8]>) -> Result<InspectedComponent> {
        Ok(self.component(bytes).await?.inspected())
    }

    async fn load(
        &self,
        view: &str,
        component: Arc<[u8]>,
        function: &str,
        limits: TransformationLimits,
    ) -> Result<Arc<dyn Transformation>> {
        let limit_bytes = self.sandbox.memory_bytes;
        if limits.memory_bytes > limit_bytes {
            let (view, wanted_bytes) = (view.to_owned(), limits.memory_bytes);
            return Err(UdfError::MemoryLimitTooHigh { view, wanted_bytes, limit_bytes }.into());
        }
        let component = self.component(component).await?;
        let found = component.signatures.iter().find(|agreed| agreed.signature.name == function);
        let Some(agreed) = found.map(Arc::clone) else {
            let known = component.signatures.iter().map(|agreed| format!("`{}`", agreed.signature.name));
            return Err(UdfError::UnknownFunction {
                view: view.to_owned(),
                function: function.to_owned(),
                known: known.collect::<Vec<_>>().join(", "),
            }
            .into());
        };
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Ok(Arc::new(WasmTransformation {
            view: view.to_owned(),
            component,
            agreed,
            limits,
            sandbox: self.sandbox,
            slots: Arc::clone(&self.calls),
            parallel_calls: cores.min(self.sandbox.concurrent_calls),
            _ticker: Arc::clone(&self.ticker),
        }))
    }
}

impl WasmRuntime {
    /// The compiled job of `bytes`. Not remembered: a job runs long, and the cache on disk has its code.
    async fn compiled_job(&self, bytes: Arc<[u8]>) -> Result<CompiledJob, UdfError> {
        let (engine, sandbox, cache) = (self.engine.clone(), self.sandbox, self.cache.clone());
        self.compilations.run(move || CompiledJob::load(bytes, &engine, cache.as_deref(), &sandbox)).await?
    }
}

#[async_trait]
impl JobRuntime for WasmRuntime {
    async fn inspect_job(&self, component: Arc<[u8]>) -> Result<InspectedJob> {
        let job = self.compiled_job(component).await?;
        Ok(InspectedJob { bytes: Arc::clone(&job.bytes), digest: job.digest })
    }

    #[instrument(name = "larder_udf.run_job", skip_all, fields(job = %run.job))]
    async fn run_job(&self, run: JobRun, host: Arc<dyn JobHost>) -> Result<()> {
        let (wanted_bytes, limit_bytes) = (run.limits.memory_bytes, self.sandbox.memory_bytes);
        if wanted_bytes > limit_bytes {
            return Err(JobError::MemoryLimitTooHigh { job: run.job, wanted_bytes, limit_bytes }.into());
        }
        let compiled = self.compiled_job(Arc::clone(&run.component)).await?;
        let (name, sandbox, runtime) = (run.job.clone(), self.sandbox, Handle::current());
        // Dropped with this future, which ends the job.
        let (_alive, given_up) = watch::channel(());
        let ticker = Arc::clone(&self.ticker);
        let done = self.jobs.run(move || {
            let done = job::run(&compiled, run, host, &sandbox, runtime, given_up);
            drop(ticker);
            done
        });
        let done: Result<(), JobCallError> = done.await?;
        Ok(done.map_err(|source| JobError::Failed { job: name, source })?)
    }
}
