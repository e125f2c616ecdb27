//! The user that a reviewed token and the bindings of a cluster make, by Feast's rules.
//!
//! | | a service account `system:serviceaccount:NAMESPACE:NAME` | a user |
//! |---|---|---|
//! | name | `NAMESPACE:NAME` | theirs |
//! | roles | bound to it in the pod's namespace | bound to the user or one of their groups, anywhere |
//! | groups | theirs | theirs |
//! | namespaces | its own | where a binding makes them an `admin`, or a `dashboard-permissions-*` binding names them |
//!
//! and namespaces of groups `system:serviceaccounts:NAMESPACE`.
//!
//! Two things Feast does are not done here, since they give rights that nobody has granted. Feast counts every
//! group that has access to the namespace of a service account among the account's own groups; and where a token is a
//! JSON Web Token it takes the account that the token names, whether or not the cluster vouches for it.

use std::collections::BTreeSet;

use larder_core::User;

use super::cluster::{Binding, Cluster, Reviewed};
use crate::AuthError;

const SERVICE_ACCOUNT: &str = "system:serviceaccount:";
const SERVICE_ACCOUNTS_OF: &str = "system:serviceaccounts:";

/// The label and the name of bindings that a dashboard makes.
const DASHBOARD: (&str, &str, &str) = ("dashboard-permissions-", "opendatahub.io/dashboard", "true");

/// The user of a reviewed token.
///
/// # Errors
///
/// If the cluster cannot be asked for its bindings.
pub(super) fn user(cluster: &Cluster, reviewed: Reviewed) -> Result<User, AuthError> {
    if let Some((namespace, name)) = service_account(&reviewed.username) {
        let bindings = cluster.role_bindings_in(cluster.namespace())?;
        return Ok(of_service_account(namespace, name, &reviewed, &bindings));
    }
    let (local, global) = (cluster.role_bindings()?, cluster.cluster_role_bindings()?);
    Ok(of_user(reviewed, &local, &global))
}

fn service_account(username: &str) -> Option<(&str, &str)> {
    username.strip_prefix(SERVICE_ACCOUNT)?.split_once(':')
}

fn of_service_account(namespace: &str, name: &str, reviewed: &Reviewed, bindings: &[Binding]) -> User {
    let is_bound = |binding: &&Binding| {
        binding.subjects.iter().flatten().any(|subject| {
            subject.kind == "ServiceAccount"
                && subject.name == name
                && subject.namespace.as_deref() == Some(namespace)
        })
    };
    let roles = bindings.iter().filter(is_bound).map(|binding| binding.role_ref.name.clone());
    let namespaces = namespaces_of_groups(&reviewed.groups).chain([namespace.to_owned()]);
    User {
        name: format!("{namespace}:{name}"),
        roles: sorted(roles),
        namespaces: sorted(namespaces),
        groups: sorted(reviewed.groups.iter().cloned()),
    }
}

fn of_user(reviewed: Reviewed, local: &[Binding], global: &[Binding]) -> User {
    let is_user = |binding: &Binding| {
        let mut subjects = binding.subjects.iter().flatten();
        subjects.any(|subject| subject.kind == "User" && subject.name == reviewed.username)
    };
    let is_group = |binding: &Binding| {
        let mut subjects = binding.subjects.iter().flatten();
        subjects.any(|subject| subject.kind == "Group" && reviewed.groups.contains(&subject.name))
    };
    let bound = local.iter().chain(global).filter(|binding| is_user(binding) || is_group(binding));
    let roles = sorted(bound.map(|binding| binding.role_ref.name.clone()));
    let working = local.iter().filter(|binding| gives_a_namespace(binding) && is_user(binding));
    let namespaces = working.filter_map(|binding| binding.metadata.namespace.clone());
    let namespaces = sorted(namespaces.chain(namespaces_of_groups(&reviewed.groups)));
    User { roles, namespaces, groups: sorted(reviewed.groups.iter().cloned()), name: reviewed.username }
}

fn gives_a_namespace(binding: &Binding) -> bool {
    let (name, label, value) = DASHBOARD;
    let labels = binding.metadata.labels.as_ref();
    let of_dashboard = binding.metadata.name.starts_with(name)
        && labels.and_then(|labels| labels.get(label)).is_some_and(|found| found == value);
    of_dashboard || (binding.role_ref.kind == "ClusterRole" && binding.role_ref.name == "admin")
}

fn namespaces_of_groups(groups: &[String]) -> impl Iterator<Item = String> {
    groups.iter().filter_map(|group| group.strip_prefix(SERVICE_ACCOUNTS_OF)).map(str::to_owned)
}

fn sorted(names: impl Iterator<Item = String>) -> Vec<String> {
    names.collect::<BTreeSet<_>>().into_iter().collect()
}
