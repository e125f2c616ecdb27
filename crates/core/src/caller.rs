//! Who sends a request, and what finds it out.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use crate::Result;

/// Somebody who sends requests, with what permissions ask about.
///
/// Two users with the same name, roles, groups and namespaces are the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct User {
    /// The name; empty where none is known.
    pub name: String,
    /// The roles.
    pub roles: Vec<String>,
    /// The groups.
    pub groups: Vec<String>,
    /// The namespaces.
    pub namespaces: Vec<String>,
}

/// Who sends a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// A user, who may do what the permissions of the project say.
    User(Arc<User>),
    /// Another server of the same installation, which may do everything.
    Server,
}

/// Finds out who sent a token. Shared by all requests; methods may run concurrently.
#[async_trait]
pub trait Authenticator: Debug + Send + Sync + 'static {
    /// Who sent `token`, the part of the header `Authorization` after `Bearer`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) if it cannot be found out now; any other
    /// kind if the token is not to be trusted. Neither shows the token.
    async fn authenticate(&self, token: &str) -> Result<Caller>;
}
