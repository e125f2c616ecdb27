//! What can go wrong with a token or its provider.

use std::path::PathBuf;

use larder_core::{Error, ErrorKind};

/// What can go wrong between larder and a provider.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OidcError {
    /// The provider does not answer, or answers with an error.
    #[error("the OIDC provider cannot be reached at {url}")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// What went wrong.
        source: Box<ureq::Error>,
    },
    /// The provider's answer is not JSON, or lacks what it must have.
    #[error("the OIDC provider's answer from {url} is not what it should be: {reason}")]
    InvalidAnswer {
        /// What was asked for.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The provider was asked a moment ago, in vain.
    #[error("the OIDC provider could not be reached a moment ago")]
    AskedInVain,
    /// The file with the certificates of the provider's authority cannot be used.
    #[error("`ca_cert_path`: {path} cannot be read as certificates in PEM", path = path.display())]
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
    /// No claim names a user.
    #[error("the token names no user: it has none of preferred_username, upn, azp, appid and sub")]
    NoUser,
}

impl From<OidcError> for Error {
    fn from(error: OidcError) -> Self {
        let kind = match error {
            OidcError::Token(_) | OidcError::Certificates { .. } | OidcError::NoVariable { .. } => {
                ErrorKind::Invalid
            }
            OidcError::Unreachable { .. }
            | OidcError::InvalidAnswer { .. }
            | OidcError::AskedInVain
            | OidcError::Ending => ErrorKind::Unavailable,
        };
        Self::new(kind, error)
    }
}
