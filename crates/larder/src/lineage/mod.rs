//! Telling what feeds what, and keeping what others tell.

mod keeping;
mod materialization;
mod telling;

use std::sync::{Arc, OnceLock};

use larder_grpc::RegistryObserver;
use larder_openlineage::{LineageEmitter, LineageStore};
use larder_registry::ObjectKind;
use tokio::sync::OnceCell;
use tracing::warn;

use self::keeping::jobs_of;
use crate::FeatureStore;

/// What a feature store has for lineage, each made when it is first needed.
#[derive(Debug, Default)]
pub(crate) struct Lineage {
    /// `None` where nothing is told.
    emitter: OnceLock<Option<LineageEmitter>>,
    kept: OnceCell<Arc<LineageStore>>,
}

impl RegistryObserver for FeatureStore {
    fn registered(&self, project: &str, kind: ObjectKind, name: &str) {
        if self.tells_of_objects() {
            self.tell_of_object(self.registry().snapshot(project), kind, name);
        }
    }

    fn removed(&self, project: &str, kind: ObjectKind, name: &str) {
        let Some(kept) = self.lineage().kept.get() else { return };
        let removed = kept.remove_objects(self.author(project).namespace(), name, &jobs_of(kind, name));
        if let Err(error) = removed {
            warn!(error = error.chain(), "the lineage of `{name}` is not forgotten");
        }
    }
}
