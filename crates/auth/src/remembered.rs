//! Tokens about which something was found out, so that it is found out once per token and not per request.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use sha2::{Digest as _, Sha256};

/// More tokens than this are not remembered; then all are forgotten.
const MAX_TOKENS: usize = 10_000;

/// What is known of tokens, by their digests.
#[derive(Debug)]
pub(crate) struct RememberedTokens<K> {
    tokens: RwLock<HashMap<[u8; 32], K>>,
}

impl<K> Default for RememberedTokens<K> {
    fn default() -> Self {
        Self { tokens: RwLock::default() }
    }
}

impl<K: Clone> RememberedTokens<K> {
    pub(crate) fn get(&self, token: &str) -> Option<K> {
        self.tokens.read().unwrap_or_else(PoisonError::into_inner).get(&digest(token)).cloned()
    }

    pub(crate) fn insert(&self, token: &str, known: K) {
        let mut tokens = self.tokens.write().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() >= MAX_TOKENS {
            tokens.clear();
        }
        tokens.insert(digest(token), known);
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}
