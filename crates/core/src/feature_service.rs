//! Feature services: the features of one model.

use std::collections::BTreeMap;

use crate::{FeatureViewProjection, LoggingConfig};

/// The features that one model uses, under one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureService {
    /// Unique name in the project.
    pub name: String,
    /// Projections of feature views and on-demand feature views, in order.
    pub features: Vec<FeatureViewProjection>,
    /// Where its answers are logged.
    pub logging_config: Option<LoggingConfig>,
    /// Whether one vector of all its features is kept for each entity.
    pub precompute_online: bool,
    /// What it is, for people.
    pub description: String,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
    /// Who answers for it.
    pub owner: String,
}

impl FeatureService {
    /// A service of this name with nothing but its features.
    pub fn new(name: impl Into<String>, features: Vec<FeatureViewProjection>) -> Self {
        Self {
            name: name.into(),
            features,
            logging_config: None,
            precompute_online: false,
            description: String::new(),
            tags: BTreeMap::new(),
            owner: String::new(),
        }
    }
}
