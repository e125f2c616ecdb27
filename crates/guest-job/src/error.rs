//! Why a verb failed.

use std::fmt;

use crate::ErrorKind;
use crate::bindings::larder::job::tables;

/// Why a verb failed, or a table did not fit.
#[derive(Clone, Debug)]
pub struct Error {
    /// What can be done about it.
    pub kind: ErrorKind,
    /// For people: the thing, the place and the remedy.
    pub message: String,
}

impl Error {
    /// A mistake of the job itself.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Invalid, message: message.into() }
    }
}

impl From<tables::Error> for Error {
    fn from(error: tables::Error) -> Self {
        Self { kind: error.kind, message: error.message }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
