//! Permissions.

use larder_core::{Permission, PermissionType, PermittedAction, Policy, Timestamp};

use super::entity::meta;
use super::{CombinedPolicy, NamesPolicy, PermissionSpec, Unsupported};
use crate::proto;

pub(crate) fn permission_to_proto(
    permission: &Permission,
    project: &str,
    (created, last_updated): (Timestamp, Timestamp),
) -> proto::Permission {
    // Feast writes all types where none are said.
    let types = if permission.types.is_empty() { PermissionType::ALL } else { permission.types.as_slice() };
    let spec = PermissionSpec {
        name: permission.name.clone(),
        project: project.to_owned(),
        types: types.iter().map(|kind| kind.number()).collect(),
        name_patterns: permission.name_patterns.clone(),
        required_tags: permission.required_tags.clone(),
        actions: permission.actions.iter().map(|action| action.number()).collect(),
        policy: Some(policy_to_proto(&permission.policy)),
        tags: permission.tags.clone(),
    };
    proto::Permission { spec: Some(spec), meta: Some(meta(created, last_updated)) }
}

fn policy_to_proto(policy: &Policy) -> proto::Policy {
    let names = |names: &[String]| Some(NamesPolicy { names: names.to_vec() });
    let empty = proto::Policy::default();
    match policy {
        Policy::Roles(roles) => proto::Policy { role_based_policy: names(roles), ..empty },
        Policy::Groups(groups) => proto::Policy { group_based_policy: names(groups), ..empty },
        Policy::Namespaces(namespaces) => {
            proto::Policy { namespace_based_policy: names(namespaces), ..empty }
        }
        Policy::GroupsAndNamespaces { groups, namespaces } => proto::Policy {
            combined_group_namespace_policy: Some(CombinedPolicy {
                groups: groups.clone(),
                namespaces: namespaces.clone(),
            }),
            ..empty
        },
        _ => empty,
    }
}

/// Types and actions that larder does not know make a permission that cannot be used: granting less than
/// was meant is safe, but telling nobody is not.
pub(crate) fn permission_from_proto(permission: &proto::Permission) -> Result<Permission, Unsupported> {
    let spec = permission.spec.as_ref().ok_or(Unsupported::Incomplete { part: "spec" })?;
    let kind =
        |number: &i32| PermissionType::from_number(*number).ok_or(Unsupported::Incomplete { part: "types" });
    let action = |number: &i32| {
        PermittedAction::from_number(*number).ok_or(Unsupported::Incomplete { part: "actions" })
    };
    let types: Vec<PermissionType> = spec.types.iter().map(kind).collect::<Result<_, _>>()?;
    let all = PermissionType::ALL.iter().all(|kind| types.contains(kind));
    Ok(Permission {
        name: spec.name.clone(),
        types: if all { Vec::new() } else { types },
        name_patterns: spec.name_patterns.clone(),
        required_tags: spec.required_tags.clone(),
        actions: spec.actions.iter().map(action).collect::<Result<_, _>>()?,
        policy: policy_from_proto(spec.policy.as_ref()),
        tags: spec.tags.clone(),
    })
}

pub(crate) fn policy_from_proto(policy: Option<&proto::Policy>) -> Policy {
    let Some(policy) = policy else { return Policy::AllowAll };
    if let Some(roles) = &policy.role_based_policy {
        return Policy::Roles(roles.names.clone());
    }
    if let Some(groups) = &policy.group_based_policy {
        return Policy::Groups(groups.names.clone());
    }
    if let Some(namespaces) = &policy.namespace_based_policy {
        return Policy::Namespaces(namespaces.names.clone());
    }
    match &policy.combined_group_namespace_policy {
        Some(combined) => Policy::GroupsAndNamespaces {
            groups: combined.groups.clone(),
            namespaces: combined.namespaces.clone(),
        },
        None => Policy::AllowAll,
    }
}
