//! Every limit of the sandbox that is the same for all views, and the one that counts memory.

use std::num::NonZeroUsize;
use std::time::Duration;

use wasmtime::ResourceLimiter;

/// What the host grants to all components alike. What differs from view to view (wall time, memory,
/// output) is in [`TransformationLimits`](larder_core::TransformationLimits), what differs from job to job in
/// [`JobLimits`](larder_core::JobLimits).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SandboxLimits {
    /// Calls that run at the same time; more wait for a slot. Default: two for each core, at least 4.
    pub concurrent_calls: usize,
    /// Components that are compiled at the same time; more wait. Default: one for each core.
    pub concurrent_compilations: usize,
    /// Jobs that run at the same time; more wait for a slot. Default: 4.
    pub concurrent_jobs: usize,
    /// Rows of one call; a longer batch is split, the pieces run in parallel. Default: 8,192.
    pub rows_per_call: usize,
    /// The most memory that the limits of a view may grant to one call, in bytes. Default: 1 GiB; at
    /// most 4 GiB. It costs nothing until it is used, but each slot reserves 4 GiB of address space.
    pub memory_bytes: usize,
    /// Stack of Wasm frames in one call, in bytes. Default: 512 KiB. (What languages call their
    /// stack lies mostly in linear memory and counts as memory.)
    pub stack_bytes: usize,
    /// Entries of one table, which holds the functions that are called indirectly. Default: 100,000.
    pub table_elements: usize,
    /// Tables of one component. Default: 16.
    pub tables: u32,
    /// Core module instances that one component is made of. Default: 32.
    pub core_instances: u32,
    /// Linear memories of one component. Default: 1.
    pub memories: u32,
    /// Bookkeeping of one instance in the host, in bytes. Default: 1 MiB.
    pub instance_bytes: usize,
    /// Bytes of a component before it is compiled. Default: 64 MiB.
    pub component_bytes: usize,
    /// Functions that one component may declare. Default: 1,024.
    pub functions: usize,
    /// Columns that one function may take or give, counting the levels of nested ones. Default: 4,096.
    pub columns: usize,
    /// Wall time in which a component must tell its signatures. Default: 10 s.
    pub signature_time: Duration,
    /// Bytes that a component's signatures may take up. Default: 4 MiB.
    pub signature_bytes: usize,
    /// Bytes of an error message of a guest that are kept. Default: 4 KiB.
    pub message_bytes: usize,
}

impl Default for SandboxLimits {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            concurrent_calls: (2 * cores).max(4),
            concurrent_compilations: cores,
            concurrent_jobs: 4,
            rows_per_call: 8_192,
            memory_bytes: 1 << 30,
            stack_bytes: 512 << 10,
            table_elements: 100_000,
            tables: 16,
            core_instances: 32,
            memories: 1,
            instance_bytes: 1 << 20,
            component_bytes: 64 << 20,
            functions: 1_024,
            columns: 4_096,
            signature_time: Duration::from_secs(10),
            signature_bytes: 4 << 20,
            message_bytes: 4 << 10,
        }
    }
}

/// Stops a call at the moment its memory would grow past the limit.
#[derive(Debug)]
pub(crate) struct MemoryLimiter {
    limit_bytes: usize,
}

impl MemoryLimiter {
    pub(crate) fn new(limit_bytes: usize) -> Self {
        Self { limit_bytes }
    }
}

/// The memory of a call would have grown past its limit.
#[derive(Debug, thiserror::Error)]
#[error("{wanted_bytes} bytes of memory are more than the limit")]
pub(crate) struct MemoryLimitReached {
    /// What the guest asked for.
    pub(crate) wanted_bytes: usize,
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // An error ends the call at once. `Ok(false)` would let a guest go on asking until its time is up.
        if desired > self.limit_bytes {
            return Err(MemoryLimitReached { wanted_bytes: desired }.into());
        }
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        _desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // The pool refuses more than `SandboxLimits::table_elements`.
        Ok(true)
    }
}
