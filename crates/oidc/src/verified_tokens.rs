//! Tokens that were found good, so that a signature is checked once per token and not per request.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use larder_core::Caller;
use sha2::{Digest as _, Sha256};

use crate::claims::Validity;
use crate::key_set::KeySet;

/// More tokens than this are not remembered; then all are forgotten.
const MAX_TOKENS: usize = 10_000;

/// Tokens that were found good, by digest.
#[derive(Debug, Default)]
pub(crate) struct VerifiedTokens {
    tokens: RwLock<HashMap<[u8; 32], VerifiedToken>>,
}

/// A token that was found good.
#[derive(Clone, Debug)]
pub(crate) struct VerifiedToken {
    pub(crate) caller: Caller,
    pub(crate) validity: Validity,
    /// The keys among which the signature's was; with others in use it has to be checked again.
    pub(crate) keys: Arc<KeySet>,
}

impl VerifiedTokens {
    pub(crate) fn get(&self, token: &str) -> Option<VerifiedToken> {
        self.tokens.read().unwrap_or_else(PoisonError::into_inner).get(&digest(token)).cloned()
    }

    pub(crate) fn insert(&self, token: &str, verified: VerifiedToken) {
        let mut tokens = self.tokens.write().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() >= MAX_TOKENS {
            tokens.clear();
        }
        tokens.insert(digest(token), verified);
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}
