//! The error that crosses every trait of larder.

use std::error::Error as StdError;
use std::fmt;

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a caller can do about an [`Error`].
///
/// A kind exists only where a caller would act differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A named thing does not exist: correct the name, or create the thing.
    NotFound,
    /// The input breaks a rule: correct the input.
    Invalid,
    /// The caller may not do this: ask for the permission.
    Forbidden,
    /// A store or file cannot be reached now: try again later.
    Unavailable,
    /// Stored bytes cannot be understood: restore or rebuild them.
    Corrupt,
    /// A user's transformation or job failed or broke its contract: correct it.
    Transformation,
    /// larder broke a rule of its own: report it.
    Internal,
}

/// An exact error of some crate, tagged with what a caller can do about it.
///
/// Displays the exact error. [`source`](StdError::source) continues with *its* source, so a printed
/// chain names every error once. [`Error::downcast_ref`] gives the exact error back.
pub struct Error {
    kind: ErrorKind,
    exact: Box<dyn StdError + Send + Sync + 'static>,
}

impl Error {
    /// Tags `exact` with `kind`.
    pub fn new(kind: ErrorKind, exact: impl Into<Box<dyn StdError + Send + Sync + 'static>>) -> Self {
        Self { kind, exact: exact.into() }
    }

    /// What the caller can do.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The exact error, if it is an `E`.
    pub fn downcast_ref<E: StdError + 'static>(&self) -> Option<&E> {
        self.exact.downcast_ref()
    }

    /// The message and the messages of all its sources, joined by `: `.
    pub fn chain(&self) -> String {
        let mut text = self.exact.to_string();
        let mut source = self.exact.source();
        while let Some(error) = source {
            text.push_str(": ");
            text.push_str(&error.to_string());
            source = error.source();
        }
        text
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error").field("kind", &self.kind).field("exact", &self.exact).finish()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.exact, f)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.exact.source()
    }
}
