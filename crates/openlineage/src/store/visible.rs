//! The namespaces that somebody may know of.

use std::collections::BTreeSet;

use serde_json::json;

/// The namespaces that somebody may know of.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VisibleNamespaces {
    /// All.
    All,
    /// These and no others.
    Only(BTreeSet<String>),
}

impl VisibleNamespaces {
    /// Whether it is one of them.
    pub fn contains(&self, namespace: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(namespaces) => namespaces.contains(namespace),
        }
    }

    /// As a parameter of a statement, for [`is_visible`]: a list in JSON, or null for all.
    pub(super) fn parameter(&self) -> Option<String> {
        match self {
            Self::All => None,
            Self::Only(namespaces) => Some(json!(namespaces).to_string()),
        }
    }
}

/// The condition that a column is a visible namespace, where the first parameter says which are.
pub(super) fn is_visible(column: &str) -> String {
    format!("(?1 IS NULL OR {column} IN (SELECT value FROM json_each(?1)))")
}
