//! When the keys of the provider are fetched.
//!
//! | what is known | then |
//! |---|---|
//! | the key, in a set within its lifespan | it is used |
//! | a set within its lifespan, without the key | fetched again, if the set is older than [`PAUSE`] |
//! | none, or a set past its lifespan | fetched; after a failure not again for [`PAUSE_AFTER_FAILURE`] |
//!
//! So a key that the provider withdraws counts for at most the lifespan, a new one at once, and tokens that
//! name keys at random cannot make larder flood the provider. One request at a time asks the provider;
//! requests whose key is known never wait for it.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use larder_core::{Clock, Timestamp};
use tokio::sync::Mutex;

use super::key_set::{KeySet, PublicKey};
use super::provider::Provider;
use crate::{AuthError, TokenError};

/// A set of keys is not fetched again before it is this old because a token names another key.
const PAUSE: Duration = Duration::from_secs(10);

const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);

/// The provider's keys, fetched when needed.
#[derive(Debug)]
pub(crate) struct KeyCache {
    provider: Arc<Provider>,
    clock: Arc<dyn Clock>,
    lifespan: Duration,
    state: RwLock<State>,
    /// Held by the one request that asks the provider.
    fetching: Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    keys: Arc<KeySet>,
    fetched: Option<Timestamp>,
    failed: Option<Timestamp>,
}

/// What the cache says of a key without asking anybody.
enum Known {
    Key(Arc<KeySet>, Arc<PublicKey>),
    No(AuthError),
    MustFetch,
}

impl KeyCache {
    pub(crate) fn new(provider: Arc<Provider>, clock: Arc<dyn Clock>, lifespan: Duration) -> Self {
        Self { provider, clock, lifespan, state: RwLock::default(), fetching: Mutex::default() }
    }

    /// The key of this id, with the set it is of.
    pub(crate) async fn key(&self, kid: &str) -> Result<(Arc<KeySet>, Arc<PublicKey>), AuthError> {
        match self.known(kid) {
            Known::Key(keys, key) => return Ok((keys, key)),
            Known::No(error) => return Err(error),
            Known::MustFetch => {}
        }
        let _alone = self.fetching.lock().await;
        // Another request may have fetched while this one waited.
        match self.known(kid) {
            Known::Key(keys, key) => return Ok((keys, key)),
            Known::No(error) => return Err(error),
            Known::MustFetch => {}
        }
        let provider = Arc::clone(&self.provider);
        let fetched = larder_blocking::run_as(move || provider.keys()).await;
        let now = self.clock.now();
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        match fetched {
            Ok(keys) => {
                let keys = Arc::new(keys);
                *state = State { keys: Arc::clone(&keys), fetched: Some(now), failed: None };
                let key = keys.get(kid).ok_or_else(|| unknown(kid))?;
                Ok((keys, key))
            }
            Err(error) => {
                state.failed = Some(now);
                Err(error)
            }
        }
    }

    /// Whether a set of keys is the one in use, and within its lifespan.
    pub(crate) fn is_current(&self, keys: &Arc<KeySet>) -> bool {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        Arc::ptr_eq(&state.keys, keys) && is_within(state.fetched, self.clock.now(), self.lifespan)
    }

    fn known(&self, kid: &str) -> Known {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        let may_fetch = !is_within(state.failed, now, PAUSE_AFTER_FAILURE);
        if !is_within(state.fetched, now, self.lifespan) {
            return if may_fetch { Known::MustFetch } else { Known::No(AuthError::AskedInVain) };
        }
        if let Some(key) = state.keys.get(kid) {
            return Known::Key(Arc::clone(&state.keys), key);
        }
        let rested = !is_within(state.fetched, now, PAUSE);
        if rested && may_fetch { Known::MustFetch } else { Known::No(unknown(kid)) }
    }
}

/// Whether `now` is less than `span` after `since`. A clock that was put back makes everything too old.
fn is_within(since: Option<Timestamp>, now: Timestamp, span: Duration) -> bool {
    since.is_some_and(|since| since <= now && now < since.saturating_add(span))
}

fn unknown(kid: &str) -> AuthError {
    TokenError::UnknownKey { kid: kid.chars().take(100).collect() }.into()
}
