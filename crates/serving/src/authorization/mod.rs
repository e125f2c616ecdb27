//! Who may do what: from the token of a request to the permissions of the project.
//!
//! 1. [`Authorization::access`] finds out who sends a request, by its `Authorization` header. Doors ask it before
//!    they read anything else.
//! 2. The [`Access`] is asked for an action on the objects that the request names ([`Protected`]). Without a
//!    permission there is Feast's `FeastPermissionError`.
//! 3. [`rules`] holds what a registry snapshot says, so that the answer costs two look-ups.
//!
//! Feast's rule is that one permission that grants is enough; that without any permission in the project
//! every user who has a name may do everything; and that with any, what none of them grants is refused.

mod protected;
mod rules;

use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock};

use larder_core::{Authenticator, Caller, ErrorKind, PermittedAction, PushMode, RequestError, Result, User};
use larder_plan::Selection;
use larder_registry::RegistrySnapshot;

pub use self::protected::Protected;
pub(crate) use self::protected::history_read_by;
use self::protected::read_by;
use self::rules::Rules;
use crate::FeatureServer;

/// Who may do what on one server.
#[derive(Debug)]
pub struct Authorization {
    authenticator: Arc<dyn Authenticator>,
    /// Of the snapshot that was asked about last.
    rules: RwLock<Option<Arc<Rules>>>,
}

/// Whether the sender of a request may do things.
#[derive(Clone, Debug)]
pub struct Access {
    /// Who it is, and where to ask what that grants; `None` where everybody may do everything.
    caller: Option<(Caller, Arc<Authorization>)>,
}

/// Why a request is not let in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotLetIn {
    /// There is no token, or none that this server trusts. Feast says the same of both.
    #[error("Invalid or expired access token")]
    NoGoodToken,
    /// Whether the token is good cannot be found out now.
    #[error("The access token cannot be checked now; try again later")]
    CannotTell,
}

impl Authorization {
    /// Asks `authenticator` who sends requests.
    pub fn new(authenticator: Arc<dyn Authenticator>) -> Self {
        Self { authenticator, rules: RwLock::default() }
    }

    /// The access of a request with this `Authorization` header, `Bearer` and the token.
    ///
    /// # Errors
    ///
    /// [`NotLetIn`]; the reason is in the server's log alone.
    pub async fn access(self: &Arc<Self>, header: Option<&str>) -> Result<Access, NotLetIn> {
        let token = header.and_then(bearer_token).ok_or(NotLetIn::NoGoodToken)?;
        match self.authenticator.authenticate(token).await {
            Ok(caller) => Ok(Access { caller: Some((caller, Arc::clone(self))) }),
            Err(error) if error.kind() == ErrorKind::Unavailable => {
                tracing::error!(error = error.chain(), "cannot find out who sends requests");
                Err(NotLetIn::CannotTell)
            }
            Err(error) => {
                tracing::info!(error = error.chain(), "a token was refused");
                Err(NotLetIn::NoGoodToken)
            }
        }
    }

    fn rules(&self, snapshot: &Arc<RegistrySnapshot>) -> Arc<Rules> {
        {
            let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(rules) = rules.as_ref().filter(|rules| rules.are_of(snapshot)) {
                return Arc::clone(rules);
            }
        }
        let new = Arc::new(Rules::new(Arc::clone(snapshot)));
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&new));
        new
    }
}

impl Access {
    /// Everybody may do everything: the server asks nobody who they are.
    pub fn open() -> Self {
        Self { caller: None }
    }

    /// Who sends the request, where that is a user: no other server of the installation, and not just anybody.
    pub fn user(&self) -> Option<&Arc<User>> {
        match &self.caller {
            Some((Caller::User(user), _)) => Some(user),
            _ => None,
        }
    }

    /// Whether the sender's rights depend on permissions.
    pub fn is_limited(&self) -> bool {
        self.user().is_some()
    }

    /// Refuses what the permissions of a project do not grant: all of `actions` with an object.
    ///
    /// # Errors
    ///
    /// [`RequestError::PermissionDenied`].
    pub fn check(
        &self,
        snapshot: &Arc<RegistrySnapshot>,
        actions: &[PermittedAction],
        object: &Protected<'_>,
    ) -> Result<(), RequestError> {
        match &self.caller {
            Some((Caller::User(user), authorization)) => {
                authorization.rules(snapshot).check(user, actions, object)
            }
            _ => Ok(()),
        }
    }

    /// Refuses to put an object in the place of `existing`, unless the sender may update both; and to make a new one,
    /// unless they may create it.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    pub fn check_put(
        &self,
        snapshot: &Arc<RegistrySnapshot>,
        existing: Option<&Protected<'_>>,
        sent: &Protected<'_>,
    ) -> Result<(), RequestError> {
        let Some(existing) = existing else {
            return self.check_unregistered(snapshot, &[PermittedAction::Create], sent);
        };
        let actions = [PermittedAction::Describe, PermittedAction::Update];
        self.check(snapshot, &actions, existing)?;
        self.check_unregistered(snapshot, &actions, sent)
    }

    /// As [`check`](Self::check), of an object that is to be registered.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    pub fn check_unregistered(
        &self,
        snapshot: &Arc<RegistrySnapshot>,
        actions: &[PermittedAction],
        object: &Protected<'_>,
    ) -> Result<(), RequestError> {
        match &self.caller {
            Some((Caller::User(user), authorization)) => {
                authorization.rules(snapshot).check_unregistered(user, actions, object)
            }
            _ => Ok(()),
        }
    }

    /// Refuses what the permissions of a server's project do not grant: all of `actions` with each of the objects
    /// that `objects` finds in the registry.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check); else as `objects`.
    pub async fn require(
        &self,
        server: &dyn FeatureServer,
        actions: &[PermittedAction],
        objects: impl FnOnce(&RegistrySnapshot) -> Result<Vec<Protected<'_>>>,
    ) -> Result<()> {
        if !self.is_limited() {
            return Ok(());
        }
        let snapshot = server.snapshot().await?;
        for object in objects(&snapshot)? {
            self.check(&snapshot, actions, &object)?;
        }
        Ok(())
    }

    /// Refuses a push that the permissions of a server's project do not grant, for any of the views it feeds.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    pub async fn require_push(
        &self,
        server: &dyn FeatureServer,
        push_source: &str,
        to: PushMode,
    ) -> Result<()> {
        let actions: &[PermittedAction] = match to {
            PushMode::Online => &[PermittedAction::WriteOnline],
            PushMode::Offline => &[PermittedAction::WriteOffline],
            PushMode::OnlineAndOffline => &[PermittedAction::WriteOffline, PermittedAction::WriteOnline],
        };
        self.require(server, actions, |registry| Ok(Protected::fed_by(registry, push_source))).await
    }

    /// Refuses a write to a view that the permissions of a server's project do not grant.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check), and [`RequestError::ObjectNotFound`].
    pub async fn require_write(&self, server: &dyn FeatureServer, feature_view: &str) -> Result<()> {
        self.require(server, &[PermittedAction::WriteOnline], |registry| {
            let unknown = |_| RequestError::ObjectNotFound { name: feature_view.to_owned() };
            Ok(vec![Protected::named(registry, feature_view).map_err(unknown)?])
        })
        .await
    }

    /// What `read` answers to a request, if the sender may read what the request selects, before it and
    /// after: an apply in between may have closed it.
    ///
    /// # Errors
    ///
    /// As [`require`](Self::require), and as `read`.
    pub async fn read<R, A, F>(
        &self,
        server: &dyn FeatureServer,
        request: R,
        selection: fn(&R) -> &Selection,
        read: impl FnOnce(R) -> F,
    ) -> Result<A>
    where
        F: Future<Output = Result<A>>,
    {
        if !self.is_limited() {
            return read(request).await;
        }
        let selection = selection(&request).clone();
        let actions = [PermittedAction::ReadOnline];
        self.require(server, &actions, |registry| read_by(registry, &selection)).await?;
        let answer = read(request).await?;
        self.require(server, &actions, |registry| read_by(registry, &selection)).await?;
        Ok(answer)
    }
}

/// The token of `Bearer …`, in any case.
fn bearer_token(header: &str) -> Option<&str> {
    let mut words = header.split_ascii_whitespace();
    let (scheme, token) = (words.next()?, words.next()?);
    (scheme.eq_ignore_ascii_case("bearer") && words.next().is_none()).then_some(token)
}

#[cfg(test)]
mod tests {
    use larder_core::{Error, Project, Timestamp};
    use larder_registry::SnapshotObjects;

    use super::*;

    #[derive(Debug)]
    struct Nobody;

    #[async_trait::async_trait]
    impl Authenticator for Nobody {
        async fn authenticate(&self, _token: &str) -> Result<Caller> {
            Err(Error::new(ErrorKind::Invalid, "nobody"))
        }
    }

    #[test]
    fn the_rules_are_those_of_the_snapshot_asked_about() {
        let snapshot = || {
            let objects = SnapshotObjects::default();
            Arc::new(RegistrySnapshot::new("1".into(), Project::new("p"), Timestamp::EPOCH, objects))
        };
        let authorization = Authorization::new(Arc::new(Nobody));
        let (first, second) = (snapshot(), snapshot());
        let rules = authorization.rules(&first);
        assert!(Arc::ptr_eq(&rules, &authorization.rules(&first)), "kept");
        assert!(!Arc::ptr_eq(&rules, &authorization.rules(&second)), "and dropped with the snapshot");
        assert!(authorization.rules(&first).are_of(&first));
    }

    #[test]
    fn a_bearer_token_is_one_word_after_its_scheme() {
        assert_eq!(bearer_token("Bearer abc"), Some("abc"));
        assert_eq!(bearer_token("bEARER   abc "), Some("abc"));
        for value in ["", "Bearer", "Bearer ", "abc", "Basic abc", "Bearer a b", "Bearerabc"] {
            assert_eq!(bearer_token(value), None, "{value}");
        }
    }
}
