//! What Wasm bytes are made of, told without compiling or running them.

use wasmparser::{MemoryType, Parser, Payload};

use crate::UdfError;

/// The parts of a module or component that matter to whoever wants to run it.
///
/// Nothing is judged here: bytes that [`WasmRuntime`](crate::WasmRuntime) refuses have an anatomy too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anatomy {
    /// What the bytes are.
    pub kind: WasmKind,
    /// What it asks of the outside, in its order: `wasi:clocks/wall-clock@0.2.3`, or `env#now` in a module.
    pub imports: Vec<String>,
    /// What it offers to the outside, in its order.
    pub exports: Vec<String>,
    /// The linear memories of all its modules.
    pub memories: Vec<MemorySize>,
    /// The version of larder's contract that it was built for: `0.2.0`. `None`: for none.
    pub contract: Option<String>,
}

/// Whether Wasm is a module or a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WasmKind {
    /// A core module, of which larder makes a component.
    Module,
    /// A component.
    Component,
}

/// The declared size of a linear memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemorySize {
    /// Bytes at the start.
    pub initial_bytes: u64,
    /// Bytes that it cannot grow beyond; `None` where it declares none.
    pub maximum_bytes: Option<u64>,
}

impl MemorySize {
    fn of(memory: &MemoryType) -> Self {
        const USUAL_PAGE: u32 = 16;
        let page = 1_u64.checked_shl(memory.page_size_log2.unwrap_or(USUAL_PAGE)).unwrap_or(u64::MAX);
        Self {
            initial_bytes: memory.initial.saturating_mul(page),
            maximum_bytes: memory.maximum.map(|pages| pages.saturating_mul(page)),
        }
    }
}

impl Anatomy {
    /// Takes bytes apart. Custom sections are left out.
    ///
    /// # Errors
    ///
    /// [`UdfError::InvalidWasm`] if the bytes are no Wasm, or damaged.
    pub fn of(bytes: &[u8]) -> Result<Self, UdfError> {
        let kind = if Parser::is_component(bytes) { WasmKind::Component } else { WasmKind::Module };
        let (mut imports, mut exports, mut memories) = (Vec::new(), Vec::new(), Vec::new());
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(bytes) {
            match payload.map_err(invalid)? {
                Payload::Version { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::MemorySection(section) => {
                    for memory in section {
                        memories.push(MemorySize::of(&memory.map_err(invalid)?));
                    }
                }
                Payload::ImportSection(section) if depth == 1 => {
                    for import in section.into_imports() {
                        let import = import.map_err(invalid)?;
                        imports.push(format!("{}#{}", import.module, import.name));
                    }
                }
                Payload::ExportSection(section) if depth == 1 => {
                    for export in section {
                        exports.push(export.map_err(invalid)?.name.to_owned());
                    }
                }
                Payload::ComponentImportSection(section) if depth == 1 => {
                    for import in section {
                        imports.push(import.map_err(invalid)?.name.name.to_owned());
                    }
                }
                Payload::ComponentExportSection(section) if depth == 1 => {
                    for export in section {
                        exports.push(export.map_err(invalid)?.name.name.to_owned());
                    }
                }
                _ => {}
            }
        }
        let contract = exports.iter().find_map(|export| {
            // A module's exports end with the function: `…@0.2.0#signatures`.
            let version = export.strip_prefix("larder:udf/transformation@")?;
            Some(version.split('#').next().unwrap_or(version).to_owned())
        });
        Ok(Self { kind, imports, exports, memories, contract })
    }
}

fn invalid(error: wasmparser::BinaryReaderError) -> UdfError {
    UdfError::InvalidWasm { source: error.into() }
}
