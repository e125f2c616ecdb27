//! Permissions.

use larder_core::{Permission, PermissionType, PermittedAction, Policy};

use super::super::shapes::{PERMISSION, POLICY};
use super::field::tags;
use crate::permission_rule::whole_name;
use crate::problem::Report;
use crate::suggestion::suggest;
use crate::yaml::{At, Node, ObjectReader};

pub(super) fn read_permission(node: &Node, report: &mut Report) -> Option<At<Permission>> {
    let reader = ObjectReader::open(node, &PERMISSION, report)?;
    let name = reader.required_name("name", report);
    let types = types(&reader, report);
    let actions = actions(&reader, report);
    let policy = match reader.get("policy") {
        None => Policy::AllowAll,
        Some(node) => policy(node, report)?,
    };
    let patterns = name_patterns(&reader, report);
    let permission = Permission {
        types,
        name_patterns: patterns,
        required_tags: reader.labels("required_tags", report),
        actions,
        policy,
        tags: tags(&reader, report),
        name: name.as_ref()?.value.clone(),
    };
    Some(At { value: permission, place: name?.place })
}

fn name_patterns(reader: &ObjectReader<'_>, report: &mut Report) -> Vec<String> {
    let patterns = reader.name_or_names("name_patterns", report);
    for pattern in &patterns {
        if let Err(error) = whole_name(&pattern.value) {
            let problem =
                pattern.place.problem(format!("the pattern `{}` is no regular expression", pattern.value));
            // The last line says what is wrong, those before it where.
            let reason = error.to_string().lines().last().unwrap_or_default().trim().to_owned();
            report.problem(problem.because(reason.trim_start_matches("error: ")));
        }
    }
    patterns.into_iter().map(|pattern| pattern.value).collect()
}

fn types(reader: &ObjectReader<'_>, report: &mut Report) -> Vec<PermissionType> {
    let mut types = Vec::new();
    for name in reader.name_or_names("types", report) {
        let known = PermissionType::ALL.iter().find(|known| known.name() == name.value);
        match known {
            Some(known) if types.contains(known) => {}
            Some(known) => types.push(*known),
            None => {
                let problem = name.place.problem(format!("unknown kind of object `{}`", name.value));
                let names = PermissionType::ALL.iter().map(|known| known.name());
                report.problem(problem.maybe_remedy(suggest(&name.value, names)));
            }
        }
    }
    // All of them is the same as none said.
    if types.len() == PermissionType::ALL.len() { Vec::new() } else { types }
}

fn actions(reader: &ObjectReader<'_>, report: &mut Report) -> Vec<PermittedAction> {
    use PermittedAction::{
        Create, Delete, Describe, ReadOffline, ReadOnline, Update, WriteOffline, WriteOnline,
    };
    if reader.get("actions").is_none() {
        return PermittedAction::ALL.to_vec();
    }
    let mut actions: Vec<PermittedAction> = Vec::new();
    for name in reader.name_or_names("actions", report) {
        let upper = name.value.to_ascii_uppercase();
        let one = PermittedAction::ALL.iter().copied().find(|action| action.name() == upper);
        let meant: Vec<PermittedAction> = match (one, upper.as_str()) {
            (Some(action), _) => vec![action],
            (None, "ALL") => PermittedAction::ALL.to_vec(),
            (None, "READ") => vec![ReadOffline, ReadOnline],
            (None, "WRITE") => vec![WriteOffline, WriteOnline],
            (None, "CRUD") => vec![Create, Describe, Update, Delete],
            _ => {
                let problem = name.place.problem(format!("unknown action `{}`", name.value));
                let names = PermittedAction::ALL.iter().map(|action| action.name());
                report.problem(problem.maybe_remedy(suggest(&name.value, names)));
                continue;
            }
        };
        for action in meant {
            if !actions.contains(&action) {
                actions.push(action);
            }
        }
    }
    actions
}

fn policy(node: &Node, report: &mut Report) -> Option<Policy> {
    let reader = ObjectReader::open(node, &POLICY, report)?;
    let names = |key: &str, report: &mut Report| -> Vec<String> {
        reader.names(key, report).into_iter().map(|name| name.value).collect()
    };
    let has = |key: &str| reader.get(key).is_some();
    Some(match (has("roles"), has("groups"), has("namespaces")) {
        (true, false, false) => Policy::Roles(names("roles", report)),
        (false, true, false) => Policy::Groups(names("groups", report)),
        (false, false, true) => Policy::Namespaces(names("namespaces", report)),
        (false, true, true) => Policy::GroupsAndNamespaces {
            groups: names("groups", report),
            namespaces: names("namespaces", report),
        },
        (false, false, false) => Policy::AllowAll,
        (true, ..) => {
            let problem = node.place.problem("a policy names roles, or groups and namespaces, but not both");
            report.problem(problem.remedy("write two permissions"));
            return None;
        }
    })
}
