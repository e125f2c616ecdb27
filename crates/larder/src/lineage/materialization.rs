//! Telling of a materialization as it goes.

use std::sync::{Arc, Mutex, PoisonError};

use larder_core::Result;
use larder_materialize::MaterializationEvent;
use larder_openlineage::MaterializationRun;
use larder_registry::RegistrySnapshot;
use larder_serving::MaterializeSummary;
use serde_json::Value;
use tracing::warn;

use crate::FeatureStore;

impl FeatureStore {
    /// Tells of a materialization as it goes; nothing where that is not asked for.
    pub(crate) fn telling_of_materialization(
        &self,
        registry: Arc<RegistrySnapshot>,
    ) -> MaterializationLineage<'_> {
        MaterializationLineage { store: self, registry, run: Mutex::default() }
    }
}

/// Tells of one materialization, if it gets as far as choosing its views.
#[derive(Debug)]
pub(crate) struct MaterializationLineage<'a> {
    store: &'a FeatureStore,
    registry: Arc<RegistrySnapshot>,
    run: Mutex<Option<MaterializationRun>>,
}

impl MaterializationLineage<'_> {
    /// Takes note of a step.
    pub(crate) fn observe(&self, event: &MaterializationEvent) {
        let MaterializationEvent::RunStarted(header) = event else { return };
        let config = &self.store.config().openlineage;
        if !config.emit_on_materialize || config.transport.is_none() {
            return;
        }
        let author = self.store.author(&self.registry.project.name);
        let span = (header.start, header.end);
        match MaterializationRun::new(author, header.views.clone(), span, header.online_store) {
            Ok(run) => {
                self.emit(run.started(&self.registry));
                *self.run.lock().unwrap_or_else(PoisonError::into_inner) = Some(run);
            }
            Err(error) => warn!(error = error.chain(), "the materialization is not told"),
        }
    }

    /// Takes note of the end.
    pub(crate) fn end(self, outcome: &Result<MaterializeSummary>) {
        let run = self.run.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(run) = run else { return };
        self.emit(match outcome {
            Ok(summary) => {
                let rows = summary.feature_views.iter().map(|view| view.rows_written).sum();
                run.completed(&self.registry, rows)
            }
            Err(error) => run.failed(&error.chain()),
        });
    }

    fn emit(&self, event: Value) {
        if let Some(emitter) = self.store.emitter() {
            emitter.emit(event);
        }
    }
}
