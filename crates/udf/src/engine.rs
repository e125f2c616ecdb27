//! The configuration of wasmtime: deterministic code, interruptible, from a pool of instances.

use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, WasmBacktraceDetails};

use crate::{SandboxLimits, UdfError};

/// Builds the engine.
pub(crate) fn build(limits: &SandboxLimits) -> Result<Engine, UdfError> {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        // Time limits.
        .epoch_interruption(true)
        // The same input gives the same bytes on every machine: NaNs and relaxed SIMD are where Wasm
        // leaves a choice. Threads are not compiled into our wasmtime at all.
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        // One linear memory of 32-bit addresses in reserved address space: bounds checks cost nothing.
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .memory_init_cow(true)
        .max_wasm_stack(limits.stack_bytes)
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(limits)));
    Engine::new(&config).map_err(|error| UdfError::Engine { source: error.into() })
}

fn pool(limits: &SandboxLimits) -> PoolingAllocationConfig {
    let slots = [limits.concurrent_calls, limits.concurrent_compilations, limits.concurrent_jobs];
    let slots = slots.into_iter().fold(0, usize::saturating_add);
    let slots = u32::try_from(slots).unwrap_or(u32::MAX);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots)
        .total_core_instances(slots.saturating_mul(limits.core_instances))
        .total_memories(slots.saturating_mul(limits.memories))
        .total_tables(slots.saturating_mul(limits.tables))
        .max_core_instances_per_component(limits.core_instances)
        .max_memories_per_component(limits.memories)
        .max_tables_per_component(limits.tables)
        .max_memories_per_module(limits.memories)
        .max_tables_per_module(limits.tables)
        .max_component_instance_size(limits.instance_bytes)
        .max_core_instance_size(limits.instance_bytes)
        .table_elements(limits.table_elements)
        .max_memory_size(limits.memory_bytes)
        // A slot goes back to its first state by copy-on-write. Keeping pages resident would copy them
        // on every call instead: 27 µs for a megabyte against 4 µs.
        .linear_memory_keep_resident(0)
        .table_keep_resident(0);
    pool
}
