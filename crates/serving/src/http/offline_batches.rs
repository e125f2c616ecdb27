//! Rows pushed offline that are gathered before they are written.
//!
//! Feast answers 202 to such pushes: they are taken, and not yet durable. They are written when there are
//! enough of them, when the oldest has waited long enough, and when the server ends.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use larder_core::{ErrorKind, InputTable, PushMode};
use larder_registry::OfflinePushBatching;
use tokio::time::Instant;

use crate::{FeatureServer, PushRequest};

/// More batches than this may not wait where the offline store fails.
const MAX_WAITING_BATCHES: usize = 16;

/// Gathers rows by push source.
#[derive(Debug)]
pub(crate) struct OfflineBatches {
    options: OfflinePushBatching,
    waiting: Mutex<HashMap<String, Batch>>,
}

#[derive(Debug)]
struct Batch {
    /// Tables of different columns, which cannot become one.
    tables: Vec<InputTable>,
    rows: usize,
    since: Instant,
}

/// What became of rows that were added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Added {
    /// They wait.
    Waiting,
    /// They complete a batch, which is to be written now.
    Complete(String),
    /// They were not taken: too many wait already, because the offline store does not take them.
    Refused,
}

impl OfflineBatches {
    pub(crate) fn new(options: OfflinePushBatching) -> Self {
        Self { options, waiting: Mutex::default() }
    }

    /// Adds the rows of a push.
    pub(crate) fn add(&self, request: PushRequest) -> Added {
        let PushRequest { push_source, rows, .. } = request;
        let full = self.options.batch_size.get();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let batch = waiting.entry(push_source.clone()).or_insert_with(Batch::new);
        if batch.rows >= full.saturating_mul(MAX_WAITING_BATCHES) {
            return Added::Refused;
        }
        batch.add(rows);
        if batch.rows >= full { Added::Complete(push_source) } else { Added::Waiting }
    }

    /// The sources whose oldest rows have waited long enough.
    pub(crate) fn due(&self) -> Vec<String> {
        let now = Instant::now();
        self.sources(|batch| now.duration_since(batch.since) >= self.options.batch_interval)
    }

    /// Writes everything that waits.
    pub(crate) async fn write_all(&self, server: &dyn FeatureServer) {
        for source in self.sources(|_| true) {
            self.write(server, source).await;
        }
    }

    fn sources(&self, wanted: impl Fn(&Batch) -> bool) -> Vec<String> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.iter().filter(|(_, batch)| wanted(batch)).map(|(source, _)| source.clone()).collect()
    }

    /// Writes what waits for one source. Rows that can never be written are given up with a word in the
    /// log; if the store fails they wait for the next time.
    pub(crate) async fn write(&self, server: &dyn FeatureServer, push_source: String) {
        let taken = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&push_source);
        let Some(batch) = taken else { return };
        let mut kept = Batch::new();
        for table in batch.tables {
            let request =
                PushRequest { push_source: push_source.clone(), rows: table.clone(), to: PushMode::Offline };
            let Err(error) = server.push(request).await else { continue };
            let rows = table.len();
            if matches!(error.kind(), ErrorKind::Invalid | ErrorKind::NotFound) {
                tracing::error!(%push_source, rows, error = error.chain(), "rows pushed offline are lost");
            } else {
                tracing::warn!(%push_source, rows, error = error.chain(), "rows pushed offline have to wait");
                kept.add(table);
            }
        }
        if kept.rows > 0 {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let batch = waiting.entry(push_source).or_insert_with(Batch::new);
            for table in kept.tables {
                batch.add(table);
            }
        }
    }
}

impl Batch {
    fn new() -> Self {
        Self { tables: Vec::new(), rows: 0, since: Instant::now() }
    }

    fn add(&mut self, rows: InputTable) {
        self.rows += rows.len();
        let mut rest = Some(rows);
        for table in &mut self.tables {
            let Some(rows) = rest.take() else { return };
            rest = table.append(rows).err();
        }
        self.tables.extend(rest);
    }
}
