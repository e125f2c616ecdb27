//! Which objects a permission is about.

use std::collections::BTreeMap;

use larder_core::{Error, ErrorKind, Permission, PermissionType};
use regex::Regex;

/// A pattern of names that is no regular expression.
#[derive(Clone, Debug, thiserror::Error)]
#[error("`{pattern}`, a name pattern of permission `{permission}`, is not a regular expression")]
pub struct InvalidPattern {
    /// The permission.
    pub permission: String,
    /// The pattern.
    pub pattern: String,
    /// What is wrong with it.
    pub source: regex::Error,
}

impl From<InvalidPattern> for Error {
    fn from(error: InvalidPattern) -> Self {
        Self::new(ErrorKind::Invalid, error)
    }
}

/// A permission, ready to be compared with objects.
#[derive(Clone, Debug)]
pub struct PermissionRule {
    permission: Permission,
    patterns: Vec<Regex>,
}

impl PermissionRule {
    /// The rule of a permission.
    ///
    /// # Errors
    ///
    /// [`InvalidPattern`] if a pattern of names is no regular expression, or one that larder does not have,
    /// such as those that look around.
    pub fn new(permission: Permission) -> Result<Self, InvalidPattern> {
        let compile = |pattern: &String| {
            whole_name(pattern).map_err(|source| InvalidPattern {
                permission: permission.name.clone(),
                pattern: pattern.clone(),
                source,
            })
        };
        let patterns = permission.name_patterns.iter().map(compile).collect::<Result<_, _>>()?;
        Ok(Self { permission, patterns })
    }

    /// The permission.
    pub fn permission(&self) -> &Permission {
        &self.permission
    }

    /// Whether it is about an object: one of its kinds, its whole name matched by one of the patterns where
    /// there are any, and with all required tags. Feature views of the batch and stream kinds are feature
    /// views too.
    pub fn is_about(&self, kind: PermissionType, name: &str, tags: &BTreeMap<String, String>) -> bool {
        let types = &self.permission.types;
        let is_feature_view =
            matches!(kind, PermissionType::BatchFeatureView | PermissionType::StreamFeatureView);
        (types.is_empty()
            || types.contains(&kind)
            || is_feature_view && types.contains(&PermissionType::FeatureView))
            && (self.patterns.is_empty() || self.patterns.iter().any(|pattern| pattern.is_match(name)))
            && self.permission.required_tags.iter().all(|(key, value)| tags.get(key) == Some(value))
    }
}

/// A regular expression that matches whole names only.
pub(crate) fn whole_name(pattern: &str) -> Result<Regex, regex::Error> {
    // On its own first: what is no expression must not become one between the parentheses.
    Regex::new(pattern)?;
    Regex::new(&format!("^(?:{pattern})$"))
}

#[cfg(test)]
mod tests {
    use larder_core::{PermittedAction, Policy};

    use super::*;

    fn rule(types: &[PermissionType], patterns: &[&str], required: &[(&str, &str)]) -> PermissionRule {
        PermissionRule::new(Permission {
            name: "rule".to_owned(),
            types: types.to_vec(),
            name_patterns: patterns.iter().map(ToString::to_string).collect(),
            required_tags: labels(required),
            actions: PermittedAction::ALL.to_vec(),
            policy: Policy::AllowAll,
            tags: BTreeMap::new(),
        })
        .unwrap()
    }

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_pattern_must_match_the_whole_name() {
        let rule = rule(&[], &["driver|rider", "trip_.*"], &[]);
        let about = |name: &str| rule.is_about(PermissionType::Entity, name, &BTreeMap::new());
        assert!(about("driver") && about("rider") && about("trip_a"));
        assert!(!about("drivers") && !about("my_rider") && !about("a_trip_a"));
    }

    #[test]
    fn every_required_tag_must_be_there() {
        let rule = rule(&[], &[], &[("team", "a"), ("stage", "b")]);
        let about = |tags: &[(&str, &str)]| rule.is_about(PermissionType::Entity, "e", &labels(tags));
        assert!(about(&[("team", "a"), ("stage", "b"), ("more", "c")]));
        assert!(!about(&[("team", "a")]) && !about(&[("team", "a"), ("stage", "c")]) && !about(&[]));
    }

    #[test]
    fn views_of_batch_and_stream_are_feature_views_and_labels_are_not() {
        use PermissionType::{
            BatchFeatureView, FeatureView, LabelView, OnDemandFeatureView, StreamFeatureView,
        };
        let views = rule(&[FeatureView], &[], &[]);
        let about = |kind| views.is_about(kind, "v", &BTreeMap::new());
        assert!(about(FeatureView) && about(BatchFeatureView) && about(StreamFeatureView));
        assert!(!about(LabelView) && !about(OnDemandFeatureView));
        let streams = rule(&[StreamFeatureView], &[], &[]);
        assert!(!streams.is_about(FeatureView, "v", &BTreeMap::new()));
    }

    #[test]
    fn a_pattern_that_only_parentheses_complete_is_refused() {
        assert!(whole_name("a)(?:b").is_err() && whole_name("(").is_err() && whole_name("a|b").is_ok());
    }
}
