//! What one call costs, for those who write transformations: instructions, memory and time.
//!
//! Counting instructions needs code that counts, which is slower. So a [`Meter`] has two engines: one
//! that counts, and one that is set up like [`WasmRuntime`](crate::WasmRuntime)'s and tells the time. No
//! request ever runs here.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use larder_core::{ComponentDigest, InspectedComponent, TransformationLimits, TransformationSignature};
use wasmtime::Store;

use crate::bindings::larder::udf::arrow::BatchParam;
use crate::compiled::{CompiledComponent, compile, digest_of, link};
use crate::component_bytes::to_component;
use crate::engine::EngineKind;
use crate::input_size::split;
use crate::lift::lift;
use crate::lower::Lowered;
use crate::machine::Machine;
use crate::machines::Machines;
use crate::sandboxed_call::{self, GuestState, Instantiable, Step, copy_budget, settle, stopped};
use crate::signature::AgreedSignature;
use crate::ticker::EpochTicker;
use crate::wasm_runtime::check_stack;
use crate::wasm_transformation::{WrongInput, check_input};
use crate::world::ON_DEMAND_FEATURE_VIEW;
use crate::{CallError, SandboxLimits, UdfError, WasmRuntimeOptions};

/// Counted code may take so much longer than its view's limit of wall time; it is about 1.5 times slower.
const COUNTING_SLACK: u32 = 4;

/// Two engines to measure calls with, for each size of stack.
///
/// All is synchronous and on the caller's thread: keep it off async threads.
#[derive(Debug)]
pub struct Meter {
    machines: Machines,
    sandbox: SandboxLimits,
}

impl Meter {
    /// Starts the engines.
    ///
    /// # Errors
    ///
    /// As [`WasmRuntime::try_new`](crate::WasmRuntime::try_new).
    pub fn try_new(options: &WasmRuntimeOptions) -> Result<Self, UdfError> {
        // Calls come one at a time.
        let sandbox = SandboxLimits { concurrent_calls: 2, concurrent_compilations: 1, ..options.sandbox };
        let meter = Self { machines: Machines::new(options.cache_dir.clone(), sandbox), sandbox };
        meter.pair(TransformationLimits::default().stack_bytes)?;
        Ok(meter)
    }

    /// The machine that runs calls with so much stack as requests do, and the one that counts.
    fn pair(&self, stack_bytes: usize) -> Result<[Arc<Machine>; 2], UdfError> {
        let machine = |fuel| {
            let limits = TransformationLimits { fuel, stack_bytes, ..TransformationLimits::default() };
            self.machines.of(EngineKind::of(&limits))
        };
        Ok([machine(None)?, machine(Some(u64::MAX))?])
    }

    /// The digest of the component that bytes are, or that is made of them. Nothing is compiled.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load), as far as that can be told.
    pub fn digest(&self, bytes: Arc<[u8]>) -> Result<ComponentDigest, UdfError> {
        Ok(digest_of(&to_component(bytes, &ON_DEMAND_FEATURE_VIEW, &self.sandbox)?))
    }

    /// Checks and compiles a component, or a core module that can be made into one.
    ///
    /// # Errors
    ///
    /// As [`UdfRuntime::inspect`](larder_core::UdfRuntime::inspect).
    pub fn load(&self, bytes: Arc<[u8]>) -> Result<MeteredComponent, UdfError> {
        self.load_with_stack(bytes, TransformationLimits::default().stack_bytes)
    }

    /// The same for calls with so much stack.
    ///
    /// # Errors
    ///
    /// The same, and if the stack is more than the sandbox grants.
    pub fn load_with_stack(
        &self,
        bytes: Arc<[u8]>,
        stack_bytes: usize,
    ) -> Result<MeteredComponent, UdfError> {
        check_stack("tested", stack_bytes, &self.sandbox)?;
        let [plain, counting] = self.pair(stack_bytes)?;
        let compiled = CompiledComponent::load(bytes, plain.engine(), plain.cache(), &self.sandbox)?;
        Ok(MeteredComponent(Arc::new(Loaded {
            counting: counted(&compiled, &counting, &self.sandbox)?,
            compiled,
            stack_bytes,
            sandbox: self.sandbox,
            _tickers: [plain.ticker(), counting.ticker()],
        })))
    }
}

/// The same component in an engine that counts.
fn counted(
    compiled: &CompiledComponent,
    counting: &Machine,
    sandbox: &SandboxLimits,
) -> Result<Instantiable, UdfError> {
    link(&compile(&compiled.bytes, compiled.digest, counting.engine(), counting.cache(), sandbox)?)
}

/// A component whose functions can be measured.
#[derive(Clone, Debug)]
pub struct MeteredComponent(Arc<Loaded>);

struct Loaded {
    compiled: CompiledComponent,
    counting: Instantiable,
    stack_bytes: usize,
    sandbox: SandboxLimits,
    /// Without them no time limit holds.
    _tickers: [Arc<EpochTicker>; 2],
}

impl std::fmt::Debug for Loaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loaded").field("compiled", &self.compiled).finish_non_exhaustive()
    }
}

impl MeteredComponent {
    /// Its bytes, digest and functions.
    pub fn inspected(&self) -> InspectedComponent {
        self.0.compiled.inspected()
    }

    /// One function of it, with limits of which the stack is that of the component; `None` if there is none of that
    /// name.
    pub fn function(&self, name: &str, limits: TransformationLimits) -> Option<MeteredFunction> {
        let agreed = self.0.compiled.signatures.iter().find(|agreed| agreed.signature.name == name)?;
        let limits = TransformationLimits { stack_bytes: self.0.stack_bytes, ..limits };
        Some(MeteredFunction { component: Arc::clone(&self.0), agreed: Arc::clone(agreed), limits })
    }
}

/// A function that tells what its calls cost.
#[derive(Clone, Debug)]
pub struct MeteredFunction {
    component: Arc<Loaded>,
    agreed: Arc<AgreedSignature>,
    limits: TransformationLimits,
}

/// How one call ended, and what it cost.
#[derive(Debug)]
pub struct MeteredCall {
    /// The output, or how the call failed.
    pub output: Result<RecordBatch, CallError>,
    /// WebAssembly instructions executed, with those that make and take buffers. The same for the same
    /// bytes and input on every machine, as long as larder's engine stays the same. Of a call that was
    /// stopped, not all are known.
    pub instructions: u64,
    /// The most that linear memory has been, from the first instruction to the last.
    pub memory_bytes: usize,
}

impl MeteredFunction {
    /// The columns it takes and gives.
    pub fn signature(&self) -> &TransformationSignature {
        &self.agreed.signature
    }

    /// The rows of each call that a transformation makes of `input`: it cuts long tables.
    pub fn pieces(&self, input: &RecordBatch) -> Vec<std::ops::Range<usize>> {
        split(input, self.component.sandbox.rows_per_call, self.limits.memory_bytes / 8)
    }

    /// Calls the function once, in a fresh instance, and counts. All rows go in at once, even none.
    pub fn call(&self, input: &RecordBatch) -> MeteredCall {
        let mut calls = self.count(input, 1);
        calls.pop().unwrap_or_else(|| MeteredCall::failed(CallError::InputTooLong))
    }

    /// Calls the function twice in the same instance: what the second call sees of the first is there to
    /// be seen. No second call after a first that was stopped, for that instance is gone.
    pub fn call_again(&self, input: &RecordBatch) -> (MeteredCall, Option<MeteredCall>) {
        let mut calls = self.count(input, 2).into_iter();
        let first = calls.next().unwrap_or_else(|| MeteredCall::failed(CallError::InputTooLong));
        (first, calls.next())
    }

    /// Calls the function as a request does, once and in a fresh instance, and looks at the clock: from
    /// before the instance is made until the output is checked.
    pub fn time(&self, input: &RecordBatch) -> (Result<RecordBatch, CallError>, Duration) {
        if let Err(error) = self.check(input) {
            return (Err(error), Duration::ZERO);
        }
        #[expect(clippy::disallowed_methods, reason = "what is measured is real time")]
        let start = Instant::now();
        let (output, _peak_bytes) = sandboxed_call::transform(
            &self.component.compiled.instantiable,
            &self.agreed,
            input,
            self.limits,
        );
        (output, start.elapsed())
    }

    fn check(&self, input: &RecordBatch) -> Result<(), CallError> {
        check_input(&self.agreed.signature, input)
            .map_err(|WrongInput { found, expected }| CallError::WrongInput { found, expected })
    }

    /// Up to `times` calls in one instance.
    fn count(&self, input: &RecordBatch, times: usize) -> Vec<MeteredCall> {
        if let Err(error) = self.check(input) {
            return vec![MeteredCall::failed(error)];
        }
        let Ok(row_count) = u32::try_from(input.num_rows()) else {
            return vec![MeteredCall::failed(CallError::InputTooLong)];
        };
        let counting = &self.component.counting;
        let wall_time = self.limits.wall_time.saturating_mul(COUNTING_SLACK);
        let limits = TransformationLimits { wall_time, ..self.limits };
        let lowered = Lowered::new(input, &self.agreed.signature.inputs);
        let columns = lowered.as_params();
        let budget = copy_budget(&self.agreed, limits);
        let mut store = sandboxed_call::store(counting, limits, budget);
        let mut fuel = refuel(&mut store, limits.fuel);
        let mut calls = Vec::with_capacity(times);
        let guest = match counting.instantiate(&mut store) {
            Ok(guest) => guest,
            Err(error) => {
                return vec![MeteredCall::failed(stopped(error, Step::Start, self.limits))];
            }
        };
        for _ in 0..times {
            let input_rows = BatchParam { row_count, columns: &columns };
            let answer =
                guest.larder_udf_transformation().call_transform(&mut store, self.agreed.index, input_rows);
            let is_stopped = answer.is_err();
            let output = settle(answer, self.limits).and_then(|output| {
                lift(output, &self.agreed, input.num_rows(), limits.output_bytes)
                    .map_err(|source| CallError::Contract { source: Box::new(source) })
            });
            let instructions = fuel.saturating_sub(store.get_fuel().unwrap_or(fuel));
            calls.push(MeteredCall { output, instructions, memory_bytes: store.data().memory.peak_bytes });
            if is_stopped {
                break;
            }
            fuel = refuel(&mut store, limits.fuel);
            store.set_hostcall_fuel(budget);
        }
        calls
    }
}

/// Gives a store the fuel of a call, without limit as much as there can be, and says how much that is.
fn refuel(store: &mut Store<GuestState>, limit: Option<u64>) -> u64 {
    let fuel = limit.unwrap_or(u64::MAX);
    // The engine counts, so this cannot fail; if it did, the call itself would run out and say so.
    store.set_fuel(fuel).map_or(0, |()| fuel)
}

impl MeteredCall {
    fn failed(error: CallError) -> Self {
        Self { output: Err(error), instructions: 0, memory_bytes: 0 }
    }
}
