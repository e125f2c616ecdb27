//! The configuration of wasmtime: deterministic code, interruptible, from a pool of instances.

use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, WasmBacktraceDetails,
};

use crate::{SandboxLimits, UdfError};

/// Builds the engine of most views.
pub(crate) fn build(limits: &SandboxLimits) -> Result<Engine, UdfError> {
    start(&config(limits))
}

/// Builds an engine that counts instructions as it goes, for views that limit `fuel` and for measuring. Its code
/// is slower.
pub(crate) fn build_counting(limits: &SandboxLimits) -> Result<Engine, UdfError> {
    start(config(limits).consume_fuel(true))
}

fn start(config: &Config) -> Result<Engine, UdfError> {
    Engine::new(config).map_err(|error| UdfError::Engine { source: error.into() })
}

fn config(limits: &SandboxLimits) -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        // Time limits.
        .epoch_interruption(true)
        // The same input gives the same bytes on every machine: NaNs and relaxed SIMD are where Wasm
        // leaves a choice. Threads are not compiled into our wasmtime at all.
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        // Linear memories of 32-bit addresses in reserved address space: bounds checks cost nothing.
        .wasm_memory64(false)
        // Calls between the parts of one component, such as a runtime and its stubs of WASI, copy from one
        // memory to another; wasmtime's own code for that is a module with two.
        .wasm_multi_memory(true)
        .memory_init_cow(true)
        .max_wasm_stack(limits.stack_bytes)
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(limits)));
    config
}

/// What a slot keeps of the memory that its calls have written.
const RESIDENT_BYTES: usize = 1 << 20;
/// The same for each table.
const RESIDENT_TABLE_BYTES: usize = 64 << 10;

fn pool(limits: &SandboxLimits) -> PoolingAllocationConfig {
    let slots = [limits.quick_calls, limits.concurrent_compilations, limits.concurrent_jobs];
    let slots = slots.into_iter().fold(limits.concurrent_calls, usize::saturating_add);
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
        // all on every call instead: 27 µs for a megabyte against 4 µs.
        .linear_memory_keep_resident(0)
        .table_keep_resident(0);
    if PoolingAllocationConfig::is_pagemap_scan_available() {
        // Linux from 6.7 on tells which pages a call has written. Only these are copied, and the next call
        // in the slot meets no page faults.
        pool.pagemap_scan(Enabled::Yes)
            .linear_memory_keep_resident(RESIDENT_BYTES)
            .table_keep_resident(RESIDENT_TABLE_BYTES);
    }
    pool
}

#[cfg(test)]
mod tests {
    use wasmtime::component::Component;

    use super::*;

    /// A part calls another, which has a memory of its own, with a text.
    const TWO_PARTS: &str = r#"(component
        (component $callee
            (core module $code
                (memory (export "memory") 1)
                (func (export "take") (param i32 i32))
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 0))
            (core instance $code (instantiate $code))
            (func (export "take") (param "text" string) (canon lift (core func $code "take")
                (memory (core memory $code "memory")) (realloc (core func $code "realloc")))))
        (component $caller
            (import "take" (func $take (param "text" string)))
            (core module $memory (memory (export "memory") 1))
            (core instance $memory (instantiate $memory))
            (core func $lowered (canon lower (func $take) (memory (core memory $memory "memory"))))
            (core module $code
                (import "" "take" (func (param i32 i32)))
                (func (export "run") i32.const 0 i32.const 0 call 0))
            (core instance $code (instantiate $code (with "" (instance (export "take" (func $lowered))))))
            (func (export "run") (canon lift (core func $code "run"))))
        (instance $callee (instantiate $callee))
        (instance $caller (instantiate $caller (with "take" (func $callee "take"))))
        (export "run" (func $caller "run")))"#;

    #[test]
    fn parts_of_a_component_may_have_memories_of_their_own() {
        let engine = build(&SandboxLimits { concurrent_calls: 1, ..SandboxLimits::default() }).unwrap();
        Component::from_binary(&engine, &wat::parse_str(TWO_PARTS).unwrap()).unwrap();
    }
}
