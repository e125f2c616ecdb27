//! On-demand views that cannot follow their sources.

use larder_core::{Error, ErrorKind};

/// Why an on-demand view with `write_to_online_store` is not computed when its sources are written. It
/// then changes only through `write_to_online_store`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotFollowing {
    /// It needs request data, which no stored row has.
    #[error(
        "on-demand feature view `{view}` needs request data of `{data_source}`, so its stored rows do not follow its other sources; write them through `write_to_online_store`"
    )]
    RequestData {
        /// The on-demand view.
        view: String,
        /// The request source.
        data_source: String,
    },
    /// A source is not kept online, so it cannot be read back.
    #[error(
        "on-demand feature view `{view}` cannot follow `{source_view}`, which is not kept online; set `online: true` there"
    )]
    SourceNotOnline {
        /// The on-demand view.
        view: String,
        /// The source.
        source_view: String,
    },
    /// A source has a join key that the view has not, so one row of the view has many of the source.
    #[error(
        "on-demand feature view `{view}` cannot follow `{source_view}`, whose join key `{join_key}` it does not have; add the entity to the view"
    )]
    ForeignJoinKey {
        /// The on-demand view.
        view: String,
        /// The source.
        source_view: String,
        /// The source's join key, as it is called in the view.
        join_key: String,
    },
    /// No source has all join keys of the view, so nothing says which rows there are.
    #[error(
        "on-demand feature view `{view}` cannot follow its sources, because none of them has all its join keys; write it through `write_to_online_store`"
    )]
    NoSourceWithAllKeys {
        /// The on-demand view.
        view: String,
    },
    /// It cannot be computed at all.
    #[error("on-demand feature view `{view}` is not kept up to date: {reason}")]
    Unusable {
        /// The on-demand view.
        view: String,
        /// Why.
        reason: String,
        /// What can be done about it.
        kind: ErrorKind,
    },
}

impl From<NotFollowing> for Error {
    fn from(error: NotFollowing) -> Self {
        let kind = match &error {
            NotFollowing::Unusable { kind, .. } => *kind,
            _ => ErrorKind::Invalid,
        };
        Self::new(kind, error)
    }
}

impl NotFollowing {
    pub(crate) fn unusable(view: &str, error: &Error) -> Self {
        Self::Unusable { view: view.to_owned(), reason: error.chain(), kind: error.kind() }
    }
}
