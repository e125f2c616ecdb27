//! Who listens to the calls of on-demand views, and the runtime that tells them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use async_trait::async_trait;
use larder_core::{
    InspectedComponent, Result, Transformation, TransformationLimits, TransformationSignature, UdfRuntime,
};
use larder_serving::RecordedCall;
use tokio::sync::mpsc;

/// Calls that wait for a listener to read them; more are left out, so that no request waits.
const WAITING_CALLS: usize = 1_024;

/// The listeners of all views.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    /// How many listeners there are, so that a call without any takes no lock.
    listening: AtomicUsize,
    listeners: Mutex<Vec<Listener>>,
}

#[derive(Debug)]
struct Listener {
    view: String,
    calls: mpsc::Sender<RecordedCall>,
}

impl Recorder {
    /// The good calls of a view from now on, until the receiver is dropped.
    pub(crate) fn listen(&self, view: &str) -> mpsc::Receiver<RecordedCall> {
        let (calls, receiver) = mpsc::channel(WAITING_CALLS);
        self.change(|listeners| listeners.push(Listener { view: view.to_owned(), calls }));
        receiver
    }

    fn is_listened_to(&self) -> bool {
        self.listening.load(Ordering::Relaxed) > 0
    }

    fn tell(&self, view: &str, input: &RecordBatch, output: &RecordBatch) {
        self.change(|listeners| {
            listeners.retain(|listener| !listener.calls.is_closed());
            for listener in listeners.iter().filter(|listener| listener.view == view) {
                // Full: the listener is slow, and gets the next ones.
                let call = RecordedCall { input: input.clone(), output: output.clone() };
                drop(listener.calls.try_send(call));
            }
        });
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Listener>)) {
        // A panic cannot leave a list of listeners half-changed.
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut listeners);
        self.listening.store(listeners.len(), Ordering::Relaxed);
    }
}

/// A runtime whose transformations tell a recorder of their calls.
#[derive(Debug)]
pub(crate) struct RecordedRuntime {
    pub(crate) runtime: Arc<dyn UdfRuntime>,
    pub(crate) recorder: Arc<Recorder>,
}

#[async_trait]
impl UdfRuntime for RecordedRuntime {
    async fn inspect(&self, bytes: Arc<[u8]>) -> Result<InspectedComponent> {
        self.runtime.inspect(bytes).await
    }

    async fn load(
        &self,
        view: &str,
        component: Arc<[u8]>,
        function: &str,
        limits: TransformationLimits,
    ) -> Result<Arc<dyn Transformation>> {
        let transformation = self.runtime.load(view, component, function, limits).await?;
        let recorder = Arc::clone(&self.recorder);
        Ok(Arc::new(RecordedTransformation { view: view.to_owned(), transformation, recorder }))
    }
}

#[derive(Debug)]
struct RecordedTransformation {
    view: String,
    transformation: Arc<dyn Transformation>,
    recorder: Arc<Recorder>,
}

#[async_trait]
impl Transformation for RecordedTransformation {
    fn signature(&self) -> &TransformationSignature {
        self.transformation.signature()
    }

    async fn transform(&self, input: RecordBatch) -> Result<RecordBatch> {
        let given = self.recorder.is_listened_to().then(|| input.clone());
        let output = self.transformation.transform(input).await?;
        if let Some(given) = given {
            self.recorder.tell(&self.view, &given, &output);
        }
        Ok(output)
    }
}
