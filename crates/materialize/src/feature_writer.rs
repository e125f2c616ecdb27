//! The writer: stores, clock and options behind Feast's verbs.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use larder_core::{Clock, EntityKeyVersion, OfflineStore, OnlineStore};
use larder_plan::Catalog;

use crate::MaterializationLog;
use crate::write_plan::WritePlan;

/// Rows in one write of the online store where nothing else is asked for.
const DEFAULT_BATCH_ROWS: NonZeroUsize = NonZeroUsize::new(8_192).expect("not zero");

/// Writes feature values: materializes them from the offline into the online store, and takes pushed rows.
///
/// One writer serves a whole process: on-demand views that follow their sources are computed by one
/// writer at a time, and only calls on the same writer know of each other.
#[derive(Debug)]
pub struct FeatureWriter {
    pub(crate) offline: Arc<dyn OfflineStore>,
    pub(crate) online: Arc<dyn OnlineStore>,
    pub(crate) log: Arc<dyn MaterializationLog>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) batch_rows: NonZeroUsize,
    pub(crate) skips_null_rows: bool,
    pub(crate) lookback: Duration,
    key_version: EntityKeyVersion,
    pub(crate) turns: Turns,
    /// The plan of the catalog used last; calls with the same catalog share it.
    plan: Mutex<Option<Arc<WritePlan>>>,
}

impl FeatureWriter {
    /// A writer over these stores. `key_version` is `entity_key_serialization_version` of
    /// `feature_store.yaml`.
    pub fn new(
        offline: Arc<dyn OfflineStore>,
        online: Arc<dyn OnlineStore>,
        log: Arc<dyn MaterializationLog>,
        clock: Arc<dyn Clock>,
        key_version: EntityKeyVersion,
    ) -> Self {
        Self {
            offline,
            online,
            log,
            clock,
            batch_rows: DEFAULT_BATCH_ROWS,
            skips_null_rows: false,
            lookback: Duration::ZERO,
            key_version,
            turns: Turns::default(),
            plan: Mutex::default(),
        }
    }

    /// Writes at most `rows` rows at once; 8,192 where this is not said. Memory grows with it, and so
    /// does the largest input of one call of a transformation.
    pub fn with_batch_rows(mut self, rows: NonZeroUsize) -> Self {
        self.batch_rows = rows;
        self
    }

    /// Has each incremental run begin so long before the end of the last one, for rows that reach the source late. A
    /// row that is read again changes nothing, since the newest wins; Feast, which does not look back, never sees
    /// rows whose event time lies before an end that is recorded.
    pub fn with_lookback(mut self, lookback: Duration) -> Self {
        self.lookback = lookback;
        self
    }

    /// Writes nothing online of a push or direct write to a view for which it has nothing but null features,
    /// as Feast does.
    pub fn with_null_rows_skipped(mut self) -> Self {
        self.skips_null_rows = true;
        self
    }

    /// What writes need to know of `catalog`.
    pub(crate) fn plan(&self, catalog: &Arc<Catalog>) -> Arc<WritePlan> {
        let mut latest = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        match latest.as_ref() {
            Some(plan) if Arc::ptr_eq(&plan.catalog, catalog) => Arc::clone(plan),
            _ => {
                let plan = Arc::new(WritePlan::new(catalog, self.key_version, &self.turns));
                *latest = Some(Arc::clone(&plan));
                plan
            }
        }
    }
}

/// Held by whoever computes the rows of one on-demand view.
pub(crate) type Turn = Arc<tokio::sync::Mutex<()>>;

/// One turn per on-demand view, by project and its name in the online store, whatever catalog it is used through.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<(String, String), Turn>>);

impl Turns {
    pub(crate) fn of(&self, project: &str, view: &str) -> Turn {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(turns.entry((project.to_owned(), view.to_owned())).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Materialize, MaterializeIncremental, Push, WriteToOnlineStore};

    fn sendable<F: Future + Send>(future: F) -> F {
        future
    }

    /// Compiles only if servers can run the verbs on any of their threads.
    #[expect(dead_code, reason = "the promise is that it compiles")]
    async fn every_verb_may_move_between_threads(
        writer: &FeatureWriter,
        catalog: &Arc<Catalog>,
        asked: (Materialize, MaterializeIncremental, Push, WriteToOnlineStore),
    ) {
        drop(sendable(writer.materialize(catalog, &asked.0, &())).await);
        drop(sendable(writer.materialize_incremental(catalog, &asked.1, &())).await);
        drop(sendable(writer.push(catalog, &asked.2)).await);
        drop(sendable(writer.write_to_online_store(catalog, &asked.3)).await);
    }
}
