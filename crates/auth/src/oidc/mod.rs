//! Tokens that an `OpenID` Connect provider has signed.

mod authenticator;
mod claims;
mod key_cache;
mod key_set;
mod provider;
mod signed_token;

pub use authenticator::{OidcAuthenticator, TokenRules};
pub(crate) use provider::Provider;
pub use provider::ProviderOptions;
pub(crate) use signed_token::object;
