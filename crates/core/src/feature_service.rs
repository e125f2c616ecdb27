//! Feature services: the features of one model.

use std::collections::BTreeMap;

use crate::FeatureViewProjection;

/// The features that one model uses, under one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureService {
    /// Unique name in the project.
    pub name: String,
    /// Projections of feature views and on-demand feature views, in order.
    pub features: Vec<FeatureViewProjection>,
    /// What it is, for people.
    pub description: String,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
    /// Who answers for it.
    pub owner: String,
}
