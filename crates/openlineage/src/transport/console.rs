//! To the standard error, a line an event.

use std::io::Write as _;

use serde_json::Value;

use super::Transport;
use crate::TransportError;

/// The standard error: the standard output is for what a command was asked for.
#[derive(Debug)]
pub(super) struct Console;

impl Transport for Console {
    fn send(&mut self, event: &Value) -> Result<(), TransportError> {
        writeln!(std::io::stderr().lock(), "{event}").map_err(TransportError::Console)
    }
}
