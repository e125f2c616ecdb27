//! What can go wrong with a registry file.

use std::io;
use std::path::{Path, PathBuf};

use larder_core::{ComponentDigest, Error, ErrorKind, RequestError};

/// A registry file that cannot be used, or an object that is not in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// There is no registry yet.
    #[error("there is no registry at `{}`; run `larder apply` in the feature repo", .path.display())]
    NotFound {
        /// Where it should be.
        path: PathBuf,
    },
    /// The path of the registry is that of a folder.
    #[error("the registry `{}` is a folder; name a file in `feature_store.yaml`", .path.display())]
    IsFolder {
        /// The folder.
        path: PathBuf,
    },
    /// The registry does not hold the project.
    #[error(
        "project `{project}` is not in the registry `{}`; run `larder apply` in the feature repo",
        .path.display()
    )]
    ProjectNotFound {
        /// The project.
        project: String,
        /// The registry.
        path: PathBuf,
    },
    /// A mistake in what was asked for: a view that is not there, a version that cannot be pinned.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// What a client sends to be registered is nothing that everybody could read.
    #[error("{object} cannot be registered: {reason}")]
    Unregistrable {
        /// Its kind, and its name if that much can be read.
        object: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The file of jobs cannot be understood.
    #[error("the jobs in `{}` cannot be read: {reason}; run `larder apply` after removing the file", .path.display())]
    CorruptJobs {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file cannot be read.
    #[error("`{}` cannot be read", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file or folder cannot be written.
    #[error("`{}` cannot be written", .path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The bytes of the file are damaged.
    #[error(
        "the registry `{}` is damaged; restore it from a copy, or remove it and run `larder apply` \
         (the record of what is materialized is then lost)",
        .path.display()
    )]
    Corrupt {
        /// The registry.
        path: PathBuf,
        /// What was found.
        source: DamagedContents,
    },
    /// The file is something else.
    #[error("`{}` is not a registry of Feast or larder; name another file in `feature_store.yaml`", .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The registry follows a schema that larder does not know.
    #[error("the registry `{}` has schema version `{version}`, but larder knows `1`; use a newer larder", .path.display())]
    NewerSchema {
        /// The registry.
        path: PathBuf,
        /// The version it has.
        version: String,
    },
    /// The bytes of a component are missing.
    #[error("component {digest} is not in `{}`; run `larder apply` in the feature repo", .folder.display())]
    ComponentNotFound {
        /// The component.
        digest: ComponentDigest,
        /// Where components lie.
        folder: PathBuf,
    },
    /// The bytes of a component are not those that its name tells.
    #[error("`{}` does not hold the component of its name; remove it and run `larder apply` again", .path.display())]
    ComponentCorrupt {
        /// The component's file.
        path: PathBuf,
    },
}

/// Where the bytes of a registry end to make sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct DamagedContents {
    reason: String,
}

/// Why bytes are no registry, before it is known which file they are from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ContentsError {
    Damaged(String),
    Foreign,
    NewerSchema(String),
}

impl ContentsError {
    pub(crate) fn damaged(error: &dyn std::error::Error) -> Self {
        Self::Damaged(error.to_string())
    }

    pub(crate) fn at(self, path: &Path) -> RegistryError {
        let path = path.to_owned();
        match self {
            Self::Damaged(reason) => RegistryError::Corrupt { path, source: DamagedContents { reason } },
            Self::Foreign => RegistryError::Foreign { path },
            Self::NewerSchema(version) => RegistryError::NewerSchema { path, version },
        }
    }
}

impl From<RegistryError> for Error {
    fn from(error: RegistryError) -> Self {
        let kind = match &error {
            RegistryError::NotFound { .. }
            | RegistryError::ProjectNotFound { .. }
            | RegistryError::ComponentNotFound { .. } => ErrorKind::NotFound,
            RegistryError::IsFolder { .. }
            | RegistryError::Foreign { .. }
            | RegistryError::Request(_)
            | RegistryError::Unregistrable { .. } => ErrorKind::Invalid,
            RegistryError::Read { .. } | RegistryError::Write { .. } => ErrorKind::Unavailable,
            RegistryError::Corrupt { .. }
            | RegistryError::CorruptJobs { .. }
            | RegistryError::NewerSchema { .. }
            | RegistryError::ComponentCorrupt { .. } => ErrorKind::Corrupt,
        };
        match error {
            // Feast's client raises the exception of the request error.
            RegistryError::Request(error) => error.into(),
            error => Self::new(kind, error),
        }
    }
}
