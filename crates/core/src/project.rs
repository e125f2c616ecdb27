//! Projects: the namespace of all objects.

use std::collections::BTreeMap;

/// The namespace of all objects of a feature repo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// The name, as `feature_store.yaml` gives it.
    pub name: String,
    /// What it is, for people.
    pub description: String,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
    /// Who answers for it.
    pub owner: String,
}

impl Project {
    /// A project with nothing but a name.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), description: String::new(), tags: BTreeMap::new(), owner: String::new() }
    }
}

/// A tag that hides a project from listings and keeps it from being torn down.
pub const PROTECTED_PROJECT_TAG: &str = "feast.dev/protected-project";

impl Project {
    /// Whether a name may be that of a project: letters, digits, `_` and `-`, not beginning with the last two.
    pub fn is_valid_name(name: &str) -> bool {
        !name.is_empty()
            && !name.starts_with(['_', '-'])
            && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
    }

    /// Whether its tags protect it.
    pub fn is_protected(&self) -> bool {
        self.tags.get(PROTECTED_PROJECT_TAG).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }
}
