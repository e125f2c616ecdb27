//! References to features: `view:feature`.

use std::fmt;

use crate::RequestError;

/// Names one feature of one view: `view:feature`, or `view@v2:feature`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FeatureReference {
    /// The view's name or alias.
    pub view: String,
    /// The version named; `@latest` counts as none.
    pub version: Option<u32>,
    /// The feature's name.
    pub feature: String,
}

impl FeatureReference {
    /// Splits at the first `:`. What follows the view's first `@` is a version if it reads as one; else it
    /// belongs to the name.
    ///
    /// # Errors
    ///
    /// [`RequestError::InvalidFeatureReference`] with Feast's text.
    pub fn parse(reference: &str) -> Result<Self, RequestError> {
        let invalid = || RequestError::InvalidFeatureReference { reference: reference.to_owned() };
        let (view, feature) = reference.split_once(':').ok_or_else(invalid)?;
        let (view, version) = split_version(view);
        if view.is_empty() || feature.is_empty() {
            return Err(invalid());
        }
        Ok(Self { view: view.to_owned(), version, feature: feature.to_owned() })
    }
}

/// A view's name and the version that follows it: `view`, `view@latest`, `view@v2`.
pub fn split_version(view: &str) -> (&str, Option<u32>) {
    let Some((name, version)) = view.split_once('@') else { return (view, None) };
    if version.is_empty() || version.eq_ignore_ascii_case("latest") {
        return (name, None);
    }
    let digits = version.strip_prefix(['v', 'V']);
    let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    match digits.and_then(|digits| digits.parse().ok()) {
        Some(number) => (name, Some(number)),
        None => (view, None),
    }
}

impl fmt::Display for FeatureReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            Some(version) => write!(f, "{}@v{version}:{}", self.view, self.feature),
            None => write!(f, "{}:{}", self.view, self.feature),
        }
    }
}
