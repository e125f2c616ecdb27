//! The online store: the newest values by entity key.

use std::fmt::Debug;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::buffer::BooleanBuffer;
use async_trait::async_trait;

use crate::{EntityKey, Field, Result, Timestamp};

/// What the online store must know of a view: where its rows lie and which columns they have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnlineView {
    /// The project; views of different projects never meet.
    pub project: String,
    /// The view's name.
    pub name: String,
    /// The stored features, in order. Join keys are not among them: they are in the key.
    pub features: Vec<Field>,
}

/// The version of a row: greater is newer.
///
/// **Newest wins** is decided here and nowhere else: where a store has that [`WritePolicy`], a write takes
/// effect iff its version is at least that of the stored row. A row without created time is older than one
/// with any, at the same event time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowVersion {
    /// When the values became true.
    pub event_timestamp: Timestamp,
    /// When the row was written at its source.
    pub created_timestamp: Option<Timestamp>,
}

impl RowVersion {
    /// Whether a row of this version takes the place of a stored row of version `stored`.
    pub fn replaces(self, stored: Self) -> bool {
        self >= stored
    }
}

/// Which of two rows of one key stays in a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WritePolicy {
    /// The newer one, and of equally new ones the one written last. So it does not matter in which order
    /// rows arrive.
    #[default]
    NewestWins,
    /// The one written last, however old its values are.
    LastWriteWins,
}

impl WritePolicy {
    /// Whether a row of version `incoming` takes the place of a stored row of version `stored`.
    pub fn replaces(self, incoming: RowVersion, stored: RowVersion) -> bool {
        match self {
            Self::NewestWins => incoming.replaces(stored),
            Self::LastWriteWins => true,
        }
    }
}

/// Rows of one view on their way into the store. All parts have one length.
#[derive(Clone, Debug)]
pub struct OnlineWrite {
    /// The view.
    pub view: Arc<OnlineView>,
    /// The key of each row. A key may occur more than once; then its rows count one after the other.
    pub keys: Vec<EntityKey>,
    /// The version of each row.
    pub versions: Vec<RowVersion>,
    /// The feature columns `[rows × features]`, in the order and types of the view.
    pub features: RecordBatch,
}

/// What became of the rows of a write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriteOutcome {
    /// Rows that took effect: of rows with one key in one write, at most one.
    pub written: usize,
    /// Rows that lost against a newer row, or against another row of the same write.
    pub older: usize,
}

impl std::ops::AddAssign for WriteOutcome {
    fn add_assign(&mut self, other: Self) {
        self.written += other.written;
        self.older += other.older;
    }
}

/// A read of chosen features of one view for many keys.
#[derive(Clone, Debug)]
pub struct OnlineRead {
    /// The view.
    pub view: Arc<OnlineView>,
    /// Positions in `view.features`, in the order wanted.
    pub features: Arc<[usize]>,
    /// The keys; `None` where an entity has no key (a null join key) and so no row.
    pub keys: Arc<[Option<EntityKey>]>,
}

/// The answer to one [`OnlineRead`].
#[derive(Clone, Debug)]
pub struct OnlineRows {
    /// The event time of the row of each key, `None` where nothing is held; one per key.
    pub event_timestamps: Vec<Option<Timestamp>>,
    /// One column per feature asked for.
    pub columns: Vec<OnlineColumn>,
}

/// One feature for all keys of a read.
#[derive(Clone, Debug)]
pub struct OnlineColumn {
    /// The values, one per key, of the feature's Arrow type; null where none is held.
    pub values: ArrayRef,
    /// Which keys hold this feature, also as null: false where there is no row, and where the row was
    /// written before the view had the feature.
    pub present: BooleanBuffer,
}

/// The newest feature values by entity key.
///
/// Implementations are shared by all requests; methods may run concurrently and never block the
/// caller's thread. `larder_testkit::conformance::online_store` checks every sentence below.
#[async_trait]
pub trait OnlineStore: Debug + Send + Sync + 'static {
    /// The name in `feature_store.yaml`: `sled`, `sqlite`, `memory`.
    fn kind(&self) -> &'static str;

    /// Whether other processes may have the store open as well, and write to it. Then removing rows that
    /// no longer count is for the process that changes the definitions, not for those that see the change.
    fn is_shared(&self) -> bool {
        false
    }

    /// Which of two rows of one key stays.
    fn write_policy(&self) -> WritePolicy {
        WritePolicy::NewestWins
    }

    /// Answers all reads of one request, in their order. A row is read whole or not at all: its
    /// features come from one write.
    ///
    /// Features that the stored row's schema did not have, or had with another type, are absent.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) if the store cannot be reached;
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) if a stored row cannot be decoded.
    async fn read(&self, reads: Vec<OnlineRead>) -> Result<Vec<OnlineRows>>;

    /// Writes rows, each iff it [`replaces`](WritePolicy::replaces) the stored one by the store's
    /// [policy](Self::write_policy). Readers see each row at once; the rows survive a crash only after
    /// [`flush`](Self::flush).
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read); some rows may then have been written. Writing them again is safe.
    async fn write(&self, write: OnlineWrite) -> Result<WriteOutcome>;

    /// The keys of all rows of a view, each once, in no order. Rows that are written meanwhile may be among
    /// them or not. It may walk all rows of the project: it is for searches, not for whoever knows the keys.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) if the store cannot be reached.
    async fn keys(&self, project: &str, view: &str) -> Result<Vec<EntityKey>>;

    /// Returns once everything written before the call would survive a crash.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) if the store cannot be reached.
    async fn flush(&self) -> Result<()>;

    /// Prepares for a view that begins to be kept. A store that [is shared](Self::is_shared) keeps the
    /// rows it finds, which another program may have written; one that is not removes what an earlier view
    /// of that name has left.
    ///
    /// Rows may be read and written without it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) if the store cannot be reached.
    async fn create_view(&self, project: &str, view: &str) -> Result<()> {
        self.remove_view(project, view).await
    }

    /// Removes all rows of a view, and flushes. Removing what is not there is no error.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) if the store cannot be reached.
    async fn remove_view(&self, project: &str, view: &str) -> Result<()>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(event: i64, created: Option<i64>) -> RowVersion {
        RowVersion {
            event_timestamp: Timestamp::from_micros(event),
            created_timestamp: created.map(Timestamp::from_micros),
        }
    }

    #[test]
    fn the_event_time_decides_then_the_created_time_and_equals_replace() {
        assert!(version(2, None).replaces(version(1, Some(9))));
        assert!(version(1, Some(2)).replaces(version(1, Some(1))));
        assert!(version(1, Some(0)).replaces(version(1, None)));
        assert!(version(1, None).replaces(version(1, None)));
        assert!(!version(1, None).replaces(version(1, Some(0))));
        assert!(!version(1, Some(9)).replaces(version(2, None)));
    }
}
