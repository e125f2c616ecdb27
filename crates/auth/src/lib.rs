//! Tokens: who sent a request, and what to send.
//!
//! A server asks one of two. [`OidcAuthenticator`] reads the discovery document of an `OpenID` Connect provider,
//! keeps the provider's keys for a while, and says of a token whose signature one of them made, and whose times,
//! issuer and audience are as they should be, who its user is: name, roles and groups, by Feast's rules.
//! [`ClusterAuthenticator`] asks a Kubernetes cluster whose a token is, and which roles are bound to them.
//!
//! [`TokenSource`] is the client's side: a token that is written down, one from a variable of the
//! environment or a file, or one that the provider hands out for a secret.
//!
//! What the crate does *not* do: it decides nothing about permissions, and it knows nothing of HTTP servers.
//! No token is believed on its own word: either a private key has signed it, whose public half the provider shows, or
//! the cluster vouches for it. The one exception is Feast's secret between the servers of one installation
//! ([`IntraServerSecret`]), which is not signed but is itself the secret.

mod error;
mod intra_server;
mod kubernetes;
mod oidc;
mod remembered;
mod token_source;
mod web;

pub use error::{AuthError, TokenError};
pub use intra_server::IntraServerSecret;
pub use kubernetes::{ClusterAuthenticator, ClusterOptions};
pub use oidc::{OidcAuthenticator, ProviderOptions, TokenRules};
pub use token_source::{ClientCredentials, TokenSource};
