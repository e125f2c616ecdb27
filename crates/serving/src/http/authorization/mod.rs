//! Who may do what: from the header of a request to the permissions of the project.
//!
//! 1. [`authenticate`] stands before every route but `/health`, where the server has an
//!    [`Authenticator`]. Without a token that it trusts there is a 401, and nothing of the body is read.
//! 2. A route that needs it takes the [`Access`] of its request, and asks it for an action on the objects
//!    that the request names ([`protected`]). Without a permission there is Feast's `FeastPermissionError`.
//! 3. [`rules`] holds what a registry snapshot says, so that the answer costs two look-ups.
//!
//! Feast's rule is that one permission that grants is enough; that without any permission in the project
//! every user who has a name may do everything; and that with any, what none of them grants is refused.

mod protected;
mod rules;

use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock};

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use larder_core::{Authenticator, Caller, Error, ErrorKind, PermittedAction, Result};
use larder_plan::Selection;
use larder_registry::RegistrySnapshot;

use self::protected::read_by;
pub(crate) use self::protected::{Protected, fed_by, named, project};
use self::rules::Rules;
use crate::http::error::{HttpError, error_response};
use crate::http::guard::App;

/// Feast says the same of every token that it does not take, and of none.
const NO_GOOD_TOKEN: &str = "Invalid or expired access token";

/// Who may do what on one server.
#[derive(Debug)]
pub(crate) struct Authorization {
    authenticator: Arc<dyn Authenticator>,
    /// Of the snapshot that was asked about last.
    rules: RwLock<Option<Arc<Rules>>>,
}

/// Whether the sender of a request may do things.
#[derive(Clone, Debug)]
pub(crate) enum Access {
    /// Everybody may do everything: the server asks nobody who they are.
    Open,
    /// It depends on who it is.
    Of(Caller),
}

impl Authorization {
    pub(crate) fn new(authenticator: Arc<dyn Authenticator>) -> Self {
        Self { authenticator, rules: RwLock::default() }
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
    /// The access of a request that has passed [`authenticate`], if it had to.
    pub(crate) fn of(app: &App, extensions: &Extensions) -> Result<Self> {
        match (extensions.get::<Self>(), &app.authorization) {
            (Some(access), _) => Ok(access.clone()),
            (None, None) => Ok(Self::Open),
            (None, Some(_)) => Err(Error::new(ErrorKind::Internal, "a route asks nobody who they are")),
        }
    }

    /// Refuses what the permissions of the project do not grant: all of `actions` with each of the objects
    /// that `objects` finds in the registry.
    ///
    /// # Errors
    ///
    /// [`RequestError::PermissionDenied`](larder_core::RequestError::PermissionDenied); else as `objects`.
    pub(crate) async fn require(
        &self,
        app: &App,
        actions: &[PermittedAction],
        objects: impl FnOnce(&RegistrySnapshot) -> Result<Vec<Protected<'_>>>,
    ) -> Result<()> {
        let Some(authorization) = &app.authorization else { return Ok(()) };
        let Self::Of(Caller::User(user)) = self else { return Ok(()) };
        let snapshot = app.server.snapshot().await?;
        let rules = authorization.rules(&snapshot);
        for object in objects(&snapshot)? {
            rules.check(user, actions, &object)?;
        }
        Ok(())
    }

    /// What `read` answers to a request, if the sender may read what the request selects, before it and
    /// after: an apply in between may have closed it.
    ///
    /// # Errors
    ///
    /// As [`require`](Self::require), and as `read`.
    pub(crate) async fn read<R, A, F>(
        &self,
        app: &App,
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
        self.require(app, &actions, |registry| read_by(registry, &selection)).await?;
        let answer = read(request).await?;
        self.require(app, &actions, |registry| read_by(registry, &selection)).await?;
        Ok(answer)
    }

    /// Whether the sender's rights depend on permissions.
    pub(crate) fn is_limited(&self) -> bool {
        matches!(self, Self::Of(Caller::User(_)))
    }
}

impl FromRequestParts<Arc<App>> for Access {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        Self::of(app, &parts.extensions)
            .map_err(|error| error_response(&error.into(), app.options.error_status))
    }
}

/// Lets a request pass whose token tells who sent it.
pub(crate) async fn authenticate(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let Some(authorization) = &app.authorization else { return next.run(request).await };
    let Some(token) = bearer_token(request.headers()) else { return refused() };
    match authorization.authenticator.authenticate(token).await {
        Ok(caller) => {
            let access = Access::Of(caller);
            request.extensions_mut().insert(access.clone());
            let mut response = next.run(request).await;
            // For whoever takes note of requests.
            response.extensions_mut().insert(access);
            response
        }
        Err(error) if error.kind() == ErrorKind::Unavailable => {
            tracing::error!(error = error.chain(), "cannot find out who sends requests");
            let text = "The access token cannot be checked now; try again later";
            let error = HttpError::detail(StatusCode::SERVICE_UNAVAILABLE, text);
            error_response(&error, app.options.error_status)
        }
        Err(error) => {
            tracing::info!(error = error.chain(), path = request.uri().path(), "a token was refused");
            refused()
        }
    }
}

fn refused() -> Response {
    let error = HttpError::detail(StatusCode::UNAUTHORIZED, NO_GOOD_TOKEN);
    let mut response = error_response(&error, larder_registry::ErrorStatus::default());
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

/// The token of `Authorization: Bearer …`, in any case.
fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let mut words = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_ascii_whitespace();
    let (scheme, token) = (words.next()?, words.next()?);
    (scheme.eq_ignore_ascii_case("bearer") && words.next().is_none()).then_some(token)
}

#[cfg(test)]
mod tests {
    use larder_core::{Project, Timestamp};
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
        let token = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, HeaderValue::from_static(value));
            bearer_token(&headers).map(str::to_owned)
        };
        assert_eq!(token("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(token("bEARER   abc ").as_deref(), Some("abc"));
        for value in ["", "Bearer", "Bearer ", "abc", "Basic abc", "Bearer a b", "Bearerabc"] {
            assert_eq!(token(value), None, "{value}");
        }
        assert_eq!(bearer_token(&HeaderMap::new()), None);
    }
}
