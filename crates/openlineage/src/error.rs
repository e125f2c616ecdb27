//! What can go wrong with events.

use std::io;
use std::path::{Path, PathBuf};

use larder_blocking::Ending;
use larder_core::{Error, ErrorKind};

/// The store of events failed, or refused one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LineageError {
    /// The folder of the file cannot be made.
    #[error("cannot make the folder `{}`", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// SQLite could not do it.
    #[error("cannot {action} the lineage store `{}`", path.display())]
    Sqlite {
        /// What was to be done.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// What was sent is no event.
    #[error("the event cannot be taken")]
    Event(#[from] EventFault),
    /// There is no id to be had for it.
    #[error("an event gets no id")]
    NoId(#[source] Error),
    /// The store or its runtime is shutting down.
    #[error("the lineage store has closed")]
    Closed,
}

/// What is wrong with an event that was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EventFault {
    /// A part of it has another type than it must have.
    #[error("`{place}` must be {wanted}")]
    WrongType {
        /// The part, as `inputs[0].name`.
        place: String,
        /// What it must be.
        wanted: &'static str,
    },
    /// It ties together more than is kept at a time.
    #[error(
        "it adds more than {limit} edges at a time, as inputs, outputs and links do; send smaller events"
    )]
    TooManyEdges {
        /// How many may come at a time.
        limit: usize,
    },
}

/// An event could not be sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The server cannot be asked as the settings say.
    #[error("cannot send events to `{url}`: {reason}")]
    Settings {
        /// The server, without credentials.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// The server cannot be reached, or did not take the event.
    #[error("`{url}` did not take the event")]
    Http {
        /// The server, without credentials.
        url: String,
        /// Why.
        source: Box<ureq::Error>,
    },
    /// The file cannot be written.
    #[error("cannot write `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The standard error cannot be written.
    #[error("cannot write to the standard error")]
    Console(#[source] io::Error),
    /// The store of this process did not take it.
    #[error(transparent)]
    Store(#[from] LineageError),
}

impl LineageError {
    pub(crate) fn sqlite(action: &'static str, path: &Path) -> impl FnOnce(rusqlite::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Sqlite { action, path, source }
    }
}

impl From<Ending> for LineageError {
    fn from(_: Ending) -> Self {
        Self::Closed
    }
}

impl From<LineageError> for Error {
    fn from(error: LineageError) -> Self {
        let kind = match &error {
            LineageError::Sqlite { source, .. } => sqlite_kind(source),
            LineageError::Event(_) => ErrorKind::Invalid,
            LineageError::NoId(source) => source.kind(),
            LineageError::Folder { .. } | LineageError::Closed => ErrorKind::Unavailable,
        };
        Self::new(kind, error)
    }
}

impl From<TransportError> for Error {
    fn from(error: TransportError) -> Self {
        Self::new(ErrorKind::Unavailable, error)
    }
}

fn sqlite_kind(error: &rusqlite::Error) -> ErrorKind {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    match error.sqlite_error_code() {
        Some(DatabaseCorrupt | NotADatabase) => ErrorKind::Corrupt,
        // A busy or full disk, a file that may not be written, a table of another shape.
        _ => ErrorKind::Unavailable,
    }
}
