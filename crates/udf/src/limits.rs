//! Every limit of the sandbox that is the same for all views, and the one that counts memory.

use std::num::NonZeroUsize;
use std::time::Duration;

use wasmtime::ResourceLimiter;

/// What the host grants to all components alike. What differs from view to view (wall time, memory,
/// tables, stack, output, messages, fuel) is in [`TransformationLimits`](larder_core::TransformationLimits), what differs
/// from job to job in [`JobLimits`](larder_core::JobLimits).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SandboxLimits {
    /// Calls that run at the same time; more wait for a slot. Default: two for each core, at least 4.
    pub concurrent_calls: usize,
    /// Short calls that run on their callers' threads at the same time, beside the others. Default: one
    /// for each core.
    pub quick_calls: usize,
    /// Components that are compiled at the same time; more wait. Default: one for each core.
    pub concurrent_compilations: usize,
    /// Jobs that run at the same time; more wait for a slot. Default: 4.
    pub concurrent_jobs: usize,
    /// Rows of one call; a longer batch is split, the pieces run in parallel. Default: 8,192.
    pub rows_per_call: usize,
    /// The most memory that the limits of a view may grant to one call, in bytes. Default: 1 GiB; at
    /// most 4 GiB. It costs nothing until it is used, but each slot reserves 4 GiB of address space.
    pub memory_bytes: usize,
    /// The most stack that the limits of a view may grant to one call, in bytes. Default: 1 MiB, which leaves the
    /// threads of tokio, that have 2, as much for the host.
    pub stack_bytes: usize,
    /// The most entries of one table that the limits of a view may grant. Default: 1,000,000.
    pub table_elements: usize,
    /// Tables of one component. Default: 16.
    pub tables: u32,
    /// Core module instances that one component is made of. Default: 64. (A component of Python has 38.)
    pub core_instances: u32,
    /// Linear memories of one component, which share the limit of a view. Default: 4. Each reserves 4 GiB of
    /// address space in each slot.
    pub memories: u32,
    /// Bookkeeping of one instance in the host, in bytes. Default: 1 MiB.
    pub instance_bytes: usize,
    /// Bytes of a component before it is compiled. Default: 64 MiB.
    pub component_bytes: usize,
    /// Time that compiling a component may take, by an estimate of what grows faster than its size. Default: 30 s.
    pub compile_time: Duration,
    /// Bytes of compiled components that are kept on disk; the least recently loaded go first. Default:
    /// 1 GiB.
    pub cache_bytes: u64,
    /// Functions that one component may declare. Default: 1,024.
    pub functions: usize,
    /// Columns that one function may take or give, counting the levels of nested ones. Default: 4,096.
    pub columns: usize,
    /// Wall time in which a component must tell its signatures. Default: 10 s.
    pub signature_time: Duration,
    /// Bytes that a component's signatures may take up. Default: 4 MiB.
    pub signature_bytes: usize,
}

impl Default for SandboxLimits {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            concurrent_calls: (2 * cores).max(4),
            quick_calls: cores,
            concurrent_compilations: cores,
            concurrent_jobs: 4,
            rows_per_call: 8_192,
            memory_bytes: 1 << 30,
            stack_bytes: 1 << 20,
            table_elements: 1_000_000,
            tables: 16,
            core_instances: 64,
            memories: 4,
            instance_bytes: 1 << 20,
            component_bytes: 64 << 20,
            compile_time: Duration::from_secs(30),
            cache_bytes: 1 << 30,
            functions: 1_024,
            columns: 4_096,
            signature_time: Duration::from_secs(10),
            signature_bytes: 4 << 20,
        }
    }
}

/// Stops a call at the moment its memories together, or a table, would grow past the limit.
#[derive(Debug)]
pub(crate) struct MemoryLimiter {
    limit_bytes: usize,
    table_elements: usize,
    /// What the memories together have grown to; they never shrink.
    pub(crate) peak_bytes: usize,
}

impl MemoryLimiter {
    pub(crate) fn new(limit_bytes: usize, table_elements: usize) -> Self {
        Self { limit_bytes, table_elements, peak_bytes: 0 }
    }
}

/// A memory or a table would have grown past its limit.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(crate) enum GrowthLimitReached {
    #[error("{wanted_bytes} bytes of memory are more than the limit")]
    Memory { wanted_bytes: usize },
    #[error("{wanted_elements} entries of a table are more than the limit")]
    Table { wanted_elements: usize },
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let wanted_bytes = self.peak_bytes.saturating_add(desired.saturating_sub(current));
        // An error ends the call at once. `Ok(false)` would let a guest go on asking until its time is up.
        if wanted_bytes > self.limit_bytes {
            return Err(GrowthLimitReached::Memory { wanted_bytes }.into());
        }
        self.peak_bytes = wanted_bytes;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > self.table_elements {
            return Err(GrowthLimitReached::Table { wanted_elements: desired }.into());
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memories_of_one_call_share_its_limit() {
        let mut limiter = MemoryLimiter::new(100, 0);
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(limiter.memory_growing(0, 30, None).unwrap());
        assert!(limiter.memory_growing(60, 70, None).unwrap());
        let refused = limiter.memory_growing(30, 31, None).unwrap_err();
        assert_eq!(refused.to_string(), "101 bytes of memory are more than the limit");
    }
}
