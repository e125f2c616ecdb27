//! What the permissions of one snapshot of the registry grant.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, PoisonError, RwLock};

use larder_core::{PermissionType, PermittedAction, RequestError, User};
use larder_registry::{PermissionRule, RegistrySnapshot};

use super::Protected;

/// More users than this are not remembered; then all are forgotten.
const MAX_USERS: usize = 4_096;

type PositionsByName = HashMap<String, Arc<[usize]>>;

/// The permissions of a snapshot.
///
/// Which of them are about an object, and which of them admit a user, is found out once each; a decision then
/// is two look-ups and a walk along the few permissions about the object.
#[derive(Debug)]
pub(crate) struct Rules {
    /// Kept, so that its address is not given to another one.
    snapshot: Arc<RegistrySnapshot>,
    permissions: Vec<PermissionRule>,
    /// The positions of the rules about each object that was asked for. Every object is in the registry.
    about: RwLock<HashMap<PermissionType, PositionsByName>>,
    /// Which of the rules admit each user that asked.
    admitting: RwLock<HashMap<Arc<User>, Arc<[bool]>>>,
}

impl Rules {
    /// The rules of a snapshot. A permission that cannot be used grants nothing.
    pub(crate) fn new(snapshot: Arc<RegistrySnapshot>) -> Self {
        let rule = |permission: &larder_registry::Registered<larder_core::Permission>| {
            PermissionRule::new((*permission.object).clone())
                .inspect_err(|error| tracing::error!(%error, "a permission grants nothing"))
                .ok()
        };
        Self {
            permissions: snapshot.permissions().iter().filter_map(rule).collect(),
            snapshot,
            about: RwLock::default(),
            admitting: RwLock::default(),
        }
    }

    pub(crate) fn are_of(&self, snapshot: &Arc<RegistrySnapshot>) -> bool {
        Arc::ptr_eq(&self.snapshot, snapshot)
    }

    /// Refuses all of `actions` with an object, unless a permission grants them to the user.
    ///
    /// # Errors
    ///
    /// [`RequestError::PermissionDenied`] with Feast's text.
    pub(crate) fn check(
        &self,
        user: &Arc<User>,
        actions: &[PermittedAction],
        object: &Protected<'_>,
    ) -> Result<(), RequestError> {
        self.check_about(user, actions, object, || self.about(object))
    }

    /// As [`check`](Self::check), of an object that is not in the registry, or not as it is there: nothing of it is
    /// remembered.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    pub(crate) fn check_unregistered(
        &self,
        user: &Arc<User>,
        actions: &[PermittedAction],
        object: &Protected<'_>,
    ) -> Result<(), RequestError> {
        self.check_about(user, actions, object, || self.find_about(object))
    }

    fn check_about(
        &self,
        user: &Arc<User>,
        actions: &[PermittedAction],
        object: &Protected<'_>,
        about: impl FnOnce() -> Arc<[usize]>,
    ) -> Result<(), RequestError> {
        if !self.snapshot.has_permissions() {
            return if user.name.is_empty() { Err(denied(NOBODY.to_owned())) } else { Ok(()) };
        }
        let about = about();
        let admitting = self.admitting(user);
        let granting = |at: &&usize| {
            let rule = self.permissions.get(**at).map(PermissionRule::permission);
            rule.is_some_and(|rule| actions.iter().all(|action| rule.actions.contains(action)))
        };
        let matching = about.iter().filter(granting);
        if matching.clone().any(|at| admitting.get(*at).copied().unwrap_or_default()) {
            return Ok(());
        }
        let refusals: Vec<String> = matching
            .filter_map(|at| self.permissions.get(*at))
            .map(|rule| refusal(rule, actions, object))
            .collect();
        Err(denied(if refusals.is_empty() { no_permission(actions, object) } else { refusals.join(",") }))
    }

    fn about(&self, object: &Protected<'_>) -> Arc<[usize]> {
        {
            let about = self.about.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(known) = about.get(&object.kind).and_then(|names| names.get(object.name)) {
                return Arc::clone(known);
            }
        }
        let found = self.find_about(object);
        let mut about = self.about.write().unwrap_or_else(PoisonError::into_inner);
        about.entry(object.kind).or_default().insert(object.name.to_owned(), Arc::clone(&found));
        found
    }

    fn find_about(&self, object: &Protected<'_>) -> Arc<[usize]> {
        let is_about =
            |(_, rule): &(usize, &PermissionRule)| rule.is_about(object.kind, object.name, object.tags);
        self.permissions.iter().enumerate().filter(is_about).map(|(at, _)| at).collect()
    }

    fn admitting(&self, user: &Arc<User>) -> Arc<[bool]> {
        {
            let admitting = self.admitting.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(known) = admitting.get(user) {
                return Arc::clone(known);
            }
        }
        let found: Arc<[bool]> =
            self.permissions.iter().map(|rule| rule.permission().policy.admits(user)).collect();
        let mut admitting = self.admitting.write().unwrap_or_else(PoisonError::into_inner);
        if admitting.len() >= MAX_USERS {
            admitting.clear();
        }
        admitting.insert(Arc::clone(user), Arc::clone(&found));
        found
    }
}

const NOBODY: &str = "No permissions defined and no authenticated user context. Access denied.";

fn denied(details: String) -> RequestError {
    RequestError::PermissionDenied { details }
}

fn refusal(rule: &PermissionRule, actions: &[PermittedAction], object: &Protected<'_>) -> String {
    let names: Vec<String> = actions.iter().map(|action| format!("'{}'", action.name())).collect();
    format!(
        "Permission {} denied execution of [{}] to {}:{}: {}",
        rule.permission().name,
        names.join(", "),
        object.kind.name(),
        object.name,
        rule.permission().policy.refusal()
    )
}

/// Feast shows Python's names of actions and classes.
fn no_permission(actions: &[PermittedAction], object: &Protected<'_>) -> String {
    let shown: Vec<String> = actions
        .iter()
        .map(|action| format!("<AuthzedAction.{}: '{}'>", action.name(), action.name().to_ascii_lowercase()))
        .collect();
    let module = match object.kind {
        PermissionType::LabelView => "labeling.label_view".to_owned(),
        kind => snake_case(kind.name()),
    };
    format!(
        "No permissions defined to manage [{}] on <class 'feast.{module}.{}'>/{}.",
        shown.join(", "),
        object.kind.name(),
        object.name
    )
}

/// `FeatureView` as `feature_view`.
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for character in name.chars() {
        if character.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        // Writing to a string cannot fail.
        let _written = write!(snake, "{}", character.to_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use larder_core::{Permission, Policy, Project, Timestamp};
    use larder_registry::{Registered, SnapshotObjects, UnsupportedObject};
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::{select, subsequence};

    use super::*;

    const KINDS: [PermissionType; 6] = [
        PermissionType::FeatureView,
        PermissionType::BatchFeatureView,
        PermissionType::StreamFeatureView,
        PermissionType::LabelView,
        PermissionType::OnDemandFeatureView,
        PermissionType::FeatureService,
    ];
    const NAMES: [&str; 4] = ["a", "ab", "abc", "b"];
    const ACTIONS: [PermittedAction; 3] =
        [PermittedAction::ReadOnline, PermittedAction::WriteOnline, PermittedAction::WriteOffline];

    /// A pattern of names beside what it means.
    #[derive(Clone, Debug)]
    enum Pattern {
        Exactly(&'static str),
        StartsWith(&'static str),
        Either(&'static str, &'static str),
        Anything,
    }

    impl Pattern {
        fn text(&self) -> String {
            match self {
                Self::Exactly(name) => (*name).to_owned(),
                Self::StartsWith(start) => format!("{start}.*"),
                Self::Either(one, other) => format!("{one}|{other}"),
                Self::Anything => ".*".to_owned(),
            }
        }

        fn means(&self, name: &str) -> bool {
            match self {
                Self::Exactly(only) => name == *only,
                Self::StartsWith(start) => name.starts_with(start),
                Self::Either(one, other) => name == *one || name == *other,
                Self::Anything => true,
            }
        }
    }

    fn pattern() -> impl Strategy<Value = Pattern> {
        prop_oneof![
            select(&NAMES[..]).prop_map(Pattern::Exactly),
            select(&NAMES[..]).prop_map(Pattern::StartsWith),
            (select(&NAMES[..]), select(&NAMES[..])).prop_map(|(one, other)| Pattern::Either(one, other)),
            Just(Pattern::Anything),
        ]
    }

    fn words() -> impl Strategy<Value = Vec<String>> {
        subsequence(vec!["x".to_owned(), "y".to_owned(), "z".to_owned()], 0..=2)
    }

    fn tags() -> impl Strategy<Value = BTreeMap<String, String>> {
        let tag = (select(vec!["team", "stage"]), select(vec!["1", "2"]));
        vec(tag, 0..=2).prop_map(|tags| tags.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect())
    }

    fn policy() -> impl Strategy<Value = Policy> {
        prop_oneof![
            Just(Policy::AllowAll),
            words().prop_map(Policy::Roles),
            words().prop_map(Policy::Groups),
            words().prop_map(Policy::Namespaces),
            (words(), words())
                .prop_map(|(groups, namespaces)| Policy::GroupsAndNamespaces { groups, namespaces }),
        ]
    }

    fn permission() -> impl Strategy<Value = (Permission, Vec<Pattern>)> {
        let kinds = subsequence(KINDS.to_vec(), 0..=2);
        let actions = subsequence(ACTIONS.to_vec(), 1..=3);
        (kinds, vec(pattern(), 0..=2), tags(), actions, policy()).prop_map(
            |(types, patterns, required_tags, actions, policy)| {
                let permission = Permission {
                    name: "p".to_owned(),
                    types,
                    name_patterns: patterns.iter().map(Pattern::text).collect(),
                    required_tags,
                    actions,
                    policy,
                    tags: BTreeMap::new(),
                };
                (permission, patterns)
            },
        )
    }

    fn user() -> impl Strategy<Value = Arc<User>> {
        (select(vec!["", "ada"]), words(), words(), words()).prop_map(|(name, roles, groups, namespaces)| {
            Arc::new(User { name: name.to_owned(), roles, groups, namespaces })
        })
    }

    fn object() -> impl Strategy<Value = (PermissionType, &'static str)> {
        (select(KINDS.to_vec()), select(&NAMES[..]))
    }

    /// Feast's rule as one would tell it.
    fn naive(
        permissions: &[(Permission, Vec<Pattern>)],
        user: &User,
        actions: &[PermittedAction],
        object: &Protected<'_>,
    ) -> bool {
        use PermissionType::{BatchFeatureView, FeatureView, StreamFeatureView};
        if permissions.is_empty() {
            return !user.name.is_empty();
        }
        permissions.iter().any(|(permission, patterns)| {
            let of_kind = permission.types.iter().any(|kind| {
                *kind == object.kind
                    || *kind == FeatureView && [BatchFeatureView, StreamFeatureView].contains(&object.kind)
            });
            let shares =
                |wanted: &Vec<String>, has: &Vec<String>| wanted.iter().any(|word| has.contains(word));
            let is_for_user = match &permission.policy {
                Policy::Roles(roles) => shares(roles, &user.roles),
                Policy::Groups(groups) => shares(groups, &user.groups),
                Policy::Namespaces(namespaces) => shares(namespaces, &user.namespaces),
                Policy::GroupsAndNamespaces { groups, namespaces } => {
                    shares(groups, &user.groups) || shares(namespaces, &user.namespaces)
                }
                _ => true,
            };
            (permission.types.is_empty() || of_kind)
                && (patterns.is_empty() || patterns.iter().any(|pattern| pattern.means(object.name)))
                && permission.required_tags.iter().all(|(key, value)| object.tags.get(key) == Some(value))
                && actions.iter().all(|action| permission.actions.contains(action))
                && is_for_user
        })
    }

    fn snapshot(permissions: Vec<Permission>) -> RegistrySnapshot {
        let registered = |permission| Registered::new(permission, Timestamp::EPOCH, Timestamp::EPOCH);
        let permissions = permissions.into_iter().map(registered).collect();
        let objects = SnapshotObjects { permissions, ..SnapshotObjects::default() };
        RegistrySnapshot::new("1".into(), Project::new("p"), Timestamp::EPOCH, objects)
    }

    proptest! {
        #[test]
        fn decisions_are_those_of_the_rule_told_plainly_whoever_asked_before(
            permissions in vec(permission(), 0..4),
            users in vec(user(), 1..4),
            objects in vec(object(), 1..5),
            tags in tags(),
        ) {
            let rules = Rules::new(Arc::new(snapshot(permissions.iter().map(|(one, _)| one.clone()).collect())));
            // An object has one set of tags, which its name and kind stand for.
            let tags = |kind: PermissionType| if kind == KINDS[0] { tags.clone() } else { BTreeMap::new() };
            for _again in 0..2 {
                for user in &users {
                    for (kind, name) in &objects {
                        let tags = tags(*kind);
                        let object = Protected { kind: *kind, name, tags: &tags };
                        for actions in [&ACTIONS[..1], &ACTIONS[1..2], &ACTIONS[1..]] {
                            let decided = rules.check(user, actions, &object).is_ok();
                            prop_assert_eq!(decided, naive(&permissions, user, actions, &object));
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_permission_that_cannot_be_used_grants_nothing_and_still_closes_the_project() {
        let user = Arc::new(User { name: "ada".into(), ..User::default() });
        let tags = BTreeMap::new();
        let object = Protected { kind: PermissionType::FeatureView, name: "a", tags: &tags };
        let lookaround = Permission {
            name: "p".into(),
            types: Vec::new(),
            name_patterns: vec!["(?=a).*".into()],
            required_tags: BTreeMap::new(),
            actions: ACTIONS.to_vec(),
            policy: Policy::AllowAll,
            tags: BTreeMap::new(),
        };
        let rules = Rules::new(Arc::new(snapshot(vec![lookaround])));
        assert!(rules.check(&user, &ACTIONS, &object).is_err());
        let unknown = UnsupportedObject {
            kind: larder_registry::ObjectKind::Permission,
            name: "p".into(),
            reason: "its types are unknown".into(),
        };
        let rules = Rules::new(Arc::new(snapshot(Vec::new()).with_unsupported(vec![unknown])));
        assert!(rules.check(&user, &ACTIONS, &object).is_err());
        assert!(Rules::new(Arc::new(snapshot(Vec::new()))).check(&user, &ACTIONS, &object).is_ok());
    }
}
