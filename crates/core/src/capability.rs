//! What a job can be allowed to do.

use std::collections::BTreeSet;
use std::fmt;

/// Something that a job can be allowed to do. What is not granted is refused, whoever runs the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Capability {
    /// Reads history: training sets and saved datasets.
    OfflineRead,
    /// Adds to history and writes tables into the repo.
    OfflineWrite,
    /// Moves history into the online store.
    Materialize,
    /// Reads the newest values.
    OnlineRead,
    /// Pushes rows.
    Push,
    /// Writes lines into the log of its run.
    Log,
    /// Applies on-demand views to rows of its own.
    Transform,
}

/// What a job is allowed to do.
pub type Capabilities = BTreeSet<Capability>;

impl Capability {
    /// All there are.
    pub const ALL: [Self; 7] = [
        Self::OfflineRead,
        Self::OfflineWrite,
        Self::Materialize,
        Self::OnlineRead,
        Self::Push,
        Self::Log,
        Self::Transform,
    ];

    /// The name in definitions, on the command line and in errors.
    pub fn name(self) -> &'static str {
        match self {
            Self::OfflineRead => "offline-read",
            Self::OfflineWrite => "offline-write",
            Self::Materialize => "materialize",
            Self::OnlineRead => "online-read",
            Self::Push => "push",
            Self::Log => "log",
            Self::Transform => "transform",
        }
    }

    /// The capability of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|capability| capability.name() == name)
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
