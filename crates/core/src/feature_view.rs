//! Feature views: features of one or more entities from one source.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{Field, Timestamp};

/// Features of one or more entities, read from one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureView {
    /// Unique name among all views of the project, ignoring case.
    pub name: String,
    /// Names of its entities; empty for a view without entities.
    pub entities: Vec<String>,
    /// The join key columns, one an entity, in the order of `entities`; the one hidden key for a view
    /// without entities.
    pub join_keys: Vec<Field>,
    /// The features, without the join keys.
    pub features: Vec<Field>,
    /// How long a value counts after its event time; zero means for ever.
    pub ttl: Duration,
    /// The name of the source that holds the history; `None` for a view that is only pushed to.
    pub batch_source: Option<String>,
    /// The name of the push source that feeds it.
    pub stream_source: Option<String>,
    /// Whether its newest values are kept online.
    pub online: bool,
    /// Whether pushed rows may be kept in its history.
    pub offline: bool,
    /// Whether it may be used at all.
    pub enabled: bool,
    /// What it is, for people.
    pub description: String,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
    /// Who answers for it.
    pub owner: String,
}

/// A span of event time that has been moved into the online store, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MaterializationInterval {
    /// The earliest event time.
    pub start: Timestamp,
    /// The latest event time.
    pub end: Timestamp,
}

impl FeatureView {
    /// The position of a feature by its name.
    pub fn feature_index(&self, name: &str) -> Option<usize> {
        self.features.iter().position(|feature| feature.name == name)
    }

    /// Whether it has no entities, so that one row of values holds for all.
    pub fn is_entityless(&self) -> bool {
        self.entities.is_empty()
    }
}
