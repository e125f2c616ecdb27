//! What the calls of one view cost, for `/metrics`.
//!
//! | metric | labels | what |
//! |---|---|---|
//! | `larder_udf_calls_total` | `feature_view` | calls that ended, one way or another |
//! | `larder_udf_failures_total` | `feature_view`, `cause` | those that failed |
//! | `larder_udf_call_duration_seconds` | `feature_view` | time of a call, instantiation and checks included |
//! | `larder_udf_slot_wait_seconds` | `feature_view` | how long a call waited for its turn; short calls never do |
//! | `larder_udf_memory_peak_bytes` | `feature_view` | the most memory that a call had since the component was loaded |

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use metrics::{Key, Label, Level, Metadata, with_recorder};

use crate::CallError;

static METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

/// The metrics of one view. Where nobody records, they go nowhere.
#[derive(Debug)]
pub(crate) struct CallMetrics {
    view: String,
    calls: Key,
    duration: Key,
    wait: Key,
    memory: Key,
    peak_bytes: AtomicUsize,
}

impl CallMetrics {
    pub(crate) fn new(view: &str) -> Self {
        let key =
            |name: &'static str| Key::from_parts(name, vec![Label::new("feature_view", view.to_owned())]);
        Self {
            view: view.to_owned(),
            calls: key("larder_udf_calls_total"),
            duration: key("larder_udf_call_duration_seconds"),
            wait: key("larder_udf_slot_wait_seconds"),
            memory: key("larder_udf_memory_peak_bytes"),
            peak_bytes: AtomicUsize::new(0),
        }
    }

    /// Notes how long a call waited for its slot.
    pub(crate) fn waited(&self, waited: Duration) {
        with_recorder(|recorder| recorder.register_histogram(&self.wait, &METADATA).record(waited));
    }

    /// Notes how a call ended.
    pub(crate) fn ended(&self, took: Duration, peak_bytes: usize, error: Option<&CallError>) {
        // A recorder may be set at any time, so nothing of it is kept; looking a key up is cheap.
        with_recorder(|recorder| {
            recorder.register_counter(&self.calls, &METADATA).increment(1);
            recorder.register_histogram(&self.duration, &METADATA).record(took);
            if self.peak_bytes.fetch_max(peak_bytes, Ordering::Relaxed) < peak_bytes {
                #[expect(clippy::cast_precision_loss, reason = "memory is far smaller than 2^53")]
                recorder.register_gauge(&self.memory, &METADATA).set(peak_bytes as f64);
            }
            if let Some(error) = error {
                let view = Label::new("feature_view", self.view.clone());
                let labels = vec![view, Label::new("cause", error.cause())];
                let key = Key::from_parts("larder_udf_failures_total", labels);
                recorder.register_counter(&key, &METADATA).increment(1);
            }
        });
    }
}
