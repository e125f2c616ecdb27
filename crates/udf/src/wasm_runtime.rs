//! The runtime: its engines, and the slots that all calls share.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use larder_core::{
    InspectedComponent, InspectedJob, JobHost, JobRun, JobRuntime, Result, Transformation,
    TransformationLimits, UdfRuntime,
};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tracing::instrument;

use crate::blocking::BlockingSlots;
use crate::call_metrics::CallMetrics;
use crate::call_slots::CallSlots;
use crate::job::{self, JobCallError, JobError};
use crate::machine::Machine;
use crate::quick_calls::QuickCalls;
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
/// Must be used from within a tokio runtime: compiling and long calls happen on its blocking pool.
#[derive(Debug)]
pub struct WasmRuntime {
    sandbox: SandboxLimits,
    cache_dir: Option<PathBuf>,
    plain: Machine,
    /// Counts steps. Started by the first view that limits its fuel; the others pay nothing for it.
    counting: Mutex<Option<Arc<Machine>>>,
    compilations: BlockingSlots,
    calls: Arc<CallSlots>,
    jobs: BlockingSlots,
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
        Ok(Self {
            plain: Machine::start(engine::build(&sandbox)?, cache_dir.as_deref(), &sandbox)?,
            cache_dir,
            counting: Mutex::new(None),
            compilations: BlockingSlots::new(sandbox.concurrent_compilations),
            calls: Arc::new(CallSlots::new(&sandbox)),
            jobs: BlockingSlots::new(sandbox.concurrent_jobs),
            sandbox,
        })
    }

    fn counting(&self) -> Result<Arc<Machine>, UdfError> {
        let mut counting = self.counting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(machine) = &*counting {
            return Ok(Arc::clone(machine));
        }
        let machine =
            Machine::start(engine::build_counting(&self.sandbox)?, self.cache_dir.as_deref(), &self.sandbox)?;
        Ok(Arc::clone(counting.insert(Arc::new(machine))))
    }
}

/// Refuses limits that the runtime cannot grant.
fn check_limits(view: &str, limits: &TransformationLimits, sandbox: &SandboxLimits) -> Result<(), UdfError> {
    if limits.memory_bytes > sandbox.memory_bytes {
        return Err(UdfError::MemoryLimitTooHigh {
            view: view.to_owned(),
            wanted_bytes: limits.memory_bytes,
            limit_bytes: sandbox.memory_bytes,
        });
    }
    if limits.table_elements > sandbox.table_elements {
        return Err(UdfError::TableLimitTooHigh {
            view: view.to_owned(),
            wanted_elements: limits.table_elements,
            limit_elements: sandbox.table_elements,
        });
    }
    Ok(())
}

#[async_trait]
impl UdfRuntime for WasmRuntime {
    async fn inspect(&self, bytes: Arc<[u8]>) -> Result<InspectedComponent> {
        let component = self.plain.component(bytes, &self.compilations, self.sandbox).await?;
        Ok(component.inspected())
    }

    async fn load(
        &self,
        view: &str,
        component: Arc<[u8]>,
        function: &str,
        limits: TransformationLimits,
    ) -> Result<Arc<dyn Transformation>> {
        check_limits(view, &limits, &self.sandbox)?;
        let counting = limits.fuel.map(|_| self.counting()).transpose()?;
        let machine = counting.as_deref().unwrap_or(&self.plain);
        let component = machine.component(component, &self.compilations, self.sandbox).await?;
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
        let share = self.calls.share();
        Ok(Arc::new(WasmTransformation {
            view: view.to_owned(),
            component,
            agreed,
            limits,
            sandbox: self.sandbox,
            slots: Arc::clone(&self.calls),
            parallel_calls: cores.min(share.size()),
            share,
            quick: QuickCalls::default(),
            metrics: CallMetrics::new(view),
            _ticker: machine.ticker(),
        }))
    }
}

#[async_trait]
impl JobRuntime for WasmRuntime {
    async fn inspect_job(&self, component: Arc<[u8]>) -> Result<InspectedJob> {
        let job = self.plain.job(component, &self.compilations, self.sandbox).await?;
        Ok(InspectedJob { bytes: Arc::clone(&job.bytes), digest: job.digest })
    }

    #[instrument(name = "larder_udf.run_job", skip_all, fields(job = %run.job))]
    async fn run_job(&self, run: JobRun, host: Arc<dyn JobHost>) -> Result<()> {
        let (wanted_bytes, limit_bytes) = (run.limits.memory_bytes, self.sandbox.memory_bytes);
        if wanted_bytes > limit_bytes {
            return Err(JobError::MemoryLimitTooHigh { job: run.job, wanted_bytes, limit_bytes }.into());
        }
        let compiled = self.plain.job(Arc::clone(&run.component), &self.compilations, self.sandbox).await?;
        let (name, sandbox, runtime) = (run.job.clone(), self.sandbox, Handle::current());
        // Dropped with this future, which ends the job.
        let (_alive, given_up) = watch::channel(());
        let ticker = self.plain.ticker();
        let done = self.jobs.run(move || {
            let done = job::run(&compiled, run, host, &sandbox, runtime, given_up);
            drop(ticker);
            done
        });
        let done: Result<(), JobCallError> = done.await?;
        Ok(done.map_err(|source| JobError::Failed { job: name, source })?)
    }
}
