//! Jobs: the third door to the verbs, beside the command line and HTTP.

mod history;
mod host;
mod run_component;
mod runner;
mod scheduler;
mod table_output;
mod training_set_stream;

pub use host::JobObserver;
pub use run_component::ComponentRun;
pub use runner::{JobRunner, StartedRun};
pub use scheduler::Scheduler;
