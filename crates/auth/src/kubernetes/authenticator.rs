//! Who sent a token, as far as a cluster says.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use larder_core::{Authenticator, Caller, Clock, Result, Timestamp};
use tokio::sync::Semaphore;

use super::cluster::{Cluster, ClusterOptions};
use super::user::user;
use crate::remembered::RememberedTokens;
use crate::{AuthError, IntraServerSecret, TokenError};

/// What the cluster said of a token counts for so long: a token that it no longer vouches for, and a role that is
/// bound anew, are seen after this time.
const GOOD_FOR: Duration = Duration::from_secs(60);

/// A token that was refused is not asked about again for so long.
const REFUSED_FOR: Duration = Duration::from_secs(10);

/// Tokens that the cluster is asked about at once, whatever comes: it has other work.
const MAX_REVIEWS: usize = 8;

/// A longer token is refused without asking.
const MAX_TOKEN_BYTES: usize = 64 << 10;

/// Finds out who sent a token that a Kubernetes cluster vouches for.
#[derive(Debug)]
pub struct ClusterAuthenticator {
    cluster: Arc<Cluster>,
    intra_server: Option<IntraServerSecret>,
    remembered: RememberedTokens<Known>,
    reviews: Semaphore,
    clock: Arc<dyn Clock>,
}

/// What the cluster said of a token; `None` means that it did not vouch for it.
#[derive(Clone, Debug)]
struct Known {
    caller: Option<Caller>,
    until: Timestamp,
}

impl ClusterAuthenticator {
    /// An authenticator that asks a cluster. It is first asked when the first token comes.
    ///
    /// # Errors
    ///
    /// [`AuthError::Certificates`] and [`AuthError::ServiceAccount`] if the files of the service account cannot be used.
    pub fn try_new(
        options: &ClusterOptions,
        intra_server: Option<IntraServerSecret>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, AuthError> {
        Ok(Self {
            cluster: Arc::new(Cluster::try_new(options)?),
            intra_server,
            remembered: RememberedTokens::default(),
            reviews: Semaphore::new(MAX_REVIEWS),
            clock,
        })
    }

    fn known(&self, token: &str) -> Option<Result<Caller, AuthError>> {
        let known = self.remembered.get(token)?;
        let refused = || AuthError::Token(TokenError::NotOfCluster);
        (self.clock.now() < known.until).then(|| known.caller.ok_or_else(refused))
    }

    async fn verify(&self, token: &str) -> Result<Caller, AuthError> {
        if let Some(known) = self.known(token) {
            return known;
        }
        if self.intra_server.as_ref().is_some_and(|secret| secret.is_in(token)) {
            return Ok(Caller::Server);
        }
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Malformed.into());
        }
        let _turn = self.reviews.acquire().await.map_err(|_closed| AuthError::Ending)?;
        // Another request may have asked while this one waited.
        if let Some(known) = self.known(token) {
            return known;
        }
        let (cluster, asked) = (Arc::clone(&self.cluster), token.to_owned());
        let found = larder_blocking::run_as(move || user(&cluster, cluster.review(&asked)?)).await;
        let (caller, lasts) = match found {
            Ok(user) => (Some(Caller::User(Arc::new(user))), GOOD_FOR),
            Err(AuthError::Token(TokenError::NotOfCluster)) => (None, REFUSED_FOR),
            Err(unknown) => return Err(unknown),
        };
        self.remembered
            .insert(token, Known { caller: caller.clone(), until: self.clock.now().saturating_add(lasts) });
        caller.ok_or_else(|| TokenError::NotOfCluster.into())
    }
}

#[async_trait]
impl Authenticator for ClusterAuthenticator {
    async fn authenticate(&self, token: &str) -> Result<Caller> {
        Ok(self.verify(token).await?)
    }
}
