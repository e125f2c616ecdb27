//! What a user should know about a run that went well.

use std::fmt;

use larder_core::Timestamp;

use crate::NotFollowing;

/// Something a user should know about a materialization that is no error. Displays as one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// The view's values never expire, so the first incremental run has no natural start.
    NoTtl {
        /// The view.
        view: String,
    },
    /// An incremental run of the view would start at or after the end, so that nothing is read, written
    /// or recorded. Usual where the same end is asked for again.
    NothingToDo {
        /// The view.
        view: String,
        /// Where the run would start.
        start: Timestamp,
        /// Where it would end.
        end: Timestamp,
    },
    /// The end lies in the future. Rows up to it are taken, but only the time up to now is recorded, so
    /// that rows still to come are not passed over later.
    EndInFuture {
        /// The view.
        view: String,
        /// The end asked for.
        end: Timestamp,
        /// The end recorded, which is now.
        recorded: Timestamp,
    },
    /// Rows without a join key were passed over.
    NullJoinKeys {
        /// The view.
        view: String,
        /// How many.
        rows: u64,
    },
    /// An engine is meant to make the view's values of what is written.
    SourceAsItIs {
        /// The view.
        view: String,
    },
    /// The on-demand view is left out, because its rows cannot be computed from the store.
    LeftOut(NotFollowing),
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTtl { view } => write!(
                f,
                "Since the ttl is 0 for feature view {view}, the start date will be set to 1 year before the \
                 current time."
            ),
            Self::NothingToDo { view, start, end } => write!(
                f,
                "nothing to do for feature view `{view}`: it continues at {start}, which is not before the end {end}"
            ),
            Self::EndInFuture { view, end, recorded } => write!(
                f,
                "the end {end} lies in the future: feature view `{view}` is recorded as materialized up to \
                 {recorded}, so that rows still to come are not passed over"
            ),
            Self::NullJoinKeys { view, rows } => {
                write!(f, "feature view `{view}`: passed over {rows} rows whose join key is null")
            }
            Self::SourceAsItIs { view } => write!(
                f,
                "feature view `{view}`: what lies in its source is written as it is; its function in Python and its \
                 aggregations are left to Feast's engines"
            ),
            Self::LeftOut(reason) => write!(f, "{reason}"),
        }
    }
}
