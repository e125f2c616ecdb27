//! From the bytes that a user gives to the bytes of a component of larder's world.

use std::sync::Arc;

use wasmparser::{Parser, Payload};
use wit_component::ComponentEncoder;

use crate::world::World;
use crate::{SandboxLimits, UdfError};

/// Checks that `bytes` are of a world, without compiling them, and makes a component of a core module.
pub(crate) fn to_component(
    bytes: Arc<[u8]>,
    world: &'static World,
    limits: &SandboxLimits,
) -> Result<Arc<[u8]>, UdfError> {
    let limit_bytes = limits.component_bytes;
    if bytes.len() > limit_bytes {
        return Err(UdfError::ComponentTooLarge { actual_bytes: bytes.len(), limit_bytes });
    }
    if Parser::is_component(&bytes) {
        check_world(&bytes, world)?;
        Ok(bytes)
    } else if Parser::is_core_wasm(&bytes) {
        let component = encode(&bytes, world)?;
        check_world(&component, world)?;
        Ok(component.into())
    } else {
        Err(UdfError::NotWasm { found: describe(&bytes), noun: world.noun })
    }
}

/// Makes a component of a core module that carries its world in a custom section.
fn encode(module: &[u8], world: &'static World) -> Result<Vec<u8>, UdfError> {
    let mut has_world = false;
    let mut foreign = None;
    for payload in Parser::new(0).parse_all(module) {
        match payload.map_err(invalid)? {
            Payload::CustomSection(section) => has_world |= section.name().starts_with("component-type"),
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    let import = import.map_err(invalid)?;
                    if !world.has_functions_of(import.module) {
                        foreign.get_or_insert_with(|| (import.module.to_owned(), import.name.to_owned()));
                    }
                }
            }
            _ => {}
        }
    }
    // Importing nothing else is the rule of every world, so an import names the problem better than any
    // description of the world could.
    if let Some((module, name)) = foreign {
        return Err(foreign_import(world, format!("{module}#{name}"), &module));
    }
    if !has_world {
        return Err(UdfError::NoWorld { sdk: world.sdk, world: world.plain_name() });
    }
    let encoded = ComponentEncoder::default().validate(true).module(module).and_then(|mut e| e.encode());
    encoded.map_err(|error| UdfError::Encode { source: error.into() })
}

/// Refuses other imports than those of the world, and a component that does not export what it must.
fn check_world(component: &[u8], world: &'static World) -> Result<(), UdfError> {
    let mut exports = Vec::new();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(invalid)? {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(imports) if depth == 1 => {
                for import in imports {
                    let name = import.map_err(invalid)?.name.name;
                    if !world.has(name) {
                        return Err(foreign_import(world, name.to_owned(), name));
                    }
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
    if exports.iter().any(|name| name == world.export) {
        return Ok(());
    }
    let exports = exports.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let exports = if exports.is_empty() { "nothing".to_owned() } else { exports };
    Err(UdfError::MissingExport { wanted: world.export, exports })
}

fn foreign_import(world: &'static World, import: String, interface: &str) -> UdfError {
    UdfError::ForeignImport { import, rule: world.rule, remedy: remedy(world, interface) }
}

/// What to do about an import whose origin is well known.
fn remedy(world: &World, import: &str) -> String {
    if import.starts_with("wasi:") || import.starts_with("wasi_snapshot_preview1") {
        if world.has_frozen_wasi {
            "; build for wasm32-unknown-unknown or wasm32-wasip2, or with WASI stubbed out".to_owned()
        } else {
            "; build for wasm32-unknown-unknown, or with WASI stubbed out".to_owned()
        }
    } else if package(import) == package(world.name) {
        let version = world.name.rsplit('@').next().unwrap_or_default();
        format!(
            "; it was built for another version of the contract than this larder's {version}: build it again with its SDK"
        )
    } else if import.starts_with("__wbindgen") {
        "; build without wasm-bindgen: a dependency expects JavaScript around it".to_owned()
    } else {
        String::new()
    }
}

/// `larder:udf` of `larder:udf/arrow@0.2.0`.
fn package(name: &str) -> &str {
    name.split('/').next().unwrap_or_default()
}

fn invalid(error: wasmparser::BinaryReaderError) -> UdfError {
    UdfError::InvalidWasm { source: error.into() }
}

/// What bytes look like that are not Wasm.
fn describe(bytes: &[u8]) -> &'static str {
    let magic: [(&[u8], &str); 11] = [
        (b"\0asm", "wasm of a version that larder does not know"),
        (b"\x7fELF", "a native program or library (ELF), perhaps a precompiled component"),
        (b"\xcf\xfa\xed\xfe", "a native program or library (Mach-O)"),
        (b"MZ", "a native program or library (Windows)"),
        (b"!<arch>", "a static library"),
        (b"PK\x03\x04", "a zip archive, perhaps a Python wheel"),
        (b"\x1f\x8b", "a gzip file"),
        (b"PAR1", "a Parquet file"),
        (b"version https://git-lfs", "a Git LFS pointer; fetch the file with `git lfs pull`"),
        (b"<", "an HTML or XML text, perhaps an error page"),
        (b"(", "Wasm text; assemble it with `wasm-tools parse`"),
    ];
    if bytes.is_empty() {
        return "an empty file";
    }
    if let Some((_, name)) = magic.into_iter().find(|(start, _)| bytes.starts_with(start)) {
        return name;
    }
    match std::str::from_utf8(bytes) {
        Ok(_) => "a text file, perhaps source code",
        Err(_) => "data of an unknown kind",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{FEATURE_JOB, ON_DEMAND_FEATURE_VIEW};

    fn refused(bytes: &[u8]) -> UdfError {
        to_component(bytes.into(), &ON_DEMAND_FEATURE_VIEW, &SandboxLimits::default())
            .expect_err("this is no component")
    }

    #[test]
    fn bytes_that_are_not_wasm_are_called_by_their_name() {
        for (bytes, found) in [
            (&b""[..], "an empty file"),
            (b"\x7fELF\x02\x01", "a native program or library (ELF), perhaps a precompiled component"),
            (b"PK\x03\x04rest", "a zip archive, perhaps a Python wheel"),
            (b"def transform(df):", "a text file, perhaps source code"),
            (b"\0asm\x07\0\0\0", "wasm of a version that larder does not know"),
            (b"\xff\xfe\x00", "data of an unknown kind"),
        ] {
            let error = refused(bytes);
            assert!(matches!(error, UdfError::NotWasm { found: f, .. } if f == found), "{error}");
        }
    }

    #[test]
    fn an_empty_module_and_an_empty_component_are_told_what_they_lack() {
        assert!(matches!(refused(b"\0asm\x01\0\0\0"), UdfError::NoWorld { .. }));
        let error = refused(b"\0asm\x0d\0\x01\0");
        assert!(matches!(&error, UdfError::MissingExport { exports, .. } if exports == "nothing"), "{error}");
    }

    #[test]
    fn cut_wasm_is_invalid() {
        assert!(matches!(refused(b"\0asm\x01\0\0\0\x01\xff"), UdfError::InvalidWasm { .. }));
    }

    #[test]
    fn a_large_component_is_refused_unread() {
        let limits = SandboxLimits { component_bytes: 3, ..SandboxLimits::default() };
        let error = to_component(b"\0asm".as_slice().into(), &FEATURE_JOB, &limits).unwrap_err();
        assert!(matches!(error, UdfError::ComponentTooLarge { actual_bytes: 4, limit_bytes: 3 }));
    }
}
