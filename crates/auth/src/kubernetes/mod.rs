//! Tokens that a Kubernetes cluster vouches for.
//!
//! The cluster is asked whose a token is (`TokenReview`), and which roles are bound to them (`RoleBinding`s and
//! `ClusterRoleBinding`s). How that makes a user is Feast's rule, at [`user`].

mod authenticator;
mod cluster;
mod user;

pub use authenticator::ClusterAuthenticator;
pub use cluster::ClusterOptions;
pub(crate) use cluster::service_account_token;
