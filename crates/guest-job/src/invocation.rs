//! What a run is told.

use larder_guest::Timestamp;

use crate::bindings::exports::larder::job::job;

/// What a run is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// The arguments of the definition, or those of whoever starts the run.
    pub arguments: Vec<String>,
    /// The time that the run is for: when it was due, or started where it has no schedule. It stands still.
    pub time: Timestamp,
}

impl From<job::Invocation> for Invocation {
    fn from(invocation: job::Invocation) -> Self {
        Self { arguments: invocation.arguments, time: Timestamp::from_micros(invocation.time) }
    }
}
