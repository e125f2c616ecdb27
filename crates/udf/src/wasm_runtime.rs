//! The runtime: its engines, and the slots that all calls share.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use larder_core::{
    InspectedComponent, InspectedJob, JobHost, JobRun, JobRuntime, Result, Transformation,
    TransformationLimits, UdfRuntime,
};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tracing::instrument;

use crate::call_metrics::CallMetrics;
use crate::call_slots::CallSlots;
use crate::engine::EngineKind;
use crate::job::{self, JobCallError, JobError};
use crate::machine::Machine;
use crate::machines::Machines;
use crate::quick_calls::QuickCalls;
use crate::wasm_transformation::WasmTransformation;
use crate::{SandboxLimits, UdfError};
use larder_blocking::Lane;

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
    /// The one of views that say nothing of fuel and stack, and of jobs.
    plain: Arc<Machine>,
    machines: Machines,
    compilations: Lane,
    calls: Arc<CallSlots>,
    jobs: Lane,
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
        let machines = Machines::new(cache_dir, sandbox);
        Ok(Self {
            plain: machines.of(EngineKind::of(&TransformationLimits::default()))?,
            machines,
            compilations: Lane::new(sandbox.concurrent_compilations),
            calls: Arc::new(CallSlots::new(&sandbox)),
            jobs: Lane::new(sandbox.concurrent_jobs),
            sandbox,
        })
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
    check_stack(view, limits.stack_bytes, sandbox)
}

/// Refuses a stack that would leave the host none.
pub(crate) fn check_stack(view: &str, stack_bytes: usize, sandbox: &SandboxLimits) -> Result<(), UdfError> {
    if stack_bytes <= sandbox.stack_bytes {
        return Ok(());
    }
    Err(UdfError::StackLimitTooHigh {
        view: view.to_owned(),
        wanted_bytes: stack_bytes,
        limit_bytes: sandbox.stack_bytes,
    })
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
        let machine = self.machines.of(EngineKind::of(&limits))?;
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
            Ok::<_, UdfError>(done)
        });
        let done: Result<(), JobCallError> = done.await?;
        Ok(done.map_err(|source| JobError::Failed { job: name, source })?)
    }
}
