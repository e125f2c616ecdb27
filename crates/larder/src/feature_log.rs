//! The feature log: answers of feature services, kept as Parquet files in the folder of each service's
//! logging destination.
//!
//! A request hands its answer to a bounded queue and goes on. One task gathers what comes out of the queue
//! and writes a file per service and interval; the rest is written when the server ends.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use larder_core::column::to_timestamps;
use larder_core::{Error, ErrorKind, FeatureService, LoggingDestination, RequestError, Result, unique_id};
use larder_offline::table::write_table;
use larder_registry::FeatureLoggingConfig;
use larder_serving::{FeatureLog, LoggedAnswer};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tracing::{error, warn};

use crate::FeatureStore;

/// When an answer was logged.
pub(crate) const LOG_TIMESTAMP: &str = "__log_timestamp";

/// So many rows of one service are written without waiting for the end of the interval.
const MAX_WAITING_ROWS: usize = 100_000;

/// The end of the queue at which requests put their answers.
#[derive(Debug)]
pub(crate) struct QueuedFeatureLog {
    store: Arc<FeatureStore>,
    /// `None` once the server ends.
    queue: Mutex<Option<Sender<LoggedAnswer>>>,
    /// How many answers each service has given; which of them are logged depends on it.
    answered: Mutex<HashMap<String, u64>>,
    dropped: AtomicU64,
}

/// The other end: what gathers answers and writes them.
#[derive(Debug)]
pub(crate) struct LogWriter {
    log: Arc<QueuedFeatureLog>,
    queue: Receiver<LoggedAnswer>,
    config: FeatureLoggingConfig,
    waiting: HashMap<String, Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    answers: Vec<LoggedAnswer>,
    rows: usize,
}

impl QueuedFeatureLog {
    /// A log, and the task that must run beside the server for it.
    pub(crate) fn new(store: Arc<FeatureStore>, config: FeatureLoggingConfig) -> (Arc<Self>, LogWriter) {
        let (sender, queue) = channel(config.queue_capacity.get());
        let log = Arc::new(Self {
            store,
            queue: Mutex::new(Some(sender)),
            answered: Mutex::default(),
            dropped: AtomicU64::new(0),
        });
        let writer = LogWriter { log: Arc::clone(&log), queue, config, waiting: HashMap::new() };
        (log, writer)
    }

    /// Takes no more answers; the writer ends after those that wait.
    pub(crate) fn close(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl FeatureLog for QueuedFeatureLog {
    fn wants(&self, feature_service: &str) -> bool {
        let catalog = self.store.catalog();
        let Ok(service) = catalog.snapshot().feature_service(feature_service) else { return false };
        let Some(config) = &service.object.logging_config else { return false };
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        let before = answered.entry(feature_service.to_owned()).or_default();
        let wanted = is_sampled(*before, config.sample_rate.get());
        *before += 1;
        wanted
    }

    fn log(&self, answer: LoggedAnswer) {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(queue) = queue.as_ref() else { return };
        if queue.try_send(answer).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Whether the answer after `before` others is one of the sample, which is spread evenly: of n answers
/// n·rate are logged, to the next whole number.
fn is_sampled(before: u64, rate: f32) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "after 2⁵² answers the spread may be less even")]
    let logged = |answers: u64| (answers as f64 * f64::from(rate)).ceil();
    logged(before + 1) > logged(before)
}

impl LogWriter {
    /// Writes what is logged until the log is closed and empty.
    pub(crate) async fn run(mut self) {
        let every = self.config.flush_interval;
        let mut ticks = interval_at(Instant::now() + every, every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                answer = self.queue.recv() => match answer {
                    Some(answer) => self.take(answer).await,
                    None => break,
                },
                _ = ticks.tick() => self.write_all().await,
            }
        }
        self.write_all().await;
    }

    async fn take(&mut self, answer: LoggedAnswer) {
        let service = answer.feature_service.clone();
        let waiting = self.waiting.entry(service.clone()).or_default();
        waiting.rows += answer.row_count();
        waiting.answers.push(answer);
        if waiting.rows >= MAX_WAITING_ROWS
            && let Some(waiting) = self.waiting.remove(&service)
        {
            self.write(service, waiting.answers).await;
        }
    }

    async fn write_all(&mut self) {
        for (service, waiting) in std::mem::take(&mut self.waiting) {
            self.write(service, waiting.answers).await;
        }
        let dropped = self.log.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            warn!(dropped, "answers were not logged because too many waited; raise `queue_capacity`");
        }
    }

    /// Writes answers of one service; they are lost if that fails.
    async fn write(&self, feature_service: String, answers: Vec<LoggedAnswer>) {
        let repo = self.log.store.repo().to_owned();
        let catalog = self.log.store.catalog();
        let written = match catalog.snapshot().feature_service(&feature_service) {
            Ok(service) => match log_folder(&repo, &service.object) {
                Some(folder) => larder_blocking::run(move || write_file(&folder, &answers)).await,
                None => return,
            },
            // It was removed in the meantime.
            Err(_gone) => return,
        };
        if let Err(failed) = written {
            error!(%feature_service, error = failed.chain(), "answers could not be logged");
        }
    }
}

/// The folder of a service's log; `None` for destinations that are no folders on this machine.
pub(crate) fn log_folder(repo: &Path, service: &FeatureService) -> Option<PathBuf> {
    let LoggingDestination::File { path, .. } = &service.logging_config.as_ref()?.destination else {
        return None;
    };
    let local = path.strip_prefix("file://").unwrap_or(path);
    (!local.contains("://")).then(|| repo.join(local))
}

/// Writes one new file of answers.
fn write_file(folder: &Path, answers: &[LoggedAnswer]) -> Result<()> {
    let file = unique_id::hexadecimal()?;
    let batches: Vec<RecordBatch> = answers
        .iter()
        .enumerate()
        .map(|(number, answer)| answer.to_record_batch(&format!("{file}-{number}")))
        .collect();
    let failed = |source| Error::new(ErrorKind::Unavailable, source);
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut rest = batches.as_slice();
    let mut part = 0;
    // Answers from before and after a change of the service differ in columns.
    while let Some(first) = rest.first() {
        let alike = rest.iter().take_while(|batch| batch.schema_ref() == first.schema_ref()).count();
        let (these, others) = rest.split_at(alike);
        let table = concat_batches(first.schema_ref(), these)
            .map_err(|source| Error::new(ErrorKind::Internal, source))?;
        write_table(&folder.join(format!("{file}-{part}.parquet")), &table)?;
        rest = others;
        part += 1;
    }
    Ok(())
}

/// Adds rows that others have logged to the log of a service: a file of their own, durable when this returns.
///
/// # Errors
///
/// [`RequestError`] if the service has no log on this machine, or if a column is missing that every log of it has.
pub(crate) async fn add_rows(store: &FeatureStore, feature_service: &str, rows: RecordBatch) -> Result<()> {
    let catalog = store.catalog();
    let service = &catalog.snapshot().feature_service(feature_service)?.object;
    let folder = log_folder(store.repo(), service).ok_or_else(|| {
        RequestError::other(format!(
            "feature service `{feature_service}` is not logged in a folder on this machine; give it a `logging_config` \
             with a `file` destination"
        ))
    })?;
    let features = service.features.iter().flat_map(|view| {
        view.features.iter().map(move |feature| format!("{}__{feature}", view.name_to_use()))
    });
    for column in features.chain([LOG_TIMESTAMP.to_owned()]) {
        if rows.column_by_name(&column).is_none() {
            return Err(RequestError::MissingColumn {
                column,
                table: format!("the log of feature service `{feature_service}`"),
                found: rows.schema_ref().fields().iter().map(|field| field.name().clone()).collect(),
            }
            .into());
        }
    }
    if rows.num_rows() == 0 {
        return Ok(());
    }
    larder_blocking::run(move || {
        to_timestamps(LOG_TIMESTAMP, rows.column_by_name(LOG_TIMESTAMP).unwrap_or(rows.column(0)))?;
        std::fs::create_dir_all(&folder).map_err(|source| Error::new(ErrorKind::Unavailable, source))?;
        let file = unique_id::hexadecimal()?;
        Ok(write_table(&folder.join(format!("{file}-0.parquet")), &rows)?)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_spread_evenly() {
        for (rate, expected) in [(1.0, 100), (0.25, 25), (0.0, 0), (0.001, 1)] {
            let logged = (0..100).filter(|before| is_sampled(*before, rate)).count();
            assert_eq!(logged, expected, "{rate}");
        }
        let quarter: Vec<u64> = (0..12).filter(|before| is_sampled(*before, 0.25)).collect();
        assert_eq!(quarter, [0, 4, 8]);
    }
}
