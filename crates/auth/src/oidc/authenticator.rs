//! Who sent a token.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use larder_core::{Authenticator, Caller, Clock, Result};

use super::claims::{Validity, check_origin, user};
use super::key_cache::KeyCache;
use super::key_set::KeySet;
use super::provider::Provider;
use super::signed_token::SignedToken;
use crate::remembered::RememberedTokens;
use crate::{AuthError, IntraServerSecret, ProviderOptions};

/// What a token must say, and where its roles are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenRules {
    /// The client whose roles count beside those at the top of the token.
    pub client_id: Option<String>,
    /// The audience that a token must be meant for; `None` means any.
    pub audience: Option<String>,
    /// The issuer that a token must be of; `None` means any, as long as the provider's key signed it.
    pub issuer: Option<String>,
}

/// Finds out who sent a token that an `OpenID` Connect provider signed.
#[derive(Debug)]
pub struct OidcAuthenticator {
    rules: TokenRules,
    intra_server: Option<IntraServerSecret>,
    keys: KeyCache,
    verified: RememberedTokens<VerifiedToken>,
    clock: Arc<dyn Clock>,
}

/// A token that was found good.
#[derive(Clone, Debug)]
struct VerifiedToken {
    caller: Caller,
    validity: Validity,
    /// The keys among which the signature's was; with others in use it has to be checked again.
    keys: Arc<KeySet>,
}

impl OidcAuthenticator {
    /// An authenticator that uses the provider's keys for `key_lifespan` before it asks for them again. The
    /// provider is first asked when the first token comes.
    ///
    /// # Errors
    ///
    /// [`AuthError::Certificates`] if there is a file of certificates and it cannot be used.
    pub fn try_new(
        provider: &ProviderOptions,
        key_lifespan: Duration,
        rules: TokenRules,
        intra_server: Option<IntraServerSecret>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, AuthError> {
        let provider = Arc::new(Provider::try_new(provider)?);
        Ok(Self {
            rules,
            intra_server,
            keys: KeyCache::new(provider, Arc::clone(&clock), key_lifespan),
            verified: RememberedTokens::default(),
            clock,
        })
    }

    async fn verify(&self, token: &str) -> Result<Caller, AuthError> {
        if let Some(known) = self.verified.get(token)
            && self.keys.is_current(&known.keys)
        {
            known.validity.check(self.clock.now())?;
            return Ok(known.caller);
        }
        if self.intra_server.as_ref().is_some_and(|secret| secret.is_in(token)) {
            return Ok(Caller::Server);
        }
        let token_parts = SignedToken::parse(token)?;
        let (keys, key) = self.keys.key(&token_parts.kid).await?;
        let claims = token_parts.claims(&key)?;
        let validity = Validity::of(&claims)?;
        validity.check(self.clock.now())?;
        check_origin(&claims, &self.rules)?;
        let user = user(&claims, self.rules.client_id.as_deref())?;
        let caller = Caller::User(Arc::new(user));
        self.verified.insert(token, VerifiedToken { caller: caller.clone(), validity, keys });
        Ok(caller)
    }
}

#[async_trait]
impl Authenticator for OidcAuthenticator {
    async fn authenticate(&self, token: &str) -> Result<Caller> {
        Ok(self.verify(token).await?)
    }
}
