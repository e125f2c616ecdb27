//! One run of a job: its instance, its limits, and the plain words for how it ended.

use std::sync::Arc;

use larder_core::{Capabilities, ComponentDigest, JobHost, JobLimits, JobRun, LogLevel, Timestamp};
use tokio::runtime::Handle;
use tokio::sync::watch;
use wasmtime::component::{HasSelf, Linker, ResourceTable, ResourceTableError};
use wasmtime::{Engine, Store, Trap, UpdateDeadline};

use crate::cache::CompiledCache;
use crate::compiled::{compile, digest_of};
use crate::component_bytes::to_component;
use crate::job::bindings::exports::larder::job::job::Invocation;
use crate::job::bindings::{FeatureJob, FeatureJobPre};
use crate::job::budget::{HeldBytes, Stop, Stopwatch};
use crate::job::error::JobCallError;
use crate::limits::{GrowthLimitReached, MemoryLimiter};
use crate::sandboxed_call::{cut, in_plain_words};
use crate::stubbed_system::{Absent, asked_for};
use crate::world::FEATURE_JOB;
use crate::{SandboxLimits, UdfError};

/// Ticks of the epoch between two looks at the watch.
const TICKS_BETWEEN_LOOKS: u64 = 10;
/// Bytes of a job's own error that are kept.
const MESSAGE_BYTES: usize = 4 << 10;
/// Readers, writers and entity rows of a run.
pub(crate) const HANDLES: usize = 256;

/// A job's component that is ready to run.
pub(crate) struct CompiledJob {
    pub(crate) bytes: Arc<[u8]>,
    pub(crate) digest: ComponentDigest,
    instantiable: FeatureJobPre<Running>,
}

impl std::fmt::Debug for CompiledJob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CompiledJob").field("digest", &self.digest).finish_non_exhaustive()
    }
}

impl CompiledJob {
    /// Checks and compiles `bytes`, or takes the code from `cache`.
    pub(crate) fn load(
        bytes: Arc<[u8]>,
        engine: &Engine,
        cache: Option<&CompiledCache>,
        sandbox: &SandboxLimits,
    ) -> Result<Self, UdfError> {
        let bytes = to_component(bytes, &FEATURE_JOB, sandbox)?;
        let digest = digest_of(&bytes);
        let component = compile(&bytes, digest, engine, cache, sandbox)?;
        let mut linker = Linker::new(engine);
        let instantiable = FeatureJob::add_to_linker::<_, HasSelf<Running>>(&mut linker, |running| running)
            .and_then(|()| linker.instantiate_pre(&component))
            .and_then(FeatureJobPre::new)
            .map_err(|error| UdfError::WrongWorld { world: FEATURE_JOB.name, source: error.into() })?;
        Ok(Self { bytes, digest, instantiable })
    }
}

/// The state of a run, as the host functions see it.
pub(crate) struct Running {
    pub(crate) job: String,
    pub(crate) host: Arc<dyn JobHost>,
    pub(crate) allow: Capabilities,
    pub(crate) limits: JobLimits,
    pub(crate) sandbox: SandboxLimits,
    pub(crate) time: Timestamp,
    pub(crate) watch: Stopwatch,
    pub(crate) resources: ResourceTable,
    pub(crate) held: HeldBytes,
    pub(crate) written_bytes: u64,
    pub(crate) logged_bytes: usize,
    pub(crate) lines_not_kept: u64,
    memory: MemoryLimiter,
}

/// Runs a job to its end on this thread, which must not be one of `runtime`'s own. `given_up` is the end of
/// the run when its other end goes.
pub(crate) fn run(
    job: &CompiledJob,
    run: JobRun,
    host: Arc<dyn JobHost>,
    sandbox: &SandboxLimits,
    runtime: Handle,
    given_up: watch::Receiver<()>,
) -> Result<(), JobCallError> {
    /// What a call may pass beside its tables: names, records, a line of log.
    const BESIDE_TABLES: usize = 1 << 20;
    let limits = run.limits;
    let mut resources = ResourceTable::new();
    resources.set_max_capacity(HANDLES);
    let running = Running {
        job: run.job,
        host,
        allow: run.allow,
        limits,
        sandbox: *sandbox,
        time: run.time,
        watch: Stopwatch::start(&limits, runtime, given_up),
        resources,
        held: HeldBytes::default(),
        written_bytes: 0,
        logged_bytes: 0,
        lines_not_kept: 0,
        memory: MemoryLimiter::new(limits.memory_bytes, sandbox.table_elements),
    };
    let mut store = Store::new(job.instantiable.engine(), running);
    store.limiter(|running| &mut running.memory);
    store.set_hostcall_fuel(limits.batch_bytes.saturating_add(BESIDE_TABLES));
    store.set_epoch_deadline(TICKS_BETWEEN_LOOKS);
    store.epoch_deadline_callback(|context| {
        context.data().watch.check()?;
        Ok(UpdateDeadline::Continue(TICKS_BETWEEN_LOOKS))
    });
    let invocation = Invocation { arguments: run.arguments, time: run.time.micros() };
    let answer = job
        .instantiable
        .instantiate(&mut store)
        .and_then(|guest| guest.larder_job_job().call_run(&mut store, &invocation));
    let running = store.into_data();
    if running.lines_not_kept > 0 {
        let text = format!("{} more lines were not kept: the log is full", running.lines_not_kept);
        running.host.log(LogLevel::Warn, &text);
    }
    match answer {
        Ok(Ok(())) => Ok(()),
        Ok(Err(message)) => Err(JobCallError::Guest { message: cut(message, MESSAGE_BYTES) }),
        Err(error) => Err(stopped(error, limits, sandbox)),
    }
}

fn stopped(error: wasmtime::Error, limits: JobLimits, sandbox: &SandboxLimits) -> JobCallError {
    match error.downcast_ref::<GrowthLimitReached>() {
        Some(GrowthLimitReached::Memory { .. }) => {
            return JobCallError::Memory { limit_bytes: limits.memory_bytes };
        }
        Some(GrowthLimitReached::Table { .. }) => {
            return JobCallError::Table { limit_elements: sandbox.table_elements };
        }
        None => {}
    }
    match error.downcast_ref::<Stop>() {
        Some(Stop::ComputeTime) => return JobCallError::ComputeTime { limit: limits.compute_time },
        Some(Stop::WallTime) => return JobCallError::WallTime { limit: limits.wall_time },
        Some(Stop::Cancelled) => return JobCallError::Cancelled,
        None => {}
    }
    if let Some(ResourceTableError::Full) = error.downcast_ref() {
        return JobCallError::TooManyHandles { limit: HANDLES };
    }
    if let Some(Absent { what, package, function }) = asked_for(&error) {
        return JobCallError::NoSystem { what, package, function };
    }
    if let Some(trap) = error.downcast_ref::<Trap>() {
        return JobCallError::Trap { trap: in_plain_words(*trap) };
    }
    // These errors have no public type; tests of guests that cause them watch the words.
    let cause = error.root_cause().to_string();
    if cause.contains("too much data is being copied") {
        JobCallError::Batch { limit_bytes: limits.batch_bytes }
    } else if cause.contains("handle index") {
        JobCallError::UnknownHandle
    } else {
        JobCallError::Engine { source: error.into() }
    }
}
