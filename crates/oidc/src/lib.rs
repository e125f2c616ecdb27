//! Tokens of `OpenID` Connect: who sent a request, and what to send.
//!
//! [`OidcAuthenticator`] is the server's side. It reads the provider's discovery document, keeps the
//! provider's keys for a while, and says of a token whose signature one of them made, and whose times,
//! issuer and audience are as they should be, who its user is: name, roles and groups, by Feast's rules.
//!
//! [`TokenSource`] is the client's side: a token that is written down, one from a variable of the
//! environment, or one that the provider hands out for a secret.
//!
//! What the crate does *not* do: it decides nothing about permissions, and it knows nothing of HTTP servers.
//! Only signatures with a private key count: neither unsigned tokens nor those signed with a shared secret
//! are ever taken, whatever their header says. The one exception is Feast's secret between the servers of
//! one installation ([`IntraServerSecret`]), which is not signed but is itself the secret.

mod authenticator;
mod blocking;
mod claims;
mod error;
mod intra_server;
mod key_cache;
mod key_set;
mod provider;
mod signed_token;
mod token_source;
mod verified_tokens;

pub use authenticator::{OidcAuthenticator, TokenRules};
pub use error::{OidcError, TokenError};
pub use intra_server::IntraServerSecret;
pub use provider::ProviderOptions;
pub use token_source::{ClientCredentials, TokenSource};
