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
