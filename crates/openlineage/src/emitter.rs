//! Sending events out, without anybody waiting for it.
//!
//! A verb hands its event to a bounded queue and goes on. One thread takes events out of the queue and sends them, in
//! order, each to every way out that there is. What cannot be sent is told in the log, once for a row of failures, and
//! never fails the verb.

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use larder_core::{Clock, Error, ErrorKind, Result};
use larder_registry::LineageTransport;
use serde_json::Value;
use tracing::{info, warn};

use crate::LineageStore;
use crate::transport::{Transport, transport};

/// So many events may wait to be sent; further ones are left out, with a warning.
const QUEUE_CAPACITY: usize = 1_000;

/// How long the end of the process waits for events that are still to be sent.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// The end of the queue at which verbs put their events.
///
/// Dropping it waits until all are sent, five seconds at most, on the thread that drops it: it belongs to the feature
/// store, which goes when the process ends.
pub struct LineageEmitter {
    queue: Option<SyncSender<Message>>,
    /// Says when the thread is done.
    done: std::sync::Mutex<Receiver<()>>,
    thread: Option<JoinHandle<()>>,
    flush_timeout: Duration,
}

enum Message {
    Event(Value),
    /// Another way out for what follows.
    AlsoTo(Box<dyn Transport>),
}

impl LineageEmitter {
    /// Sends where `settings` say.
    ///
    /// # Errors
    ///
    /// If a server cannot be asked as the settings say, or there is no thread to be had.
    pub fn start(settings: &LineageTransport, clock: &Arc<dyn Clock>) -> Result<Self> {
        let variable = |name: &str| std::env::var(name).ok();
        let ways = transport(settings, clock, &variable)?.into_iter().collect();
        Self::with(ways, QUEUE_CAPACITY, FLUSH_TIMEOUT)
    }

    fn with(ways: Vec<Box<dyn Transport>>, capacity: usize, flush_timeout: Duration) -> Result<Self> {
        let (queue, messages) = sync_channel(capacity);
        let (finished, done) = sync_channel(1);
        let send = move || {
            send_all(ways, &messages);
            // Nobody may be waiting any more.
            let _waiting = finished.try_send(());
        };
        let thread = std::thread::Builder::new().name("lineage events".to_owned()).spawn(send);
        let thread = Some(thread.map_err(|source| Error::new(ErrorKind::Unavailable, source))?);
        Ok(Self { queue: Some(queue), done: std::sync::Mutex::new(done), thread, flush_timeout })
    }

    /// Sends an event, or leaves it out if too many wait already.
    pub fn emit(&self, event: Value) {
        self.put(Message::Event(event));
    }

    /// Puts what follows into a store of this process too.
    pub fn also_to(&self, store: Arc<LineageStore>) {
        self.put(Message::AlsoTo(Box::new(store)));
    }

    fn put(&self, message: Message) {
        let Some(queue) = &self.queue else { return };
        match queue.try_send(message) {
            Ok(()) | Err(TrySendError::Disconnected(_)) => {}
            Err(TrySendError::Full(_)) => {
                warn!("a lineage event is left out, since {QUEUE_CAPACITY} wait to be sent");
            }
        }
    }
}

impl Drop for LineageEmitter {
    fn drop(&mut self) {
        self.queue = None;
        let done = self.done.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        match done.recv_timeout(self.flush_timeout) {
            Err(RecvTimeoutError::Timeout) => {
                let seconds = self.flush_timeout.as_secs();
                warn!("lineage events are left out that could not be sent within {seconds} s of the end");
            }
            Ok(()) | Err(RecvTimeoutError::Disconnected) => {
                if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
                    warn!("the thread that sends lineage events has panicked");
                }
            }
        }
    }
}

impl fmt::Debug for LineageEmitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineageEmitter").finish_non_exhaustive()
    }
}

fn send_all(mut ways: Vec<Box<dyn Transport>>, messages: &Receiver<Message>) {
    let mut failures: u64 = 0;
    while let Ok(message) = messages.recv() {
        let event = match message {
            Message::Event(event) => event,
            Message::AlsoTo(way) => {
                ways.push(way);
                continue;
            }
        };
        for way in &mut ways {
            match way.send(&event) {
                Ok(()) if failures > 0 => {
                    info!(failures, "lineage events are sent again");
                    failures = 0;
                }
                Ok(()) => {}
                Err(error) => {
                    failures += 1;
                    if failures == 1 {
                        warn!(error = Error::from(error).chain(), "a lineage event could not be sent");
                    }
                }
            }
        }
    }
    if failures > 1 {
        warn!(failures, "lineage events could not be sent");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::json;

    use super::*;
    use crate::TransportError;

    /// Remembers events, and fails or waits as it is told.
    #[derive(Clone, Debug, Default)]
    struct Notes {
        taken: Arc<Mutex<Vec<Value>>>,
        gate: Arc<Mutex<()>>,
        fails: bool,
    }

    impl Transport for Notes {
        fn send(&mut self, event: &Value) -> Result<(), TransportError> {
            let _open = self.gate.lock().unwrap();
            self.taken.lock().unwrap().push(event.clone());
            if self.fails {
                return Err(TransportError::Console(std::io::Error::other("closed")));
            }
            Ok(())
        }
    }

    fn emitter(notes: &Notes, capacity: usize, flush_timeout: Duration) -> LineageEmitter {
        LineageEmitter::with(vec![Box::new(notes.clone())], capacity, flush_timeout).unwrap()
    }

    #[test]
    fn what_waits_at_the_end_is_sent_in_order_also_after_failures() {
        for fails in [false, true] {
            let notes = Notes { fails, ..Notes::default() };
            let emitter = emitter(&notes, 10, FLUSH_TIMEOUT);
            (0..5).for_each(|number| emitter.emit(json!(number)));
            drop(emitter);
            assert_eq!(*notes.taken.lock().unwrap(), (0..5).map(|number| json!(number)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_full_queue_leaves_events_out_and_the_end_waits_so_long_and_no_longer() {
        let notes = Notes::default();
        let closed = notes.gate.lock().unwrap();
        let emitter = emitter(&notes, 2, Duration::from_millis(20));
        // One is being sent, two wait.
        (0..100).for_each(|number| emitter.emit(json!(number)));
        drop(emitter);
        assert_eq!(notes.taken.lock().unwrap().len(), 0, "nothing could be sent, and yet the end came");
        drop(closed);
    }
}
