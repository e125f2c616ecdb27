//! The audit log: a line of JSON for every request, on the standard output, at the end of a file, or in the
//! server's own log.
//!
//! A request hands its event to a bounded queue and goes on. One thread takes events out of the queue and
//! writes them, in order; what waits is written when the server ends.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use larder_core::{Error, ErrorKind, Result, unique_id};
use larder_registry::{AuditLoggingConfig, AuditSink};
use larder_serving::{AuditEvent, AuditLog};
use tracing::{error, info, warn};

/// So many events may wait to be written; further ones are counted and left out.
const QUEUE_CAPACITY: usize = 10_000;

/// The end of the queue at which requests put their events.
#[derive(Debug)]
pub(crate) struct QueuedAuditLog {
    /// `None` once the server ends.
    queue: Mutex<Option<SyncSender<AuditEvent>>>,
    log_successful_reads: bool,
    dropped: Arc<AtomicU64>,
}

/// The thread that writes.
#[derive(Debug)]
pub(crate) struct AuditWriter {
    thread: JoinHandle<()>,
}

/// Where lines go.
enum Lines {
    Stdout,
    File(File),
    Log,
}

impl QueuedAuditLog {
    /// A log, and its thread, which runs until the log is closed.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened: what cannot be audited is not served.
    pub(crate) fn open(config: &AuditLoggingConfig) -> Result<(Arc<Self>, AuditWriter)> {
        let lines = match &config.sink {
            AuditSink::File { path } => {
                let opened = OpenOptions::new().create(true).append(true).open(path);
                Lines::File(opened.map_err(|source| {
                    let text = format!("the audit log {} cannot be opened: {source}", path.display());
                    Error::new(ErrorKind::Unavailable, io::Error::new(source.kind(), text))
                })?)
            }
            AuditSink::Log => Lines::Log,
            _ => Lines::Stdout,
        };
        let (sender, queue) = sync_channel(QUEUE_CAPACITY);
        let dropped = Arc::new(AtomicU64::new(0));
        let log = Self {
            queue: Mutex::new(Some(sender)),
            log_successful_reads: config.log_successful_reads,
            dropped: Arc::clone(&dropped),
        };
        let thread = std::thread::Builder::new()
            .name("audit log".to_owned())
            .spawn(move || write_all(lines, &queue, &dropped))
            .map_err(|source| Error::new(ErrorKind::Unavailable, source))?;
        Ok((Arc::new(log), AuditWriter { thread }))
    }

    /// Takes no more events; the thread ends after those that wait.
    pub(crate) fn close(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl AuditLog for QueuedAuditLog {
    fn log(&self, event: AuditEvent) {
        if !self.log_successful_reads && event.is_successful_read() {
            return;
        }
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(queue) = queue.as_ref() else { return };
        if queue.try_send(event).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl AuditWriter {
    /// Waits until everything is written.
    pub(crate) async fn finish(self) -> Result<()> {
        larder_blocking::run(move || match self.thread.join() {
            Ok(()) => Ok(()),
            Err(panic) => std::panic::resume_unwind(panic),
        })
        .await
    }
}

fn write_all(mut lines: Lines, queue: &Receiver<AuditEvent>, dropped: &AtomicU64) {
    while let Ok(event) = queue.recv() {
        let written = match event.request_id {
            Some(_) => lines.write(&event.to_json_line("")),
            None => unique_id::uuid().and_then(|id| lines.write(&event.to_json_line(&id))),
        };
        if let Err(failed) = written {
            error!(error = failed.chain(), "a request is not in the audit log");
        }
        let dropped = dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            warn!(dropped, "requests are not in the audit log because too many waited");
        }
    }
}

impl Lines {
    fn write(&mut self, line: &str) -> Result<()> {
        let failed = |source| Error::new(ErrorKind::Unavailable, source);
        match self {
            Self::Stdout => {
                let mut stdout = io::stdout().lock();
                writeln!(stdout, "{line}").and_then(|()| stdout.flush()).map_err(failed)
            }
            // One write a line, so that a line of another process is never in the middle of it.
            Self::File(file) => file.write_all(format!("{line}\n").as_bytes()).map_err(failed),
            Self::Log => {
                info!(target: "feast.audit", "{line}");
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use larder_core::Timestamp;

    use super::*;

    fn event(path: &str, status: u16) -> AuditEvent {
        AuditEvent {
            timestamp: Timestamp::EPOCH,
            request_id: None,
            user: None,
            address: "127.0.0.1".into(),
            method: "POST".into(),
            path: path.into(),
            status,
            duration: Duration::ZERO,
            tool_call: None,
        }
    }

    #[tokio::test]
    async fn lines_are_added_to_the_file_each_with_an_id_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        std::fs::write(&path, "before\n").unwrap();
        let sink = AuditSink::File { path: path.clone() };
        let config = AuditLoggingConfig { sink, log_successful_reads: false };
        let (log, writer) = QueuedAuditLog::open(&config).unwrap();
        for (path, status) in [("/push", 200), ("/get-online-features", 200), ("/get-online-features", 403)] {
            log.log(event(path, status));
        }
        log.close();
        writer.finish().await.unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let details: Vec<String> = lines[1..]
            .iter()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .map(|line| line["detail"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(lines[0], "before");
        assert_eq!(details, ["POST /push -> 200", "POST /get-online-features -> 403"]);
        let id = |line: &str| line.split("\"request_id\":\"").nth(1).unwrap()[..36].to_owned();
        assert_ne!(id(lines[1]), id(lines[2]));
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_named() {
        let sink = AuditSink::File { path: "/nonexistent/audit.log".into() };
        let error =
            QueuedAuditLog::open(&AuditLoggingConfig { sink, log_successful_reads: true }).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/audit.log"), "{error}");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }

    #[test]
    fn a_full_queue_drops_and_never_waits() {
        let (sender, queue) = sync_channel(1);
        let dropped = Arc::new(AtomicU64::new(0));
        let log = QueuedAuditLog {
            queue: Mutex::new(Some(sender)),
            log_successful_reads: true,
            dropped: Arc::clone(&dropped),
        };
        for _ in 0..3 {
            log.log(event("/push", 200));
        }
        assert_eq!(dropped.load(Ordering::Relaxed), 2);
        assert!(queue.try_recv().is_ok() && queue.try_recv().is_err());
    }
}
