//! The configuration of wasmtime: deterministic code, interruptible, from a pool of instances.

use larder_core::TransformationLimits;
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, WasmBacktraceDetails,
};

use crate::{SandboxLimits, UdfError};

/// What an engine has one of for all that runs in it, and views may want otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct EngineKind {
    /// Whether its code counts instructions as it goes, which makes it slower: for views that limit `fuel`, and for
    /// measuring.
    pub(crate) counts: bool,
    stack_bytes: usize,
}

impl EngineKind {
    /// Stacks are of so many sizes at most: each engine sets address space aside.
    const STACK_STEP: usize = 64 << 10;

    /// The engine for calls with these limits.
    pub(crate) fn of(limits: &TransformationLimits) -> Self {
        Self { counts: limits.fuel.is_some(), stack_bytes: stack_bytes(limits) }
    }
}

/// The stack that a call with these limits has.
pub(crate) fn stack_bytes(limits: &TransformationLimits) -> usize {
    limits.stack_bytes.max(1).checked_next_multiple_of(EngineKind::STACK_STEP).unwrap_or(usize::MAX)
}

/// Builds an engine.
pub(crate) fn build(kind: EngineKind, limits: &SandboxLimits) -> Result<Engine, UdfError> {
    Engine::new(&config(kind, limits)).map_err(|error| UdfError::Engine { source: error.into() })
}

fn config(kind: EngineKind, limits: &SandboxLimits) -> Config {
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
        .max_wasm_stack(kind.stack_bytes)
        .consume_fuel(kind.counts)
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
        let sandbox = SandboxLimits { concurrent_calls: 1, ..SandboxLimits::default() };
        let engine = build(EngineKind::of(&TransformationLimits::default()), &sandbox).unwrap();
        Component::from_binary(&engine, &wat::parse_str(TWO_PARTS).unwrap()).unwrap();
    }
}
