//! What can go wrong with a token, or with whoever is asked about it.

use std::path::PathBuf;

use larder_blocking::Ending;
use larder_core::{Error, ErrorKind};

/// What can go wrong between larder and a provider or a cluster.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// It does not answer, or answers with an error.
    #[error("{who} cannot be reached at {url}")]
    Unreachable {
        /// The provider or the cluster.
        who: &'static str,
        /// What was asked for.
        url: String,
        /// What went wrong.
        source: Box<ureq::Error>,
    },
    /// The answer is not JSON, or lacks what it must have.
    #[error("the answer of {who} from {url} is not what it should be: {reason}")]
    InvalidAnswer {
        /// The provider or the cluster.
        who: &'static str,
        /// What was asked for.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The provider was asked a moment ago, in vain.
    #[error("the OIDC provider could not be reached a moment ago")]
    AskedInVain,
    /// The file with the certificates of the authority cannot be used.
    #[error("{path} cannot be read as certificates in PEM", path = path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The variable that is to hold the token does not.
    #[error("`token_env_var` names `{variable}`, and the environment holds no such variable")]
    NoVariable {
        /// The variable.
        variable: String,
    },
    /// It is not said where the cluster is.
    #[error(
        "there is no Kubernetes cluster to ask: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set, as \
         they are in a pod; run the server in a pod, or give `auth` an `api_server`"
    )]
    NotInCluster,
    /// A file of the service account cannot be read.
    #[error(
        "the service account has no {path}; run the server in a pod with a service account, or give `auth` a \
         `service_account` folder",
        path = path.display()
    )]
    ServiceAccount {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// A token is not to be trusted.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The program is ending.
    #[error("the work was given up because the program ends")]
    Ending,
}

/// Why a token is not to be trusted. Never shows the token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// It is no JSON Web Token.
    #[error("the token is malformed")]
    Malformed,
    /// Its header names no key.
    #[error("the token names no key: its header has no `kid`")]
    NoKeyNamed,
    /// The provider has no such key.
    #[error("the token is signed with key `{kid}`, which the provider does not have")]
    UnknownKey {
        /// The key's id.
        kid: String,
    },
    /// It is signed in a way that does not fit the key, or not at all.
    #[error("the token's algorithm does not fit its key")]
    Algorithm,
    /// The signature is not that of the key.
    #[error("the token's signature is wrong")]
    Signature,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// A claim is missing, or is not what it must be.
    #[error("the token's claim `{claim}` is missing or not the one wanted")]
    Claim {
        /// The claim.
        claim: &'static str,
    },
    /// The cluster does not vouch for it.
    #[error("the Kubernetes cluster does not vouch for the token")]
    NotOfCluster,
    /// No claim names a user.
    #[error("the token names no user: it has none of preferred_username, upn, azp, appid and sub")]
    NoUser,
}

impl From<Ending> for AuthError {
    fn from(_: Ending) -> Self {
        Self::Ending
    }
}

impl From<AuthError> for Error {
    fn from(error: AuthError) -> Self {
        let kind = match error {
            AuthError::Token(_)
            | AuthError::Certificates { .. }
            | AuthError::NoVariable { .. }
            | AuthError::NotInCluster => ErrorKind::Invalid,
            AuthError::Unreachable { .. }
            | AuthError::InvalidAnswer { .. }
            | AuthError::AskedInVain
            | AuthError::ServiceAccount { .. }
            | AuthError::Ending => ErrorKind::Unavailable,
        };
        Self::new(kind, error)
    }
}
