//! Compiled components: checked, compiled and asked for their signatures once.

use std::sync::Arc;

use larder_core::{ComponentDigest, InspectedComponent};
use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use crate::cache::CompiledCache;
use crate::component_bytes::to_component;
use crate::sandboxed_call::{self, Instantiable};
use crate::signature::{self, AgreedSignature};
use crate::world::ON_DEMAND_FEATURE_VIEW;
use crate::{SandboxLimits, UdfError, compile_cost, frozen_wasi};

/// A component that is ready to be called.
pub(crate) struct CompiledComponent {
    pub(crate) bytes: Arc<[u8]>,
    pub(crate) digest: ComponentDigest,
    pub(crate) instantiable: Instantiable,
    pub(crate) signatures: Vec<Arc<AgreedSignature>>,
}

impl std::fmt::Debug for CompiledComponent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CompiledComponent").field("digest", &self.digest).finish_non_exhaustive()
    }
}

/// The SHA-256 of bytes.
pub fn digest_of(bytes: &[u8]) -> ComponentDigest {
    ComponentDigest(Sha256::digest(bytes).into())
}

impl CompiledComponent {
    /// Checks and compiles `bytes`, or takes the code from `cache`.
    pub(crate) fn load(
        bytes: Arc<[u8]>,
        engine: &Engine,
        cache: Option<&CompiledCache>,
        sandbox: &SandboxLimits,
    ) -> Result<Self, UdfError> {
        let bytes = to_component(bytes, &ON_DEMAND_FEATURE_VIEW, sandbox)?;
        let digest = digest_of(&bytes);
        let component = compile(&bytes, digest, engine, cache, sandbox)?;
        let instantiable = link(&component)?;
        let declared = sandboxed_call::signatures(&instantiable, sandbox)
            .map_err(|source| UdfError::NoSignatures { source })?;
        let signatures =
            signature::agree(declared, sandbox).map_err(|source| UdfError::InvalidSignature { source })?;
        Ok(Self { bytes, digest, instantiable, signatures })
    }

    /// What the outside sees of it.
    pub(crate) fn inspected(&self) -> InspectedComponent {
        InspectedComponent {
            bytes: Arc::clone(&self.bytes),
            digest: self.digest,
            signatures: self.signatures.iter().map(|agreed| agreed.signature.clone()).collect(),
        }
    }
}

/// Gives a component all that it may have, which is nothing, or a system that stands still.
pub(crate) fn link(component: &Component) -> Result<Instantiable, UdfError> {
    let mut linker = Linker::new(component.engine());
    let linked = frozen_wasi::link(&mut linker, component).and_then(|()| linker.instantiate_pre(component));
    linked
        .and_then(Instantiable::new)
        .map_err(|error| UdfError::WrongWorld { world: ON_DEMAND_FEATURE_VIEW.name, source: error.into() })
}

/// The code of a component: what `cache` has of it, or compiled now.
pub(crate) fn compile(
    bytes: &[u8],
    digest: ComponentDigest,
    engine: &Engine,
    cache: Option<&CompiledCache>,
    sandbox: &SandboxLimits,
) -> Result<Component, UdfError> {
    if let Some(component) = cache.and_then(|cache| cache.load(engine, digest)) {
        return Ok(component);
    }
    compile_cost::check(bytes, sandbox.compile_time)?;
    let compiled = Component::from_binary(engine, bytes);
    let component = compiled.map_err(|error| {
        // The error has no public type; a test of a guest with too much memory watches these words.
        let is_too_much = format!("{error:#}").contains("pooling allocator");
        let source = error.into();
        if is_too_much { UdfError::BeyondSandbox { source } } else { UdfError::InvalidWasm { source } }
    })?;
    if let Some(cache) = cache {
        cache.store(digest, &component);
    }
    Ok(component)
}
