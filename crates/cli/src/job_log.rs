//! Shows a run of a job: its log and bars of its materializations, all on stderr.

use larder::{JobObserver, MaterializeEvent};
use larder_core::LogLevel;

use crate::materialize_progress::MaterializeProgress;

/// Renders what a run does.
#[derive(Debug)]
pub(crate) struct JobLog {
    progress: MaterializeProgress,
}

impl JobLog {
    pub(crate) fn new(quiet: bool) -> Self {
        Self { progress: MaterializeProgress::new(false, quiet) }
    }
}

impl JobObserver for JobLog {
    fn log(&self, level: LogLevel, line: &str) {
        eprintln!("{}: {line}", level.name());
    }

    fn materializing(&self, event: MaterializeEvent) {
        self.progress.show(&event);
    }
}
