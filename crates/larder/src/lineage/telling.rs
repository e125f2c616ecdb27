//! Telling what definitions rest on.

use std::sync::Arc;

use larder_core::Result;
use larder_openlineage::{LineageAuthor, LineageEmitter};
use larder_registry::{ObjectKind, RegistrySnapshot};
use serde_json::Value;
use tracing::warn;

use crate::FeatureStore;

impl FeatureStore {
    /// Tells of all definitions, where that is asked for.
    pub(crate) fn tell_of_definitions(&self, registry: &RegistrySnapshot) {
        if self.config().openlineage.emit_on_apply {
            self.tell_lineage(&registry.project.name, |author| author.definitions(registry));
        }
    }

    /// Tells of an object that a client has registered, where that is asked for.
    pub(crate) async fn tell_of_put(&self, project: &str, kind: ObjectKind, name: &str) {
        if self.tells_of_objects() {
            let (registry, project) = (Arc::clone(self.registry()), project.to_owned());
            let registry = larder_blocking::run(move || registry.snapshot(&project)).await;
            self.tell_of_object(registry, kind, name);
        }
    }

    /// Tells of an object that was registered alone.
    pub(super) fn tell_of_object(
        &self,
        registry: Result<Arc<RegistrySnapshot>>,
        kind: ObjectKind,
        name: &str,
    ) {
        match registry {
            Ok(registry) => self.tell_lineage(&registry.project.name, |author| {
                Ok(author.object(&registry, kind, name)?.into_iter().collect())
            }),
            Err(error) => warn!(error = error.chain(), "the lineage of `{name}` is not told"),
        }
    }

    /// Whether objects that are registered alone are told of.
    pub(super) fn tells_of_objects(&self) -> bool {
        self.config().openlineage.emit_on_apply && self.emitter().is_some()
    }

    fn tell_lineage(&self, project: &str, events: impl FnOnce(LineageAuthor) -> Result<Vec<Value>>) {
        let Some(emitter) = self.emitter() else { return };
        match events(self.author(project)) {
            Ok(events) => events.into_iter().for_each(|event| emitter.emit(event)),
            Err(error) => warn!(error = error.chain(), "lineage is not told"),
        }
    }

    pub(super) fn author(&self, project: &str) -> LineageAuthor {
        let config = &self.config().openlineage;
        LineageAuthor::new(project, &config.namespace, &config.producer, Arc::clone(self.clock()))
    }

    /// What sends events; `None` where there is nobody to send them to.
    pub(super) fn emitter(&self) -> Option<&LineageEmitter> {
        let start = || {
            let settings = self.config().openlineage.transport.as_ref()?;
            let started = LineageEmitter::start(settings, self.clock());
            started.inspect_err(|error| warn!(error = error.chain(), "lineage is not told")).ok()
        };
        self.lineage().emitter.get_or_init(start).as_ref()
    }
}
