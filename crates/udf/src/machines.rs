//! The machines of a runtime: one for each kind of engine that something asked for.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::engine::{self, EngineKind};
use crate::machine::Machine;
use crate::{SandboxLimits, UdfError};

/// Machines, started when they are first needed. There are few kinds: whether it counts, times sizes of stacks.
#[derive(Debug)]
pub(crate) struct Machines {
    cache_dir: Option<PathBuf>,
    sandbox: SandboxLimits,
    started: Mutex<HashMap<EngineKind, Arc<Machine>>>,
}

impl Machines {
    pub(crate) fn new(cache_dir: Option<PathBuf>, sandbox: SandboxLimits) -> Self {
        Self { cache_dir, sandbox, started: Mutex::default() }
    }

    /// The machine with an engine of this kind.
    pub(crate) fn of(&self, kind: EngineKind) -> Result<Arc<Machine>, UdfError> {
        // A panic cannot leave a map of started machines half-changed.
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(machine) = started.get(&kind) {
            return Ok(Arc::clone(machine));
        }
        let engine = engine::build(kind, &self.sandbox)?;
        let machine = Arc::new(Machine::start(engine, self.cache_dir.as_deref(), &self.sandbox)?);
        started.insert(kind, Arc::clone(&machine));
        Ok(machine)
    }
}
