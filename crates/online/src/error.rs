//! What can go wrong in an online store.

use std::io;
use std::path::{Path, PathBuf};

use larder_blocking::Ending;
use larder_core::{EntityKey, Error, ErrorKind};

use crate::row::{CorruptRow, DecodeError, EncodeError};
use crate::server_address::ServerAddress;
use crate::sqlite_store::CellFault;
use larder_feast_value::{UnfitColumn, ValueFault};

/// An error of an online store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OnlineError {
    /// Another process, or another store of this one, has the folder open.
    #[error("the online store in `{}` is in use by another process{}", path.display(), server_text(holder.as_ref()))]
    Locked {
        /// The folder.
        path: PathBuf,
        /// Where the holder serves, if it does.
        holder: Option<ServerAddress>,
    },
    /// The folder holds a format this version does not know, or was not made by larder.
    #[error(
        "the online store in `{}` has format `{found}`, and this larder reads `{expected}`; \
         open it with the larder that wrote it, or choose an empty folder and materialize again",
        path.display()
    )]
    UnknownFormat {
        /// The folder.
        path: PathBuf,
        /// What its format file says.
        found: String,
        /// What it would have to say.
        expected: &'static str,
    },
    /// A file of the data folder cannot be used.
    #[error("cannot {action} `{}`", path.display())]
    Folder {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Sled could not open the folder.
    #[error("cannot open the online store in `{}`", path.display())]
    Open {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: sled::Error,
    },
    /// Sled could not read or write.
    #[error("online store I/O failed for `{subject}`")]
    Io {
        /// The view, or what else was read or written.
        subject: String,
        /// Why.
        source: sled::Error,
    },
    /// A stored row cannot be read.
    #[error("a stored row of view `{view}` cannot be read; remove the view's rows and materialize it again")]
    CorruptRow {
        /// The view.
        view: String,
        /// Where in the row, and why.
        source: CorruptRow,
    },
    /// A stored schema cannot be read.
    #[error("the stored schema {schema} cannot be read; remove the store and materialize again")]
    CorruptSchema {
        /// The schema's id.
        schema: String,
    },
    /// Two views or two schemas have one id.
    #[error("`{name}` and `{other}` have the same id in the online store; rename one of them")]
    IdCollision {
        /// The name or id at hand.
        name: String,
        /// The one already stored.
        other: String,
    },
    /// SQLite could not open, read or write its file.
    #[error("cannot {action} the online store `{}`", path.display())]
    Sqlite {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// A row of a table in Feast's layout cannot be read.
    #[error(
        "feature `{feature}` of entity {entity} in table `{table}` cannot be read; delete that row, or all of \
         the table's, and materialize the view again"
    )]
    CorruptCell {
        /// The table.
        table: String,
        /// The entity key in hexadecimal digits.
        entity: String,
        /// The feature's name in the row.
        feature: String,
        /// Why.
        source: CellFault,
    },
    /// The parts of a write have different lengths.
    #[error(
        "a write to view `{view}` has {keys} keys, {versions} versions and {rows} rows; they must be as many"
    )]
    UnevenWrite {
        /// The view.
        view: String,
        /// Number of keys.
        keys: usize,
        /// Number of versions.
        versions: usize,
        /// Number of rows.
        rows: usize,
    },
    /// A batch cannot be written as rows of its view.
    #[error("rows of view `{view}` cannot be written")]
    Encode {
        /// The view.
        view: String,
        /// Why.
        source: EncodeError,
    },
    /// A text column holds what is no value of its type.
    #[error("feature `{feature}` of view `{view}` cannot be written")]
    UnfitText {
        /// The view.
        view: String,
        /// The feature.
        feature: String,
        /// Which row, and what it would have to be.
        source: UnfitColumn,
    },
    /// A read asks for a feature the view does not have.
    #[error("a read of view `{view}` asks for feature {position}, and it has {features}")]
    NoSuchFeature {
        /// The view.
        view: String,
        /// The position asked for.
        position: usize,
        /// How many features there are.
        features: usize,
    },
    /// One column of an answer would exceed what Arrow can hold.
    #[error("a read of view `{view}` would return more than 2 GiB in one column; ask for fewer keys")]
    AnswerTooLarge {
        /// The view.
        view: String,
    },
    /// The store or its runtime is shutting down.
    #[error("the online store has closed")]
    Closed,
}

impl OnlineError {
    pub(crate) fn decode(view: &str, error: DecodeError) -> Self {
        let view = view.to_owned();
        match error {
            DecodeError::Corrupt(source) => Self::CorruptRow { view, source },
            DecodeError::TooLarge => Self::AnswerTooLarge { view },
        }
    }

    pub(crate) fn sqlite(action: &'static str, path: &Path) -> impl FnOnce(rusqlite::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Sqlite { action, path, source }
    }

    pub(crate) fn corrupt_cell(table: &str, key: &EntityKey, feature: &str, fault: CellFault) -> Self {
        if fault == CellFault::Value(ValueFault::TooLarge) {
            return Self::AnswerTooLarge { view: table.to_owned() };
        }
        Self::CorruptCell {
            table: table.to_owned(),
            entity: key.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect(),
            feature: feature.to_owned(),
            source: fault,
        }
    }

    pub(crate) fn io(subject: &str) -> impl FnOnce(sled::Error) -> Self {
        move |source| Self::Io { subject: subject.to_owned(), source }
    }
}

impl From<Ending> for OnlineError {
    fn from(_: Ending) -> Self {
        Self::Closed
    }
}

impl From<OnlineError> for Error {
    fn from(error: OnlineError) -> Self {
        let kind = match &error {
            OnlineError::Sqlite { source, .. } => sqlite_kind(source),
            OnlineError::CorruptRow { .. }
            | OnlineError::CorruptCell { .. }
            | OnlineError::CorruptSchema { .. }
            | OnlineError::UnknownFormat { .. }
            | OnlineError::Io { source: sled::Error::Corruption { .. }, .. }
            | OnlineError::Open { source: sled::Error::Corruption { .. }, .. } => ErrorKind::Corrupt,
            OnlineError::Locked { .. }
            | OnlineError::Folder { .. }
            | OnlineError::Open { .. }
            | OnlineError::Io { .. }
            | OnlineError::Closed => ErrorKind::Unavailable,
            OnlineError::Encode { .. }
            | OnlineError::UnfitText { .. }
            | OnlineError::AnswerTooLarge { .. }
            | OnlineError::IdCollision { .. } => ErrorKind::Invalid,
            OnlineError::UnevenWrite { .. } | OnlineError::NoSuchFeature { .. } => ErrorKind::Internal,
        };
        Self::new(kind, error)
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

fn server_text(holder: Option<&ServerAddress>) -> String {
    match holder {
        Some(server) => format!("; it serves at {server}: send the request there, or stop it"),
        None => "; wait for it to end, or stop it".to_owned(),
    }
}
